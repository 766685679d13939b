import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceSecretFile } from '../../../src/registry/auth/secret-file.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';

let folder: string;

beforeEach(async () => {
  folder = await makeTemporary('secret-file');
});
afterEach(() => removeTemporary(folder));

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('decisions 5: files that hold secrets', () => {
  it('are readable by their owner only and leave nothing else behind', async () => {
    const path = join(folder, 'key');
    await replaceSecretFile(path, 'one');
    expect(await readFile(path, 'utf8')).toBe('one');
    expect(await modeOf(path)).toBe(0o600);
    await chmod(path, 0o644);
    await replaceSecretFile(path, 'two');
    expect(await readFile(path, 'utf8')).toBe('two');
    expect(await modeOf(path)).toBe(0o600);
    expect(await readdir(folder)).toEqual(['key']);
  });

  it('take the mode that is asked for', async () => {
    const path = join(folder, 'key');
    await replaceSecretFile(path, 'one', { mode: 0o640 });
    expect(await modeOf(path)).toBe(0o640);
  });

  it('stay whole when they cannot be replaced, and no half-written file stays', async () => {
    const path = join(folder, 'taken');
    await mkdir(path);
    await writeFile(join(path, 'inside'), 'kept');
    await expect(replaceSecretFile(path, 'new')).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['taken']);
    expect(await readFile(join(path, 'inside'), 'utf8')).toBe('kept');
  });
});
