import assert from 'node:assert';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lengthOf, matchToken } from '../../../src/codec/deflate/token.ts';
import { SPACE_CAPACITY, WINDOW } from '../../../src/codec/kernels/layout.ts';
import {
  BaseGroupWriter,
  type BasePart,
  readBaseContents,
  readBaseGroup,
} from '../../../src/codec/tokens/base-group.ts';
import { BasePartReader } from '../../../src/codec/tokens/base-part-reader.ts';
import { packGroup } from '../../../src/codec/tokens/group.ts';
import { TokenSplitter } from '../../../src/codec/tokens/split.ts';
import { PATIENT, runs } from '../support/effort.ts';
import { anyToken, errorCodeOf } from './support/tokens.ts';

/** Makes tokens valid from the start of a stream on, and the bytes that they stand for. */
function expand(raw: readonly number[]) {
  const bytes: number[] = [];
  const tokens = raw.map((token) => {
    if (token <= 0xff || bytes.length === 0) {
      bytes.push(token & 0xff);
      return token & 0xff;
    }
    const distance = Math.min(token & 0xffff, bytes.length);
    for (let i = 0; i < lengthOf(token); i++) bytes.push(bytes[bytes.length - distance]!);
    return token - (token & 0xffff) + distance;
  });
  return { bytes: Uint8Array.from(bytes), tokens: Uint32Array.from(tokens) };
}

/** Parts of a layer made of any tokens, with bodies of any size in it. */
const layers = fc
  .tuple(
    fc.array(anyToken, { minLength: 20, maxLength: 600 }),
    fc.array(fc.tuple(fc.nat(1200), fc.integer({ min: 1, max: 2000 })), { maxLength: 20 }),
  )
  .map(([raw, places]) => {
    const { bytes, tokens } = expand(raw);
    const layer = {};
    const parts: BasePart[] = [];
    const splitter = new TokenSplitter({
      gap: () => undefined,
      part(part, _, start) {
        const end = start + part.size;
        const plain = bytes.slice(Math.max(0, start - WINDOW), end);
        parts.push({ ...part, tokens: part.tokens.slice(), layer, start, plain });
      },
    });
    let at = 0;
    for (const [before, size] of places) {
      splitter.announce(at + before, size);
      at += before + size;
    }
    splitter.push(tokens, bytes.length);
    splitter.end();
    return parts;
  });

function write(parts: readonly BasePart[]): Uint8Array {
  const writer = new BaseGroupWriter();
  for (const part of parts) writer.add(part);
  return writer.finish({ level: 1 });
}

function bytesOf({ plain, size }: BasePart): number[] {
  return [...plain.subarray(plain.length - size)];
}

describe('base groups', PATIENT, () => {
  it('give the same parts in any order, piece by piece or whole', () => {
    const orders = fc.array(
      fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(9)),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(fc.array(layers, { maxLength: 2 }), orders, (all, jumps) => {
        const parts = all.flat();
        const group = write(parts);
        const reader = new BasePartReader(group);
        group.fill(0);
        expect(reader.count).toBe(parts.length);
        const look = (index: number): void => {
          const tokens: number[] = [];
          reader.read(index, (views) => tokens.push(...views));
          expect(tokens).toEqual([...parts[index]!.tokens]);
        };
        for (const [place, how] of jumps) {
          if (parts.length === 0) break;
          const index = Math.floor(place * parts.length);
          if (how === 0) {
            const { tokens, size, lead } = reader.part(index);
            const { tokens: wanted, size: wantedSize, lead: wantedLead } = parts[index]!;
            expect([[...tokens], size, lead]).toEqual([[...wanted], wantedSize, wantedLead]);
          } else if (how === 1 && parts[index]!.tokens.length > 0) {
            // Whoever wanted the tokens has failed, which says nothing about them.
            const failing = () => reader.read(index, () => assert.fail('no room'));
            expect(failing).toThrow('no room');
          } else {
            look(index);
          }
        }
        for (let index = 0; index < parts.length; index++) look(index);
      }),
      runs(300),
    );
  });

  it('give back tokens and bytes of any parts of any layers', () => {
    fc.assert(
      fc.property(
        fc.array(layers, { maxLength: 3 }),
        fc.infiniteStream(fc.boolean()),
        (all, keep) => {
          const parts = all.flat().filter(() => keep.next().value);
          const group = readBaseGroup(write(parts));
          expect(group.parts.map(({ tokens, size, lead }) => [[...tokens], size, lead])).toEqual(
            parts.map(({ tokens, size, lead }) => [[...tokens], size, lead]),
          );
          expect(group.plain().map(({ bytes }) => [...bytes])).toEqual(parts.map(bytesOf));
        },
      ),
      runs(200),
    );
  });

  it('have parts of literals among others, which do not reach for them', () => {
    fc.assert(
      fc.property(layers, fc.infiniteStream(fc.boolean()), (parts, choice) => {
        const writer = new BaseGroupWriter();
        const isLiteral = parts.map(() => choice.next().value);
        const places = parts.map((part, i) =>
          isLiteral[i] ? writer.addLiterals(Uint8Array.from(bytesOf(part))) : writer.add(part),
        );
        expect(places).toEqual(parts.map((_, i) => i));
        const packed = writer.finish();
        const group = readBaseGroup(packed);
        expect(group.parts.map(({ tokens, lead }) => [[...tokens], lead])).toEqual(
          parts.map((part, i) =>
            isLiteral[i] ? [bytesOf(part), 0] : [[...part.tokens], part.lead],
          ),
        );
        const bytes = parts.map(bytesOf);
        expect(group.plain().map((part) => [...part.bytes])).toEqual(bytes);
        expect(readBaseContents(packed).parts.map((part) => [...part])).toEqual(bytes);
      }),
      runs(200),
    );
  });

  it('of literals only give their bytes, and are full in time', () => {
    const writer = new BaseGroupWriter();
    const wanted: number[][] = [];
    for (let i = 0; !writer.isFull; i++) {
      const bytes = Uint8Array.from({ length: i % 700 }, (_, at) => at * i);
      expect(writer.hasRoomForLiterals(bytes.length)).toBe(true);
      writer.addLiterals(bytes);
      wanted.push([...bytes]);
    }
    expect(writer.hasRoomForLiterals(SPACE_CAPACITY)).toBe(false);
    expect(errorCodeOf(() => writer.addLiterals(new Uint8Array(SPACE_CAPACITY)))).toBe('size');
    const { parts } = readBaseContents(writer.finish());
    expect(parts.map((part) => [...part])).toEqual(wanted);
  });

  it('whose last literal is a match in truth give the right bytes', () => {
    const plain = Uint8Array.of(7, 7, 7);
    const tokens = Uint32Array.of(7, 7, matchToken(3, 1));
    const writer = new BaseGroupWriter();
    writer.add({ layer: {}, start: 0, size: 3, lead: 0, tokens, plain });
    expect([...readBaseContents(writer.finish()).parts[0]!]).toEqual([7, 7, 7]);
  });

  it('can be rewritten with any part left out, again and again', () => {
    fc.assert(
      fc.property(layers, fc.infiniteStream(fc.boolean()), (parts, keep) => {
        let left = parts;
        let bytes = write(left);
        for (let round = 0; round < 3; round++) {
          const group = readBaseGroup(bytes);
          const kept = group
            .plain()
            .map(({ plain, start }, i) => ({ ...group.parts[i]!, layer: group, plain, start }));
          const chosen = kept.map(() => keep.next().value);
          left = left.filter((_, i) => chosen[i]);
          bytes = write(kept.filter((_, i) => chosen[i]));
          expect(
            readBaseGroup(bytes)
              .plain()
              .map((part) => [...part.bytes]),
          ).toEqual(left.map(bytesOf));
        }
      }),
      runs(100),
    );
  });

  it('need no context for what neighbours hold', () => {
    const layer = {};
    const plain = Uint8Array.from({ length: 1000 }, (_, i) => (i * i) % 251);
    const text: BasePart = {
      layer,
      start: 100,
      size: 1000,
      lead: 0,
      tokens: Uint32Array.from(plain),
      plain,
    };
    const twice = new Uint8Array(2000);
    twice.set(plain);
    twice.set(plain.subarray(0, 250), 1000);
    const again: BasePart = {
      layer,
      start: 1100,
      size: 250,
      lead: 0,
      tokens: Uint32Array.of(matchToken(250, 1000)),
      plain: twice.subarray(0, 1250),
    };
    const near = new BaseGroupWriter();
    near.add(text);
    const before = near.size;
    near.add(again);
    expect(near.size - before).toBeLessThan(12);
    // From another layer the bytes are not there, and have to be kept.
    const apart = new BaseGroupWriter();
    apart.add(text);
    apart.add({ ...again, layer: {} });
    expect(apart.size - near.size).toBeGreaterThanOrEqual(250);
  });

  it('know what a part makes beyond its end, from as far as a match reaches', () => {
    const layer = {};
    const start = 8 + WINDOW + 32;
    // Seven bytes again and again; the last token reaches 257 bytes beyond the end of the part.
    const plain = Uint8Array.from({ length: start + 3 }, (_, i) => i % 7);
    const source = start - WINDOW;
    plain.copyWithin(start, source, source + 3);
    const first: BasePart = {
      layer,
      start: 0,
      size: 8,
      lead: 0,
      tokens: Uint32Array.of(0, 1, 2, 3, 4, 5, 6, matchToken(258, 7)),
      plain: plain.subarray(0, 8),
    };
    const second = {
      ...first,
      start,
      size: 3,
      tokens: Uint32Array.of(matchToken(3, WINDOW)),
      plain,
    };
    const near = new BaseGroupWriter();
    near.add(first);
    near.add(second);
    const apart = new BaseGroupWriter();
    apart.add(first);
    apart.add({ ...second, layer: {} });
    expect(apart.size - near.size).toBe(3);
    expect([...readBaseGroup(near.finish()).plain()[1]!.bytes]).toEqual([...plain.subarray(start)]);
  });

  it('refuse tokens that do not fill the part, or reach for what is not there', () => {
    const part = { layer: {}, start: 0, size: 2, lead: 0, tokens: Uint32Array.of(1, 2) };
    const code = (plain: readonly number[], tokens: readonly number[] = [1, 2]) =>
      errorCodeOf(() => {
        const changed = {
          ...part,
          tokens: Uint32Array.from(tokens),
          plain: Uint8Array.from(plain),
        };
        new BaseGroupWriter().add(changed);
      });
    expect(code([1, 2])).toBeUndefined();
    expect(code([1, 2], [1])).toBe('position');
    expect(code([1, 2], [1, 2, 3])).toBe('position');
    // Reaches further back than bytes were given.
    expect(code([1, 2], [matchToken(3, 5)])).toBe('token');
  });

  it('say when they are full', () => {
    const writer = new BaseGroupWriter();
    const size = 1024 * 1024;
    const plain = new Uint8Array(size);
    const tokens = new Uint32Array(Math.ceil((size - 1) / 258) + 1).fill(matchToken(258, 1));
    tokens[0] = 0;
    const part = { layer: {}, start: 0, size, lead: 0, tokens, plain };
    let count = 0;
    for (; writer.hasRoomFor({ ...part, start: count * size }); count++) {
      writer.add({ ...part, start: count * size });
    }
    expect(count).toBe(SPACE_CAPACITY / size - 1);
    expect(errorCodeOf(() => writer.add({ ...part, start: count * size }))).toBe('size');
    expect(readBaseGroup(writer.finish()).plain()).toHaveLength(count);
  });

  it('with any streams give a typed error or parts within bounds', () => {
    const stream = fc.uint8Array({ maxLength: 30 });
    const small = fc.array(fc.nat(20), { maxLength: 24 }).map((row) => Uint8Array.from(row));
    const streams = fc.tuple(
      small,
      small,
      stream,
      stream,
      stream,
      stream,
      fc.constant(new Uint8Array(0)),
      stream,
    );
    const codes = new Set<string | undefined>();
    fc.assert(
      fc.property(streams, (all) => {
        const packed = packGroup('B', all);
        codes.add(
          errorCodeOf(() => {
            const group = readBaseGroup(packed);
            for (const { bytes } of group.plain())
              expect(bytes.length).toBeLessThan(SPACE_CAPACITY);
          }),
        );
      }),
      runs(1000),
    );
    const known = [undefined, 'truncated', 'trailing', 'token', 'number', 'position', 'size'];
    expect([...codes].filter((code) => !known.includes(code))).toEqual([]);
  });
});
