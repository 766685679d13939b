/** Property: any tar by any compressor or none comes back, also when its files are known from another layer. */
import { constants, gzipSync, type ZlibOptions } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CuttableFormat } from '../../../src/dedup/section/layer-cutter.ts';
import { noise, text } from '../../codec/support/content.ts';
import { runs } from '../../codec/support/effort.ts';
import { makeTar, type TarEntry } from '../../support/tar.ts';
import { MemoryLayers } from '../support/memory-layers.ts';

const body = fc
  .tuple(fc.nat(6), fc.integer({ min: 0, max: 60_000 }), fc.boolean())
  .map(([seed, size, isText]) => (isText ? text(size, seed + 1) : noise(size >> 3, seed + 1)));

const entries = fc
  .array(body, { maxLength: 25 })
  .map((bodies): TarEntry[] => bodies.map((bytes, i) => ({ path: `file-${i}`, bytes })));

const compression = fc.record<ZlibOptions>({
  level: fc.nat(9),
  memLevel: fc.integer({ min: 1, max: 9 }),
  windowBits: fc.integer({ min: 9, max: 15 }),
  strategy: fc.constantFrom(
    constants.Z_DEFAULT_STRATEGY,
    constants.Z_HUFFMAN_ONLY,
    constants.Z_RLE,
    constants.Z_FIXED,
  ),
});

/** A layer, and what it is. */
interface AnyLayer {
  readonly file: Buffer;
  readonly format: CuttableFormat;
}

/** A tar, perhaps cut short or followed by what is none, as it is. */
const plainLayer = fc
  .tuple(entries, fc.nat(3), fc.uint8Array({ maxLength: 2000 }))
  .map(([files, missing, tail]): AnyLayer => {
    const whole = makeTar(files);
    const tar = whole.subarray(0, whole.length - missing * 300);
    return { file: Buffer.concat([tar, tail]), format: 'tar' };
  });

/** A tar, perhaps cut into members and cut short, by one compressor. */
const gzipLayer = fc
  .tuple(
    entries,
    compression,
    fc.integer({ min: 1, max: 4 }),
    fc.nat(3),
    fc.uint8Array({ maxLength: 20 }),
  )
  .map(([files, options, members, missing, tail]) => {
    const whole = makeTar(files);
    const tar = whole.subarray(0, whole.length - missing * 100);
    const size = Math.ceil(tar.length / members);
    const parts = Array.from({ length: members }, (_, i) =>
      gzipSync(tar.subarray(i * size, (i + 1) * size), options),
    );
    return Buffer.concat([...parts, tail]);
  })
  // What begins like a member and is none is refused.
  .filter((file) => file.length > 0)
  .map((file): AnyLayer => ({ file, format: 'gzip' }));

const layer = fc.oneof(gzipLayer, plainLayer);

describe('random layers', () => {
  it('come back bit for bit', () => {
    fc.assert(
      fc.property(
        fc.array(layer, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 99_999 }),
        (files, chunk) => {
          const layers = new MemoryLayers();
          const stored = files.map(({ file, format }) => layers.add(file, chunk, format));
          for (const [i, { file }] of files.entries()) {
            expect(layers.rebuild(stored[i]!).equals(file)).toBe(true);
          }
        },
      ),
      runs(40),
    );
  });
});
