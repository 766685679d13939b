/**
 * Maps of sparse files: the old GNU format, with its map in header blocks, and the formats 0.0, 0.1
 * and 1.0 on top of pax (GNU tar manual, "Storing Sparse Files").
 */
import { decodeText, type SparseExtent } from './entry.ts';
import { BLOCK_SIZE } from './header.ts';
import { parseNumber } from './numbers.ts';
import { type PaxRecord, parsePaxNumber } from './pax.ts';

/** Extents of one file. More is no map that a program would write; it keeps memory bounded. */
export const MAX_EXTENTS = 65_536;

const EXTENT_SIZE = 24;
const LINE_FEED = 0x0a;

/** A block of the old GNU format with its part of the map. */
export interface SparseBlock {
  readonly extents: readonly SparseExtent[];
  /** Another block with more of the map follows. */
  readonly isContinued: boolean;
}

function parseExtents(
  block: Uint8Array,
  start: number,
  count: number,
  continuedAt: number,
): SparseBlock | undefined {
  const extents: SparseExtent[] = [];
  for (let at = start; at < start + count * EXTENT_SIZE && block[at] !== 0; at += EXTENT_SIZE) {
    const offset = parseNumber(block, at, 12);
    const length = parseNumber(block, at + 12, 12);
    if (offset === undefined || length === undefined) return undefined;
    extents.push({ offset, length });
  }
  return { extents, isContinued: block[continuedAt] !== 0 };
}

/** The part of the map in a header block of the old GNU format; undefined when not readable. */
export function parseSparseHeader(block: Uint8Array): SparseBlock | undefined {
  return parseExtents(block, 386, 4, 482);
}

/** The size of the whole file in a header block of the old GNU format. */
export function parseRealSize(block: Uint8Array): number | undefined {
  return parseNumber(block, 483, 12);
}

/** The part of the map in an extension block of the old GNU format. */
export function parseSparseExtension(block: Uint8Array): SparseBlock | undefined {
  return parseExtents(block, 0, 21, 504);
}

function pairUp(numbers: readonly (number | undefined)[]): SparseExtent[] | undefined {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * MAX_EXTENTS) return undefined;
  const extents: SparseExtent[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    const offset = numbers[i];
    const length = numbers[i + 1];
    if (offset === undefined || length === undefined) return undefined;
    extents.push({ offset, length });
  }
  return extents;
}

/** The map of format 0.1, a list of numbers: offset, length, offset, length, and so on. */
export function parseSparseList(value: Uint8Array): SparseExtent[] | undefined {
  if (value.length === 0) return [];
  return pairUp(
    decodeText(value)
      .split(',')
      .map((text) => parsePaxNumber(Buffer.from(text))),
  );
}

/** The map of format 0.0, where the same two keywords come again for each extent. */
export function parseSparseRecords(records: readonly PaxRecord[]): SparseExtent[] | undefined {
  const numbers: (number | undefined)[] = [];
  for (const [keyword, value] of records) {
    const isOffset = keyword === 'GNU.sparse.offset';
    if (!isOffset && keyword !== 'GNU.sparse.numbytes') continue;
    // Offset and length have to take turns.
    if (isOffset !== (numbers.length % 2 === 0)) return undefined;
    numbers.push(parsePaxNumber(value));
  }
  return pairUp(numbers);
}

/**
 * The map of format 1.0, which comes in blocks before the data: decimal numbers with a line feed
 * after each, first the number of extents, then offset and length of each.
 */
export class SparseMapReader {
  readonly #numbers: number[] = [];
  #value: number | undefined;

  /**
   * Reads one block.
   * @returns the map when it is complete, `'more'` when another block is needed, undefined when it
   *   is no map
   */
  add(block: Uint8Array): SparseExtent[] | 'more' | undefined {
    const numbers = this.#numbers;
    for (let i = 0; i < BLOCK_SIZE; i++) {
      const byte = block[i]!;
      if (byte === LINE_FEED) {
        if (this.#value === undefined) return undefined;
        numbers.push(this.#value);
        this.#value = undefined;
        if (numbers[0]! > MAX_EXTENTS) return undefined;
        if (numbers.length === 1 + 2 * numbers[0]!) return pairUp(numbers.slice(1));
      } else {
        const digit = byte - 0x30;
        if (digit < 0 || digit > 9) return undefined;
        this.#value = (this.#value ?? 0) * 10 + digit;
        if (this.#value > Number.MAX_SAFE_INTEGER) return undefined;
      }
    }
    return 'more';
  }
}

/**
 * Whether a map makes sense: extents in order, none beyond the end of the file, and together as
 * long as the body that holds them.
 */
export function isSparseMap(
  extents: readonly SparseExtent[],
  fileSize: number,
  bodySize: number,
): boolean {
  let end = 0;
  let stored = 0;
  for (const { offset, length } of extents) {
    if (offset < end || length < 0 || length > fileSize - offset) return false;
    end = offset + length;
    stored += length;
  }
  return end <= fileSize && stored === bodySize;
}
