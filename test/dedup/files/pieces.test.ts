/** Pieces of trees as bytes, and trees of many runs. */

import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TarWalker } from '../../../src/codec/tar/walker.ts';
import { TokenError } from '../../../src/codec/tokens/errors.ts';
import { RecipeError } from '../../../src/dedup/errors.ts';
import type { TreeEntry, TreePiece } from '../../../src/dedup/files/model.ts';
import { cleanPath, comparePaths, endOf, isBelow } from '../../../src/dedup/files/paths.ts';
import { packPiece, readPiece } from '../../../src/dedup/files/piece-format.ts';
import { Tree } from '../../../src/dedup/files/tree.ts';
import { TreeBuilder } from '../../../src/dedup/files/tree-builder.ts';
import { makeTar } from '../../support/tar.ts';

const MIB = 1024 * 1024;

const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter((text) => {
  return !/[/\0]/.test(text) && text !== '.' && text !== '..';
});
const path = fc.array(name, { maxLength: 5 }).map((names) => names.join('/'));
const number = fc.oneof(fc.nat(), fc.nat({ max: 0o7777 }), fc.maxSafeNat());
const digest = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'));

const entry: fc.Arbitrary<TreeEntry> = fc
  .record({
    path,
    type: fc.constantFrom<TreeEntry['type']>(
      'file',
      'directory',
      'symlink',
      'hardlink',
      'character-device',
      'fifo',
      'other',
      'whiteout',
      'opaque',
    ),
    numbers: fc.tuple(number, number, number, number, number),
    size: fc.oneof(fc.nat({ max: MIB }), fc.nat({ max: 20 * MIB })),
    mtime: fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
    link: path,
    digest,
    seed: fc.nat({ max: 255 }),
    isReadable: fc.boolean(),
  })
  .map(({ type, numbers, size, link, isReadable, seed, ...rest }) => {
    const [mode, uid, gid, major, minor] = numbers;
    const isLink = type === 'symlink' || type === 'hardlink';
    const isDevice = type === 'character-device';
    const parts = size > MIB ? Math.ceil(size / MIB) : 0;
    const { digest: own, ...common } = rest;
    const content = {
      digest: own,
      start: size * 7,
      section: seed,
      part: seed * 3,
      sums: new Uint8Array(parts * 16).fill(seed),
    };
    return {
      ...common,
      type,
      mode,
      uid,
      gid,
      size: type === 'file' ? size : 0,
      link: isLink ? link : '',
      deviceMajor: isDevice ? major : 0,
      deviceMinor: isDevice ? minor : 0,
      ...(type === 'file' && isReadable && { content }),
    };
  });

const sorted = fc
  .array(entry, { maxLength: 60 })
  .map((all) => all.sort((a, b) => comparePaths(a.path, b.path)));

const plain = (all: readonly TreeEntry[]): unknown =>
  all.map(({ content, ...rest }) => ({
    ...rest,
    ...(content && { content: { ...content, sums: [...content.sums] } }),
  }));

/** Whether an error is one that says that bytes make no sense. */
const isTyped = (error: unknown): boolean =>
  error instanceof TokenError || error instanceof RecipeError;

describe('a piece of a tree', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(sorted, (all) => {
        expect(plain(readPiece(packPiece(all)))).toEqual(plain(all));
      }),
    );
  });

  it('that is damaged is refused, or says something else, and nothing worse', () => {
    let refused = 0;
    fc.assert(
      fc.property(sorted, fc.nat(), fc.nat({ max: 255 }), (all, where, value) => {
        const bytes = Buffer.from(packPiece(all));
        const at = 6 + (where % (bytes.length - 6));
        bytes[at] = value;
        // With the right checksum, so that the decoder has to see for itself.
        bytes.writeUInt32LE(crc32(bytes.subarray(6)), 2);
        try {
          const found = readPiece(bytes);
          expect(found.length).toBeLessThanOrEqual(256);
        } catch (error) {
          expect(isTyped(error)).toBe(true);
          refused++;
        }
      }),
      { numRuns: 2_000 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  it('is no piece when it is anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => readPiece(bytes)).toThrow(TokenError);
      }),
    );
  });
});

describe('paths', () => {
  it('are in an order that puts what is in a directory right behind it', () => {
    fc.assert(
      fc.property(fc.array(path, { minLength: 2, maxLength: 30 }), (all) => {
        const order = [...all].sort(comparePaths);
        for (const [i, at] of order.entries()) {
          const below = order.flatMap((other, j) => (isBelow(other, at) ? [j] : []));
          for (const j of below) {
            expect(j).toBeGreaterThan(i);
            expect(comparePaths(order[j]!, endOf(at))).toBeLessThan(0);
          }
          const [first = 0, last = -1] = [below[0], below.at(-1)];
          for (let j = first; j <= last; j++) expect(isBelow(order[j]!, at)).toBe(true);
        }
      }),
    );
  });

  it.each([
    ['./a//b/./c/', 'a/b/c'],
    ['/', ''],
    ['a/../b', 'b'],
    ['../a', undefined],
    ['a/../../b', undefined],
    ['a\0b', undefined],
    ['a'.repeat(4097), undefined],
  ])('are cleaned: %j', (text, wanted) => {
    expect(cleanPath(text)).toBe(wanted);
  });
});

describe('a tree of several runs', () => {
  function build(paths: readonly string[], runEntries: number): TreePiece[] {
    const builder = new TreeBuilder(runEntries);
    const pieces: TreePiece[] = [];
    const walker = new TarWalker({
      entry(found) {
        builder.entry(found);
        pieces.push(...builder.full());
      },
      bytes: () => undefined,
      end: () => undefined,
    });
    walker.push(makeTar(paths.map((at, i) => ({ path: at, bytes: Buffer.alloc(0), mode: i }))));
    walker.end();
    pieces.push(...builder.finish());
    return pieces;
  }

  it('is one tree, in which the last entry of a path counts', async () => {
    const short = fc.array(fc.constantFrom('a', 'b', 'c', 'd-'), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          short.map((names) => names.join('/')),
          { minLength: 1, maxLength: 60 },
        ),
        fc.integer({ min: 1, max: 20 }),
        async (paths, runEntries) => {
          const pieces = build(paths, runEntries);
          const tree = new Tree(pieces, async (at) => readPiece(pieces[at]!.bytes));
          const wanted = new Map(paths.map((at, i) => [at, i]));
          const cursor = tree.cursor();
          const found: [string, number | undefined][] = [];
          for (await cursor.seek(''); cursor.node !== undefined; await cursor.next()) {
            found.push([cursor.node.path, cursor.node.entry?.mode]);
          }
          expect(found).toEqual([...wanted].sort(([a], [b]) => comparePaths(a, b)));
          for (const [at, mode] of wanted) expect((await tree.node(at))?.entry?.mode).toBe(mode);
          expect(await tree.node('x')).toBeUndefined();
        },
      ),
    );
  });
});
