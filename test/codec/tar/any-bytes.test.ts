/** Whatever comes, and however it is cut: every byte is told once (`walk` looks), nothing throws. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PATIENT, runs } from '../support/effort.ts';
import { type Fields, file, headerBlock, longName, pax, zeros } from './support/archive.ts';
import { walk } from './support/walk.ts';

const name = fc.string({ maxLength: 20 });
const body = fc.uint8Array({ maxLength: 1500 });
const fields: fc.Arbitrary<Fields> = fc.record(
  {
    path: name,
    type: fc.constantFrom('0', '\0', '1', '2', '5', '7', 'S', 'Z', 'x', 'g', 'L', 'K'),
    link: name,
    magic: fc.constantFrom('ustar\u000000', 'ustar  \0', ''),
    checksum: fc.constantFrom('unsigned', 'signed', 'wrong'),
    raw: fc.array(fc.tuple(fc.integer({ min: 0, max: 495 }), fc.uint8Array({ maxLength: 16 })), {
      maxLength: 2,
    }),
  },
  { requiredKeys: [] },
);
const number = fc.oneof(fc.nat(3000).map(String), name);
const keyword = fc.constantFrom(
  'path',
  'size',
  'mtime',
  'GNU.sparse.major',
  'GNU.sparse.map',
  'GNU.sparse.size',
  'GNU.sparse.offset',
  'GNU.sparse.numbytes',
  'GNU.sparse.realsize',
  'SCHILY.xattr.user.a',
  'LIBARCHIVE.xattr.%',
);
const piece = fc.oneof(
  fc.tuple(fields, body).map(([header, bytes]) => file(header, bytes)),
  fc.tuple(fields, fc.nat()).map(([header, size]) => headerBlock({ ...header, size })),
  fc
    .tuple(fc.array(fc.tuple(keyword, number), { maxLength: 4 }), fc.constantFrom('x', 'g'))
    .map(([records, type]) => pax(records, type as 'x' | 'g')),
  fc.string({ maxLength: 700 }).map((text) => longName(text)),
  fc.nat(3).map(zeros),
  body.map((bytes) => Buffer.from(bytes)),
);
const archive = fc.array(piece, { maxLength: 8 }).map((parts) => Buffer.concat(parts));
const chunking = fc.array(fc.integer({ min: 1, max: 2000 }), { maxLength: 20 });

describe('any bytes', PATIENT, () => {
  it('are all told, and chunks make no difference', () => {
    fc.assert(
      fc.property(archive, chunking, (bytes, sizes) => {
        expect(walk(bytes, sizes)).toEqual(walk(bytes));
      }),
      runs(500),
    );
  });

  it('are all told after damage', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(archive, damage, (bytes, changes) => {
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        walk(bytes);
      }),
      runs(500),
    );
  });

  const sample = Buffer.concat([
    pax([
      ['path', 'a/b'],
      ['SCHILY.xattr.user.a', 'b'],
    ]),
    file({}, 'x'.repeat(600)),
    longName('n'.repeat(200)),
    file({ type: '2', link: 'a' }),
    pax([
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.realsize', '2000'],
    ]),
    file({}, Buffer.from(`1\n0\n3\n${'\0'.repeat(506)}abc`)),
    zeros(2),
    file({ magic: '' }, 'v7'),
    Buffer.from('garbage'),
  ]);

  it('make no difference when they come one by one, or cut in two anywhere', () => {
    const whole = walk(sample);
    expect(whole.found).toHaveLength(4);
    expect(walk(sample, new Array<number>(sample.length).fill(1))).toEqual(whole);
    // All places around the ends of blocks, and some of each block.
    for (let cut = 1; cut < sample.length; cut++) {
      const isNearEnd = (cut + 3) % 512 < 6;
      if (isNearEnd || cut % 37 === 0) expect(walk(sample, [cut])).toEqual(whole);
    }
  });

  it('are all told wherever the stream is cut off', () => {
    for (let end = 0; end < sample.length; end += 7) walk(sample.subarray(0, end));
  });
});
