import { rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type WatchedFile, watchFile } from '../../../src/registry/auth/watched-file.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { recordingLogger } from './support.ts';

let folder: string;
let path: string;
let file: WatchedFile<string> | undefined;
let logger: ReturnType<typeof recordingLogger>;
let changes: string[];

beforeEach(async () => {
  folder = await makeTemporary('watched-file');
  path = join(folder, 'file');
  logger = recordingLogger();
  changes = [];
});
afterEach(async () => {
  file?.close();
  await removeTemporary(folder);
});

async function watch(options: { pollInterval?: number; onChange?: () => void } = {}) {
  file = await watchFile({
    path,
    logger,
    pollInterval: options.pollInterval ?? 3_600_000,
    parse: (text) => {
      if (text.includes('bad')) throw new Error('it is bad');
      return text;
    },
    onChange: (value) => {
      changes.push(value);
      options.onChange?.();
    },
  });
  return file;
}

const errors = () => logger.entries.filter(({ level }) => level === 'error');

describe('decisions 5: configuration files are read again when they change', () => {
  it('reads the file at once, and fails when it cannot', async () => {
    await expect(watch()).rejects.toThrow('ENOENT');
    await writeFile(path, 'bad');
    await expect(watch()).rejects.toThrow('it is bad');
    await writeFile(path, 'one');
    expect((await watch()).value).toBe('one');
    expect(changes).toEqual([]);
  });

  it('sees what was written before it is asked, also twice within one time stamp', async () => {
    await writeFile(path, 'one');
    const watched = await watch();
    for (const text of ['two', 'six', 'ten']) {
      await writeFile(path, text);
      await watched.refresh();
      expect(watched.value).toBe(text);
    }
    expect(changes).toEqual(['two', 'six', 'ten']);
  });

  it('sees what was written while an earlier look was under way', async () => {
    await writeFile(path, 'one');
    const watched = await watch();
    for (let round = 0; round < 50; round++) {
      const earlier = watched.refresh();
      await writeFile(path, `round ${round}`);
      await watched.refresh();
      expect(watched.value).toBe(`round ${round}`);
      await earlier;
    }
  });

  it('sees a file that was put in its place, even one of the same size and time', async () => {
    const old = new Date(Date.now() - 3_600_000);
    await writeFile(path, 'one');
    await utimes(path, old, old);
    const watched = await watch();
    await writeFile(`${path}.new`, 'two');
    await utimes(`${path}.new`, old, old);
    await rename(`${path}.new`, path);
    await watched.refresh();
    expect(watched.value).toBe('two');
  });

  it('says nothing when the text is the same', async () => {
    await writeFile(path, 'one');
    const watched = await watch();
    await writeFile(path, 'one');
    await watched.refresh();
    expect(changes).toEqual([]);
  });

  it('keeps the last good contents, reports once, and goes on when the file is good again', async () => {
    await writeFile(path, 'one');
    const watched = await watch();
    await rm(path);
    await watched.refresh();
    await watched.refresh();
    expect(watched.value).toBe('one');
    expect(errors()).toHaveLength(1);
    await writeFile(path, 'bad');
    await watched.refresh();
    await watched.refresh();
    expect(watched.value).toBe('one');
    expect(errors()).toHaveLength(2);
    expect(errors()[1]!.fields).toEqual({ path, reason: 'it is bad' });
    await writeFile(path, 'two');
    await watched.refresh();
    expect(watched.value).toBe('two');
    expect(changes).toEqual(['two']);
  });

  it('refuses a file that is far too large', async () => {
    await writeFile(path, 'one');
    const watched = await watch();
    await writeFile(path, Buffer.alloc(16 * 1024 * 1024 + 1));
    await watched.refresh();
    expect(watched.value).toBe('one');
    expect(errors()).toHaveLength(1);
  });

  it('looks by itself from time to time', async () => {
    await writeFile(path, 'one');
    const changed = Promise.withResolvers<void>();
    const watched = await watch({ pollInterval: 5, onChange: changed.resolve });
    await writeFile(`${path}.new`, 'two');
    await rename(`${path}.new`, path);
    await changed.promise;
    expect(watched.value).toBe('two');
  });
});
