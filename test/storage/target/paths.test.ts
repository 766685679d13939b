import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FILES_PER_FOLDER, folderOf, idOf, pathOf } from '../../../src/storage/target/paths.ts';

describe('where a numbered file lies', () => {
  it.each([
    [0, '00000/00000000'],
    [4095, '00000/00000fff'],
    [4096, '00001/00001000'],
    [0xffff_ffff, 'fffff/ffffffff'],
    [2 ** 40, '10000000/10000000000'],
  ])('%d: %s', (id, path) => {
    expect(pathOf('/root', id)).toBe(`/root/${path}`);
  });

  it('every number comes back from its name', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (id) => {
        const [folder, name] = pathOf('', id).split('/') as [string, string];
        expect(idOf(name)).toBe(id);
        expect(folder).toBe(folderOf(id));
        expect(folderOf(id) === folderOf(id + FILES_PER_FOLDER)).toBe(false);
      }),
    );
  });

  it.each([
    '',
    '1',
    '0000000',
    '0000000G',
    '0000000A',
    '000000001',
    '00000001.new',
    ' 0000001',
    '-0000001',
  ])('%j is no name of a file', (name) => {
    expect(idOf(name)).toBeUndefined();
  });
});
