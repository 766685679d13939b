/** One comparison for several readers, each of whom sees every block in its order. */
import { describe, expect, it } from 'vitest';
import { LayerDamagedError } from '../../../src/dedup/errors.ts';
import { BLOCK_SIZE } from '../../../src/dedup/recipe/block-sums.ts';
import { DigestCheck } from '../../../src/dedup/restore/digest-check.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { noise } from '../../codec/support/content.ts';

const FILE = noise(2 * BLOCK_SIZE + 100);
const BLOCKS = [0, 1, 2].map((i) => FILE.subarray(i * BLOCK_SIZE, (i + 1) * BLOCK_SIZE));
const index = { size: FILE.length, plainSize: 0, sections: [], sums: new Uint8Array(0) };

const checkOf = (digest: string): DigestCheck => new DigestCheck(digest, { recipe: 5, index });

describe('the digest of a layer', () => {
  it('is that of its blocks, in whatever turns readers come to them', () => {
    const check = checkOf(digestOf(FILE));
    for (const number of [0, 0, 1, 0, 1, 2, 1, 2, 0]) check.see(number, BLOCKS[number]!);
    check.requireNotWrong();
  });

  it('keeps the last block back when it differs, and everything from then on', () => {
    const check = checkOf(digestOf(BLOCKS[0]!));
    check.see(0, BLOCKS[0]!);
    check.see(1, BLOCKS[1]!);
    check.requireNotWrong();
    expect(() => check.see(2, BLOCKS[2]!)).toThrow(LayerDamagedError);
    expect(() => check.see(0, BLOCKS[0]!)).toThrow(LayerDamagedError);
    expect(() => check.requireNotWrong()).toThrow(LayerDamagedError);
  });

  it('lets nobody come to a block without those before it', () => {
    const check = checkOf(digestOf(FILE));
    check.see(0, BLOCKS[0]!);
    expect(() => check.see(2, BLOCKS[2]!)).toThrow('without those before it');
  });
});
