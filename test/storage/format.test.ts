import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FORMAT, FormatError, noteFormat, readFormat } from '../../src/storage/format.ts';
import { openStore } from '../../src/storage/store.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await makeTemporary('format');
  file = join(folder, 'format.json');
});
afterEach(() => removeTemporary(folder));

describe('decisions 7: the format version on disk', () => {
  it('is noted in a new data directory, and known again', async () => {
    expect(await readFormat(folder)).toBeUndefined();
    await noteFormat(folder);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ format: FORMAT });
    expect(await readdir(folder)).toEqual(['format.json']);
    expect(await readFormat(folder)).toBe(FORMAT);
  });

  it('is refused when it is newer, with both versions in the message', async () => {
    const text = JSON.stringify({ format: FORMAT + 1, more: true });
    await writeFile(file, text);
    const refused = expect(readFormat(folder)).rejects;
    await refused.toThrow(FormatError);
    await expect(readFormat(folder)).rejects.toThrow(`has format ${FORMAT + 1}`);
    await expect(readFormat(folder)).rejects.toThrow(`knows ${FORMAT}`);
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  it.each(['', 'not JSON', '{}', '{"format":"1"}', 'null', '[]'])('%j is refused', async (text) => {
    await writeFile(file, text);
    await expect(readFormat(folder)).rejects.toThrow(FormatError);
  });

  it('a store of a newer version is not touched, and not kept locked', async () => {
    await writeFile(file, JSON.stringify({ format: FORMAT + 1 }));
    await expect(openStore(folder)).rejects.toThrow(FormatError);
    const names = await readdir(folder);
    expect(names.filter((name) => !name.startsWith('lock'))).toEqual(['format.json']);
    await rm(file);
    await (await openStore(folder)).close();
    expect(await readFormat(folder)).toBe(FORMAT);
  });
});
