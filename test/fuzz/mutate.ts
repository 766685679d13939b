/** Changes inputs at random: the havoc stage of AFL, and shifts by a bit for streams of bits. */
import type { Random } from '../support/random.ts';
import type { Input } from './input.ts';

/** Where a target's inputs may go. */
export interface MutationRules {
  /** Bytes of a piece at most. */
  readonly maxSize: number;
  /** Strings that mean something to the target. */
  readonly dictionary: readonly Uint8Array[];
}

/** Numbers at which code tends to decide. */
const EDGES = [
  0,
  1,
  7,
  8,
  15,
  16,
  31,
  32,
  127,
  128,
  255,
  256,
  257,
  258,
  511,
  512,
  32_767,
  32_768,
  65_535,
  2 ** 31,
  2 ** 32 - 1,
];
const LONGEST_STRETCH = 64;

type Change = (
  random: Random,
  bytes: Buffer,
  other: Uint8Array,
  rules: MutationRules,
) => Uint8Array;

function place(random: Random, bytes: Uint8Array): number {
  return random.below(bytes.length + 1);
}

function stretch(random: Random, bytes: Uint8Array): readonly [from: number, to: number] {
  const from = place(random, bytes);
  return [from, Math.min(bytes.length, from + random.between(1, LONGEST_STRETCH))];
}

function insert(bytes: Buffer, at: number, added: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)]);
}

function overwrite(bytes: Buffer, at: number, added: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.set(added.subarray(0, copy.length - at), at);
  return copy;
}

/** Moves all bits from one on by one place; the first one may be lost. */
function shiftBits(bytes: Buffer, from: number, isLonger: boolean): Uint8Array {
  const bits: number[] = [];
  for (const byte of bytes) for (let i = 0; i < 8; i++) bits.push((byte >> i) & 1);
  if (isLonger) bits.splice(from, 0, 0);
  else bits.splice(from, 1);
  const made = Buffer.alloc(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits.entries()) made[i >> 3]! |= bit << (i & 7);
  return made;
}

const CHANGES: readonly Change[] = [
  (random, bytes) => {
    const at = random.below(bytes.length * 8);
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[at >> 3]! ^= 1 << (at & 7);
    return copy;
  },
  (random, bytes) => overwrite(bytes, place(random, bytes), Uint8Array.of(random.below(256))),
  (random, bytes) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[random.below(copy.length)]! += random.between(-16, 16);
    return copy;
  },
  (random, bytes) => {
    const number = Buffer.alloc(4);
    number.writeUInt32LE(random.pick(EDGES)!);
    return overwrite(bytes, place(random, bytes), number.subarray(0, random.pick([1, 2, 4])));
  },
  (random, bytes) => {
    const [from, to] = stretch(random, bytes);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (random, bytes) => {
    const [from, to] = stretch(random, bytes);
    return insert(bytes, place(random, bytes), bytes.subarray(from, to));
  },
  (random, bytes) => {
    const [from, to] = stretch(random, bytes);
    return overwrite(bytes, place(random, bytes), bytes.subarray(from, to));
  },
  (random, bytes) => {
    const added = Uint8Array.from({ length: random.between(1, 8) }, () => random.below(256));
    return insert(bytes, place(random, bytes), added);
  },
  (random, bytes, _, { dictionary }) =>
    insert(bytes, place(random, bytes), random.pick(dictionary) ?? bytes),
  (random, bytes, _, { dictionary }) =>
    overwrite(bytes, place(random, bytes), random.pick(dictionary) ?? bytes),
  (random, bytes, other) =>
    Buffer.concat([bytes.subarray(0, place(random, bytes)), other.subarray(place(random, other))]),
  (random, bytes) => shiftBits(bytes, random.below(bytes.length * 8 + 1), random.chance(0.5)),
];

const MOST_CHANGES = 6;

/**
 * Makes a new input.
 * @param other - gives stretches, as if both had had a child
 */
export function mutate(random: Random, input: Input, other: Input, rules: MutationRules): Input {
  const pieces = [...input];
  for (let left = random.between(1, MOST_CHANGES); left > 0; left--) {
    const at = random.below(pieces.length);
    const piece = Buffer.from(pieces[at]!);
    const change = random.pick(CHANGES)!;
    const changed = change(random, piece, other[at] ?? piece, rules);
    pieces[at] = changed.subarray(0, rules.maxSize);
  }
  return pieces;
}
