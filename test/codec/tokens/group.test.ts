import { crc32, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../../../src/codec/tokens/bytes.ts';
import { GapGroupWriter, readGapGroup } from '../../../src/codec/tokens/gap-group.ts';
import { MAX_GROUP_SIZE, openGroup, packGroup } from '../../../src/codec/tokens/group.ts';
import { PATIENT, runs } from '../support/effort.ts';
import { anyTokens, errorCodeOf } from './support/tokens.ts';

/** Puts the right checksum into a group that was changed. */
function sealed(group: Uint8Array): Uint8Array {
  const copy = Buffer.from(group);
  copy.writeUInt32LE(crc32(copy.subarray(6)), 2);
  return copy;
}

/** A group of one stream with what it says of it. */
function forged(size: number, stored: Uint8Array): Uint8Array {
  const lengths = new ByteWriter();
  lengths.number(size);
  lengths.number(stored.length);
  return sealed(Buffer.concat([Buffer.from('G\u0001????', 'latin1'), lengths.bytes, stored]));
}

describe('numbers', PATIENT, () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(300), fc.maxSafeNat())), (numbers) => {
        const writer = new ByteWriter();
        for (const number of numbers) writer.number(number);
        const reader = new ByteReader(writer.bytes);
        expect(numbers.map(() => reader.number())).toEqual(numbers);
        reader.end();
      }),
    );
  });

  it.each([
    ['beyond the safe integers', new Uint8Array(8).fill(0xff), 'number'],
    ['without end', new Uint8Array(100).fill(0x80), 'number'],
    ['cut off', Uint8Array.of(0x80), 'truncated'],
  ])('%s are refused', (_, bytes, code) => {
    expect(errorCodeOf(() => new ByteReader(bytes).number())).toBe(code);
  });
});

describe('groups', PATIENT, () => {
  const streams = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(3000).map((length) => new Uint8Array(length)),
    ),
    { minLength: 1, maxLength: 6 },
  );

  it('give back their streams, packed at any level', () => {
    fc.assert(
      fc.property(streams, fc.integer({ min: 1, max: 19 }), (all, level) => {
        const group = openGroup('B', all.length, packGroup('B', all, { level }));
        const together = group.streams(0, all.length);
        for (const [i, stream] of all.entries()) {
          expect(Buffer.compare(group.streams(i, 1)[0]!, stream)).toBe(0);
          expect(Buffer.compare(together[i]!, stream)).toBe(0);
        }
      }),
      runs(100),
    );
  });

  it('are refused when any byte differs, or the end is missing', () => {
    const group = packGroup('B', [Uint8Array.of(1, 2, 3), new Uint8Array(500)]);
    for (let at = 0; at < group.length; at++) {
      const damaged = Uint8Array.from(group);
      damaged[at]! ^= 0x40;
      const code = at < 2 ? 'format' : 'checksum';
      expect(errorCodeOf(() => openGroup('B', 2, damaged))).toBe(code);
      const cut = group.subarray(0, at);
      expect(errorCodeOf(() => openGroup('B', 2, cut))).toBe(at < 6 ? 'truncated' : 'checksum');
    }
    expect(errorCodeOf(() => openGroup('P', 2, group))).toBe('format');
    expect(errorCodeOf(() => openGroup('B', 1, group))).toBeDefined();
  });

  it.each([
    ['more than stated', forged(10, zstdCompressSync(new Uint8Array(1_000_000))), 'format'],
    ['stated as too much', forged(MAX_GROUP_SIZE + 1, new Uint8Array(3)), 'size'],
    ['less than stated', forged(5000, zstdCompressSync(new Uint8Array(4000))), 'format'],
    ['no frame', forged(5000, new Uint8Array(40)), 'format'],
    ['longer than unpacked', forged(2, new Uint8Array(3)), 'format'],
    [
      'something after it',
      sealed(Buffer.concat([forged(2, new Uint8Array(2)), Buffer.of(0)])),
      'trailing',
    ],
    ['bytes missing', sealed(forged(3, new Uint8Array(3)).subarray(0, -1)), 'truncated'],
  ])('with a stream of %s are refused', (_, group, code) => {
    expect(errorCodeOf(() => openGroup('G', 1, group).streams(0, 1))).toBe(code);
  });

  it('of more than 8 MiB are not made', () => {
    expect(() => packGroup('G', [new Uint8Array(MAX_GROUP_SIZE + 1)])).toThrow(RangeError);
  });
});

describe('gap groups', PATIENT, () => {
  it('give back any tokens', () => {
    fc.assert(
      fc.property(fc.array(anyTokens, { maxLength: 4 }), (pieces) => {
        const writer = new GapGroupWriter();
        for (const piece of pieces) writer.add(Uint32Array.from(piece));
        expect([...readGapGroup(writer.finish())]).toEqual(pieces.flat());
      }),
      runs(500),
    );
  });

  it('keep long runs of literals', () => {
    const writer = new GapGroupWriter();
    const tokens = new Uint32Array(70_000).fill(65);
    tokens[69_999] = (3 << 16) | 1;
    writer.add(tokens);
    expect(readGapGroup(writer.finish())).toEqual(tokens);
  });

  it('with a run too many are refused', () => {
    const literals = Uint8Array.of(1, 2, 3);
    const none = new Uint8Array(0);
    const group = packGroup('G', [Uint8Array.of(3), literals, none, none, none, none]);
    expect(errorCodeOf(() => readGapGroup(group))).toBe('trailing');
  });

  it('with streams that do not fit together give other tokens or a typed error', () => {
    const stream = fc.uint8Array({ maxLength: 12 });
    fc.assert(
      fc.property(fc.tuple(stream, stream, stream, stream, stream, stream), (streams) => {
        const code = errorCodeOf(() => readGapGroup(packGroup('G', streams)));
        expect([undefined, 'truncated', 'trailing', 'token', 'number']).toContain(code);
      }),
      runs(500),
    );
  });
});
