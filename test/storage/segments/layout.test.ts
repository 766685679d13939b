import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SegmentVersionError } from '../../../src/storage/segments/errors.ts';
import {
  checkGroup,
  decodeGroupHeader,
  decodeSegmentHeader,
  encodeGroupHeader,
  encodeSegmentHeader,
  GROUP_DAMAGE,
  GROUP_HEADER,
  MARK,
  SEGMENT_HEADER,
} from '../../../src/storage/segments/layout.ts';
import { MAX_GROUP } from '../../../src/storage/segments/types.ts';
import { bytesOf } from './support/places.ts';

const mark = fc.uint8Array({ minLength: MARK, maxLength: MARK });
const group = fc.record({
  id: fc.nat({ max: 2 ** 40 - 1 }),
  kind: fc.nat(255),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 100 }),
});

function flip(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

describe('the layout of segments', () => {
  it('is the one that docs/formats.md shows', () => {
    const segment = encodeSegmentHeader(0x0102, Buffer.from('abcdefgh'));
    expect(segment.toString('hex')).toBe(
      '53544f575345470a' + '00000001' + '000000000102' + '6162636465666768' + '0000' + '7b93e98f',
    );
    const header = encodeGroupHeader(
      { id: 7, kind: 3, bytes: Buffer.from('123456789') },
      Buffer.from('abcdefgh'),
    );
    // The check value of CRC-32.
    expect(header.toString('hex')).toBe(
      '6162636465666768' + '000000000007' + '03' + '00' + '00000009' + 'cbf43926' + '7bf4006b',
    );
  });

  it('gives back what a header says', () => {
    fc.assert(
      fc.property(mark, group, (ofSegment, one) => {
        const header = encodeGroupHeader(one, ofSegment);
        expect(header).toHaveLength(GROUP_HEADER);
        const { id, kind, bytes } = one;
        expect(decodeGroupHeader(header)).toMatchObject({ id, kind, length: bytes.length });
        expect(decodeGroupHeader(header)!.mark.equals(ofSegment)).toBe(true);
        const segment = encodeSegmentHeader(id, ofSegment);
        expect(segment).toHaveLength(SEGMENT_HEADER);
        expect(decodeSegmentHeader(segment, id)!.equals(ofSegment)).toBe(true);
        expect(decodeSegmentHeader(segment, id + 1)).toBeUndefined();
        for (let n = 0; n < segment.length; n++) {
          expect(decodeSegmentHeader(segment.subarray(0, n), id)).toBeUndefined();
        }
      }),
    );
  });

  it('refuses a newer version, and does not believe a damaged one', () => {
    const header = encodeSegmentHeader(1, Buffer.alloc(MARK));
    header.writeUInt32BE(2, 8);
    expect(decodeSegmentHeader(header, 1)).toBeUndefined();
    header.writeUInt32BE(crc32(header.subarray(0, SEGMENT_HEADER - 4)), SEGMENT_HEADER - 4);
    expect(() => decodeSegmentHeader(header, 1)).toThrow(SegmentVersionError);
  });

  it('decisions 1: sees every flipped bit, every two, and every burst of up to 32', () => {
    const one = { id: 77, kind: 5, bytes: bytesOf(1, 60) };
    const whole = Buffer.concat([encodeGroupHeader(one, bytesOf(2, MARK)), one.bytes]);
    const wanted = { id: 77, kind: 5, length: 60 };
    expect(checkGroup(whole, wanted)).toBeUndefined();
    const bits = whole.length * 8;
    for (let bit = 0; bit < bits; bit++) {
      expect(checkGroup(flip(whole, bit), wanted), `bit ${bit}`).toBeDefined();
    }
    fc.assert(
      fc.property(fc.nat(bits - 1), fc.nat(bits - 1), (a, b) => {
        fc.pre(a !== b);
        expect(checkGroup(flip(flip(whole, a), b), wanted)).toBeDefined();
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.nat(bits - 33), fc.integer({ min: 1, max: 2 ** 31 - 1 }), (at, pattern) => {
        let damaged: Buffer = whole;
        for (let i = 0; i < 32; i++) if ((pattern >>> i) & 1) damaged = flip(damaged, at + i);
        expect(checkGroup(damaged, wanted)).toBeDefined();
      }),
      { numRuns: 2000 },
    );
  });

  it('says what is wrong', () => {
    const one = { id: 1, kind: 2, bytes: bytesOf(1, 30) };
    const whole = Buffer.concat([encodeGroupHeader(one, bytesOf(2, MARK)), one.bytes]);
    const wanted = { id: 1, kind: 2, length: 30 };
    expect(checkGroup(whole.subarray(0, -1), wanted)).toBe(GROUP_DAMAGE.short);
    expect(checkGroup(flip(whole, 8 * 10), wanted)).toBe(GROUP_DAMAGE.header);
    expect(checkGroup(flip(whole, 8 * 40), wanted)).toBe(GROUP_DAMAGE.body);
    for (const other of [{ id: 2 }, { kind: 3 }, { length: 29 }]) {
      expect(checkGroup(whole, { ...wanted, ...other })).toBe(GROUP_DAMAGE.other);
    }
  });

  it('takes no length that a group cannot have', () => {
    const bytes = { length: MAX_GROUP + 1 };
    const whole = encodeGroupHeader(
      { id: 1, kind: 0, bytes: Buffer.alloc(bytes.length) },
      bytesOf(1, MARK),
    );
    expect(decodeGroupHeader(whole)).toBeUndefined();
    const empty = encodeGroupHeader({ id: 1, kind: 0, bytes: Buffer.alloc(0) }, bytesOf(1, MARK));
    expect(decodeGroupHeader(empty)).toBeUndefined();
  });
});
