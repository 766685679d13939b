import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  DataDirectoryLockedError,
  LockFileDamagedError,
  lockDirectory,
} from '../../src/storage/lock.ts';
import { openStore } from '../../src/storage/store.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';

const HOLDER = join(import.meta.dirname, 'support/lock-holder.ts');

let folder: string;
let children: ChildProcess[];
beforeEach(async () => {
  folder = await makeTemporary('lock');
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await removeTemporary(folder);
});

/** Starts another process that opens the folder; resolves with the first line it says. */
async function startHolder(what: 'lock' | 'store') {
  const child = spawn(process.execPath, [HOLDER, what, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const [said] = await once(child.stdout, 'data');
  return { child, said: String(said).trim() };
}

describe('decisions 7: one process owns a data directory', () => {
  it('another process is refused with a clear error, and may have it afterwards', async () => {
    const lock = lockDirectory(folder);
    const refused = await startHolder('lock');
    expect(refused.said).toBe(
      `DataDirectoryLockedError: the data directory ${folder} is in use by another process`,
    );
    lock.release();
    expect((await startHolder('lock')).said).toBe('held');
  });

  it('the same process is refused too', () => {
    const lock = lockDirectory(folder);
    expect(() => lockDirectory(folder)).toThrow(DataDirectoryLockedError);
    // The refusal took nothing away from the one that holds it.
    expect(() => lockDirectory(folder)).toThrow(DataDirectoryLockedError);
    lock.release();
    lockDirectory(folder).release();
  });

  it('a process that is killed lets go of it', async () => {
    const { child, said } = await startHolder('lock');
    expect(said).toBe('held');
    expect(() => lockDirectory(folder)).toThrow(DataDirectoryLockedError);
    child.kill('SIGKILL');
    await once(child, 'exit');
    lockDirectory(folder).release();
  });

  it('a damaged lock file is told, and can be made anew', async () => {
    const path = join(folder, 'lock');
    await writeFile(path, 'no database at all\n'.repeat(100));
    expect(() => lockDirectory(folder)).toThrow(LockFileDamagedError);
    expect(() => lockDirectory(folder)).toThrow(`the lock file ${path} is damaged`);
    await rm(path);
    lockDirectory(folder).release();
  });

  it('a folder that is not there is an error of its own', () => {
    const missing = join(folder, 'missing');
    expect(() => lockDirectory(missing)).toThrow();
    expect(() => lockDirectory(missing)).not.toThrow(DataDirectoryLockedError);
  });

  it('goes for the store: refused while one is open, also after a kill -9 whole again', async () => {
    const { child, said } = await startHolder('store');
    expect(said).toBe('held');
    await expect(openStore(folder)).rejects.toThrow(DataDirectoryLockedError);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const store = await openStore(folder);
    expect((await startHolder('store')).said).toMatch('in use by another process');
    await store.close();
    const next = await startHolder('store');
    expect(next.said).toBe('held');
    next.child.stdin?.end();
    await once(next.child, 'exit');
    await (await openStore(folder)).close();
  });
});
