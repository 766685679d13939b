import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DeflateError } from '../../../src/codec/deflate/errors.ts';
import { GzipError } from '../../../src/codec/gzip/errors.ts';
import type { GzipSource } from '../../../src/codec/gzip/parts.ts';
import { GzipReader } from '../../../src/codec/gzip/reader.ts';
import { parseGzip, rebuildGzip } from '../../../src/codec/gzip/streams.ts';
import { mixture, noise, text } from '../support/content.ts';
import { chunksOf } from '../support/deflate.ts';
import { gunzip, regzip } from '../support/gzip.ts';

/** A member with the header fields wanted. */
function member(content: Buffer, flags: number, ...fields: Buffer[]): Buffer {
  const plain = gzipSync(content);
  const header = Buffer.from(plain.subarray(0, 10));
  header[3] = flags;
  // Time, extra flags and system: anything.
  header.set([1, 2, 3, 4, 5, 6], 4);
  return Buffer.concat([header, ...fields, plain.subarray(10)]);
}

const EXTRA = Buffer.from([4, 0, 0x41, 0x42, 0, 0]);
const LONG_EXTRA = Buffer.concat([Buffer.from([0xff, 0xff]), noise(65_535)]);
const NAME = Buffer.from('layer.tar\0');
const COMMENT = Buffer.from('a comment\0');
const CRC = Buffer.from([7, 7]);

const content = text(3000);
const FILES: Readonly<Record<string, Buffer>> = {
  'a header without fields': member(content, 0),
  'a header with all fields': member(content, 31, EXTRA, NAME, COMMENT, CRC),
  'a header with an empty extra field': member(content, 4, Buffer.alloc(2)),
  'a header with the longest extra field': member(content, 4, LONG_EXTRA),
  'a header with a long name': member(content, 8, Buffer.alloc(50_000, 'n'), Buffer.alloc(1)),
  'several members': Buffer.concat([member(content, 0), member(mixture(2000), 8, NAME)]),
  'empty members': Buffer.concat([0, 1, 2].map(() => gzipSync(Buffer.alloc(0)))),
  'many small members': Buffer.concat(
    Array.from({ length: 300 }, (_, i) => gzipSync(text(i * 3, i + 1))),
  ),
  'zeros after the end': Buffer.concat([gzipSync(content), Buffer.alloc(1000)]),
  'noise after the end': Buffer.concat([gzipSync(content), noise(3000)]),
  'half a magic number after the end': Buffer.concat([gzipSync(content), Buffer.from([0x1f])]),
  'nearly a magic number after the end': Buffer.concat([
    gzipSync(content),
    Buffer.from([0x1f, 0x8c, 8, 0]),
  ]),
};

describe.each(Object.entries(FILES))('a file with %s', (_, file) => {
  it('comes back bit for bit', () => {
    expect(regzip(gunzip(file).sources).equals(file)).toBe(true);
  });

  it('comes back when it arrives byte by byte', () => {
    expect(regzip(gunzip(file, 1).sources).equals(file)).toBe(true);
  });

  it('comes back in chunks that end anywhere', () => {
    for (let size = 2; size < 60; size++) {
      expect(regzip(gunzip(file, size).sources).equals(file)).toBe(true);
    }
  });
});

describe('a trailer', () => {
  it.each([
    ['checksum', -8, false, true],
    ['size', -1, true, false],
  ])('with a wrong %s is kept as it is, and told', (_, at, isCrcRight, isSizeRight) => {
    const file = gzipSync(content);
    file[file.length + at]! ^= 0x10;
    const { sources, trailers } = gunzip(file);
    expect(trailers).toMatchObject([{ isCrcRight, isSizeRight }]);
    expect(regzip(sources).equals(file)).toBe(true);
  });
});

describe('what is no gzip file', () => {
  const whole = member(content, 31, EXTRA, NAME, COMMENT, CRC);

  it('is told at every byte at which it may have been cut', () => {
    for (let size = 0; size < whole.length; size++) {
      expect(() => gunzip(whole.subarray(0, size), 100)).toThrow(/ends too early/);
    }
  });

  it.each([
    ['magic', [0x1f, 0x8c], 0],
    ['magic', [0x50, 0x4b], 0],
    ['method', [0x1f, 0x8b, 7], 2],
    ['flags', [0x1f, 0x8b, 8, 0x20], 3],
  ] as const)('is refused for its %s: %j', (code, bytes, offset) => {
    expect(() => gunzip(Buffer.from(bytes))).toThrow(expect.objectContaining({ code, offset }));
  });

  it('is refused for a header without end', () => {
    const file = member(content, 8, Buffer.alloc(1_000_000, 'n'));
    expect(() => gunzip(file)).toThrow(expect.objectContaining({ code: 'header-size' }));
  });

  it('is refused for a second member that is broken, at its place', () => {
    const first = gzipSync(content);
    const second = Buffer.from([0x1f, 0x8b, 9]);
    const offset = first.length + 2;
    const error = expect.objectContaining({ code: 'method', offset });
    for (const size of [1, 2, 3, 5, 1000]) {
      expect(() => gunzip(Buffer.concat([first, second]), size)).toThrow(error);
    }
  });

  it('is an error or a file that comes back, for every bit that is flipped', () => {
    const file = gzipSync(text(600));
    for (let bit = 0; bit < file.length * 8; bit++) {
      const flipped = Buffer.from(file);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      try {
        expect(regzip(gunzip(flipped).sources).equals(flipped)).toBe(true);
      } catch (error) {
        expect(error instanceof GzipError || error instanceof DeflateError).toBe(true);
      }
    }
  });
});

describe('a reader that does not look at checksums', () => {
  it('says nothing about them, right or wrong, and everything else', () => {
    const damaged = gzipSync(content);
    damaged[damaged.length - 8]! ^= 1;
    for (const file of [gzipSync(content), damaged]) {
      const reader = new GzipReader(undefined, { isChecked: false });
      const parts: unknown[] = [];
      for (const part of reader.push(file)) {
        if (part.kind === 'trailer') parts.push({ ...part, bytes: Buffer.from(part.bytes) });
      }
      for (const part of reader.finish()) parts.push(part);
      const trailer = file.subarray(-8);
      expect(parts).toMatchObject([
        { kind: 'trailer', bytes: trailer, isCrcRight: undefined, isSizeRight: true },
      ]);
    }
  });
});

describe('parts in an order that no file has', () => {
  const { sources } = gunzip(Buffer.concat([gzipSync(content), noise(10)]));
  const [header, blocks, tokens, trailer, tail] = sources as [
    GzipSource,
    GzipSource,
    GzipSource,
    GzipSource,
    GzipSource,
  ];

  it.each([
    ['nothing', []],
    ['no header', [blocks]],
    ['tail first', [tail]],
    ['two headers', [header, header]],
    ['no trailer', [header, blocks, tokens]],
    ['two trailers', [header, blocks, tokens, trailer, trailer]],
    ['tokens after the tail', [header, blocks, tokens, trailer, tail, tokens]],
    ['a member after the tail', [header, blocks, tokens, trailer, tail, header]],
  ])('are refused: %s', (_, wrong) => {
    expect(() => regzip(wrong)).toThrow(GzipError);
  });

  it('make a file in the right order', () => {
    expect(regzip([header, blocks, tokens, trailer]).length).toBeGreaterThan(0);
  });
});

describe('a stream', () => {
  const plain = mixture(400_000);
  const file = gzipSync(plain);

  it('is read and written as it comes', async () => {
    const { sources } = gunzip(file);
    const bytes: Buffer[] = [];
    for await (const piece of rebuildGzip(sources)) bytes.push(Buffer.from(piece));
    expect(Buffer.concat(bytes).equals(file)).toBe(true);
    let plainBytes = 0;
    for await (const part of parseGzip(chunksOf(file, 1000))) {
      if (part.kind === 'data') plainBytes += part.plain.length;
    }
    expect(plainBytes).toBe(plain.length);
  });

  it('ends when it is told to, in both directions', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const go = async (stream: AsyncIterable<unknown>): Promise<number> => {
      let count = 0;
      for await (const _ of stream) if (++count === 2) stop.abort(reason);
      return count;
    };
    const { signal } = stop;
    await expect(go(parseGzip(chunksOf(file, 1000), { signal }))).rejects.toBe(reason);
    await expect(go(rebuildGzip(gunzip(file).sources, { signal }))).rejects.toBe(reason);
  });
});
