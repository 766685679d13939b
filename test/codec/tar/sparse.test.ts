import { describe, expect, it } from 'vitest';
import { file, headerBlock, padded, pax, zeros } from './support/archive.ts';
import { walk } from './support/walk.ts';

const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`;

/** Extents as the old GNU format writes them. */
function extents(pairs: readonly (readonly [number, number])[]): string {
  return pairs.map(([offset, length]) => octal(offset) + octal(length)).join('');
}

function oldSparse(
  pairs: readonly (readonly [number, number])[],
  realSize: number,
  body: string,
): Buffer {
  const header = headerBlock({
    type: 'S',
    magic: 'ustar  \0',
    size: body.length,
    raw: [
      [386, extents(pairs.slice(0, 4))],
      [482, pairs.length > 4 ? '\u0001' : '\0'],
      [483, octal(realSize)],
    ],
  });
  const blocks: Buffer[] = [];
  for (let at = 4; at < pairs.length; at += 21) {
    const block = Buffer.alloc(512);
    block.write(extents(pairs.slice(at, at + 21)), 'latin1');
    block[504] = pairs.length > at + 21 ? 1 : 0;
    blocks.push(block);
  }
  return Buffer.concat([header, ...blocks, padded(Buffer.from(body))]);
}

/** As {@link oldSparse}, with pax records of format 1.0. */
function newSparse(map: string, realSize: number, body: string): Buffer {
  return Buffer.concat([
    pax([
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', 'sparse'],
      ['GNU.sparse.realsize', String(realSize)],
    ]),
    file(
      { path: 'GNUSparseFile.1/sparse' },
      Buffer.concat([padded(Buffer.from(map)), Buffer.from(body)]),
    ),
  ]);
}

const after = file({ path: 'after' }, 'x');

/** The sparse entry before `after`, which must be found whatever the sparse one is like. */
function first(...parts: readonly Buffer[]) {
  const { found, stretches } = walk(Buffer.concat([...parts, after, zeros(2)]));
  expect(found.at(-1)!.entry.path).toBe('after');
  expect(found.length).toBeLessThanOrEqual(2);
  return { found: found.length === 2 ? found[0] : undefined, stretches };
}

const MAP = [
  { offset: 0, length: 2 },
  { offset: 1024, length: 3 },
];

describe('sparse files', () => {
  it('the old GNU format', () => {
    const { found } = first(
      oldSparse(
        [
          [0, 2],
          [1024, 3],
        ],
        4096,
        'abcde',
      ),
    );
    expect(found).toMatchObject({ entry: { type: 'file', size: 4096, bodySize: 5, sparse: MAP } });
    expect(found!.body.toString()).toBe('abcde');
  });

  it.each([4, 5, 25, 26, 300])('the old GNU format with %i extents', (count) => {
    const pairs = Array.from({ length: count }, (_, i) => [i * 1024, 1] as const);
    const { found, stretches } = first(oldSparse(pairs, count * 1024, 'b'.repeat(count)));
    expect(found!.entry.sparse).toEqual(pairs.map(([offset, length]) => ({ offset, length })));
    expect(stretches.map(([region]) => region)).not.toContain('opaque');
  });

  it('pax format 0.0', () => {
    const { found } = first(
      pax([
        ['GNU.sparse.size', '4096'],
        ['GNU.sparse.numblocks', '2'],
        ['GNU.sparse.offset', '0'],
        ['GNU.sparse.numbytes', '2'],
        ['GNU.sparse.offset', '1024'],
        ['GNU.sparse.numbytes', '3'],
      ]),
      file({}, 'abcde'),
    );
    expect(found).toMatchObject({ entry: { path: 'file', size: 4096, sparse: MAP } });
  });

  it('pax format 0.1', () => {
    const { found } = first(
      pax([
        ['GNU.sparse.size', '4096'],
        ['GNU.sparse.map', '0,2,1024,3'],
        ['GNU.sparse.name', 'sparse'],
      ]),
      file({ path: 'GNUSparseFile.1/sparse' }, 'abcde'),
    );
    expect(found).toMatchObject({ entry: { path: 'sparse', size: 4096, sparse: MAP } });
  });

  it('pax format 1.0, whose map counts as header', () => {
    const { found, stretches } = first(newSparse('2\n0\n2\n1024\n3\n', 4096, 'abcde'));
    expect(found).toMatchObject({
      entry: { path: 'sparse', size: 4096, bodySize: 5, bodyStart: 4 * 512, sparse: MAP },
    });
    expect(found!.body.toString()).toBe('abcde');
    expect(stretches[0]).toEqual(['header', 4 * 512]);
  });

  it('pax format 1.0 with a map of several blocks', () => {
    const pairs = Array.from({ length: 200 }, (_, i) => [i * 1024, 1] as const);
    const map = `200\n${pairs.map((pair) => `${pair.join('\n')}\n`).join('')}`;
    const { found } = first(newSparse(map, 200 * 1024, 'b'.repeat(200)));
    expect(found!.entry.sparse).toHaveLength(200);
  });

  it('a file that is one hole', () => {
    const { found } = first(newSparse('0\n', 4096, ''));
    expect(found).toMatchObject({ entry: { size: 4096, bodySize: 0, sparse: [] } });
  });

  it.each([
    ['no numbers', 'hello\n'],
    ['a size too many', '3\n0\n2\n1024\n3\n5000\n1\n'],
    ['extents out of order', '2\n1024\n3\n0\n2\n'],
    ['extents that overlap', '2\n0\n2\n1\n3\n'],
    ['an extent beyond the end', '2\n0\n2\n4094\n3\n'],
    ['less than the body', '1\n0\n2\n'],
    ['a number missing', '\n2\n0\n2\n1024\n3\n'],
    ['more extents than anybody has', '65537\n'],
    ['numbers beyond the safe integers', '2\n0\n2\n99999999999999999999\n3\n'],
    ['no end', '2'],
  ])('a map with %s makes the body opaque, and nothing else', (_, map) => {
    const { found, stretches } = first(newSparse(map, 4096, 'abcde'));
    expect(found).toBeUndefined();
    expect(stretches.map(([region]) => region)).toContain('opaque');
  });

  it('a map that goes on to the end of the body is opaque with all that is left', () => {
    const { stretches } = first(newSparse(`200\n${'1\n'.repeat(254)}`, 4096, 'abcde'));
    expect(stretches.slice(0, 2)).toEqual([
      ['header', 3 * 512],
      ['opaque', 2 * 512],
    ]);
  });

  it.each([
    ['an odd list', [['GNU.sparse.map', '0,2,1024']]],
    ['a list of other things', [['GNU.sparse.map', '0,a']]],
    [
      'two offsets in a row',
      [
        ['GNU.sparse.offset', '0'],
        ['GNU.sparse.offset', '1'],
      ],
    ],
    ['a length first', [['GNU.sparse.numbytes', '0']]],
  ] as const)('records with %s make the entry opaque', (_, records) => {
    const { found } = first(pax([['GNU.sparse.size', '4096'], ...records]), file({}, 'abcde'));
    expect(found).toBeUndefined();
  });

  it('an old GNU map that cannot be read ends the archive', () => {
    const broken = oldSparse([[0, 2]], 4096, 'ab');
    const header = headerBlock({
      type: 'S',
      magic: 'ustar  \0',
      size: 2,
      raw: [[386, 'x'.repeat(24)]],
    });
    const { found } = walk(Buffer.concat([header, broken.subarray(512), after]));
    expect(found.map(({ entry }) => [entry.archive, entry.path])).toEqual([[1, 'after']]);
  });
});
