/**
 * Base groups: the tokens of parts that are seen for the first time. They are what is stored of a
 * file, for the layer that brought it as for all later ones, and for whoever wants its bytes.
 */
import { freeBuffer } from '../../lib/free-bytes.ts';
import { createSpaceKernel } from '../kernels/instances.ts';
import { SPACE_CAPACITY, WINDOW } from '../kernels/layout.ts';
import type { SpaceKernel } from '../kernels/types.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { TokenError } from './errors.ts';
import {
  FULL_GROUP_SIZE,
  type OpenGroup,
  openGroup,
  type PackOptions,
  packGroup,
} from './group.ts';
import { PART_SIZE, type TokenPart } from './part.ts';
import { MAX_GAP, PlainSpace } from './plain-space.ts';
import { readTokenStreams, TOKEN_STREAM_COUNT, TokenStreamWriter } from './token-streams.ts';

/** Streams of a group: the table of parts, those of their tokens, bytes before parts. */
export const PARTS = 0;
export const FIRST_TOKEN_STREAM = 1;
/** The second of the streams of tokens. */
const LITERALS = FIRST_TOKEN_STREAM + 1;
const CONTEXT = FIRST_TOKEN_STREAM + TOKEN_STREAM_COUNT;
export const STREAM_COUNT = CONTEXT + 1;
/** Parts of a group. */
const MAX_PARTS = 65_536;

/** A part with the plain bytes around it, which its tokens reach for. */
export interface BasePart extends TokenPart {
  /** Which layer it comes from; parts of one layer come in order. Any value that tells them apart. */
  readonly layer: unknown;
  /** Plain position in that layer. */
  readonly start: number;
  /** Plain bytes of that layer that end with the part, with 32 KiB before it if there are as many. */
  readonly plain: Uint8Array;
}

/** Gathers parts for a group. */
export class BaseGroupWriter {
  readonly #tokens = new TokenStreamWriter();
  readonly #table = new ByteWriter();
  readonly #context = new ByteWriter();
  readonly #space = new PlainSpace();
  #layer: unknown;
  #layerEnd = 0;
  #count = 0;
  #plainSize = 0;

  /** Parts so far. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of all streams so far, before compression. */
  get size(): number {
    return this.#table.length + this.#tokens.size + this.#context.length;
  }

  /** Whether it is time to finish it: its parts have 512 KiB of plain bytes. */
  get isFull(): boolean {
    return this.#plainSize >= FULL_GROUP_SIZE;
  }

  /** Whether another part finds room. */
  hasRoomFor(part: BasePart): boolean {
    return this.#count < MAX_PARTS && this.#space.fits(this.#gapBefore(part), part.size);
  }

  /**
   * Adds a part. That its tokens give its bytes is not looked at: both come from one reader.
   * @returns its number in the group
   * @throws TokenError when its tokens do not fill it, or reach for bytes that are not there, and what
   *   `PlainSpace` throws; then only `clear` helps
   */
  add(part: BasePart): number {
    const { tokens, size, lead, plain } = part;
    const gap = this.#gapBefore(part);
    const start = this.#space.end + gap;
    // Positions of the space, less this, are indexes of `plain`.
    const offset = start + size - plain.length;
    this.#space.pass(part, gap, (position) => {
      const byte = plain[position - offset];
      if (byte === undefined) throw new TokenError('token');
      this.#context.byte(byte);
    });
    for (const value of [gap, size, lead, tokens.length]) this.#table.number(value);
    this.#tokens.add(tokens);
    this.#layer = part.layer;
    this.#layerEnd = part.start + size;
    this.#plainSize += size;
    return this.#count++;
  }

  /** Whether a part of literals finds room. @param size - its bytes */
  hasRoomForLiterals(size: number): boolean {
    return this.#count < MAX_PARTS && this.#space.fits(0, size);
  }

  /**
   * Adds a part whose tokens are literals, all of them.
   * @returns its number in the group
   * @throws TokenError `size` when there is no room for it; then only `clear` helps
   */
  addLiterals(bytes: Uint8Array): number {
    const { length: size } = bytes;
    // They reach for nothing, so they may lie anywhere. What follows must not reach for them.
    this.#space.skip(size);
    this.#layer = undefined;
    for (const value of [0, size, 0, size]) this.#table.number(value);
    this.#tokens.addLiterals(bytes);
    this.#plainSize += size;
    return this.#count++;
  }

  /** Packs the group, and begins another one. */
  finish(options?: PackOptions): Uint8Array {
    const streams = [this.#table.bytes, ...this.#tokens.streams, this.#context.bytes];
    const group = packGroup('B', streams, options);
    this.clear();
    return group;
  }

  /** Begins a group; what was added is dropped. */
  clear(): void {
    this.#tokens.clear();
    this.#table.clear();
    this.#context.clear();
    this.#space.clear();
    this.#layer = undefined;
    this.#layerEnd = this.#count = this.#plainSize = 0;
  }

  #gapBefore({ layer, start }: BasePart): number {
    const isNext = this.#count > 0 && layer === this.#layer && start >= this.#layerEnd;
    return isNext ? Math.min(start - this.#layerEnd, MAX_GAP) : MAX_GAP;
  }
}

/** What the table says of a part; `count` are its tokens. */
export interface TableRow {
  readonly gap: number;
  readonly size: number;
  readonly lead: number;
  readonly count: number;
}

/** Whether a part has as many tokens as bytes: literals, but for the last one perhaps. */
function isLiteral({ size, lead, count }: TableRow): boolean {
  return lead === 0 && count === size;
}

/** Reads the table of a group. @throws TokenError */
export function readTable(stream: Uint8Array): TableRow[] {
  const reader = new ByteReader(stream);
  const rows: TableRow[] = [];
  while (reader.left > 0) {
    const gap = reader.number();
    const size = reader.number();
    const lead = reader.number();
    const count = reader.number();
    if (gap > MAX_GAP || size > PART_SIZE || lead > size) throw new TokenError('number');
    rows.push({ gap, size, lead, count });
    if (rows.length > MAX_PARTS) throw new TokenError('size');
  }
  return rows;
}

/** The parts of a base group. */
export interface BaseParts {
  readonly parts: readonly TokenPart[];
  /** The tokens of all of them, one after the other; those of the parts are views of this. */
  readonly tokens: Uint32Array<ArrayBuffer>;
}

/** A base group that has been read. */
export interface BaseGroup extends BaseParts {
  /**
   * Plain bytes of all parts, made when asked for; each with what is known of the 32 KiB before it,
   * which is enough to add it to another group.
   * @throws TokenError `truncated`, `trailing` and what `PlainSpace` throws
   */
  plain(): readonly PlainPart[];
}

let spaceKernel: SpaceKernel | undefined;

/** The bytes of a part. */
export interface PlainPart {
  readonly bytes: Uint8Array;
  /** {@link bytes} with what is before them; unknown bytes are 0. See `BasePart.plain`. */
  readonly plain: Uint8Array;
  /** Position in the space of the group; keeps the distances between parts, as far as they matter. */
  readonly start: number;
}

/** Makes the plain bytes of part after part, and takes of each what is wanted. */
function carryOut<T>(
  group: OpenGroup,
  { rows, parts }: { readonly rows: readonly TableRow[]; readonly parts: readonly TokenPart[] },
  take: (space: PlainSpace, start: number, part: TokenPart) => T,
): T[] {
  spaceKernel ??= createSpaceKernel();
  const space = new PlainSpace(spaceKernel);
  const context = new ByteReader(group.streams(CONTEXT, 1)[0]!);
  const taken = parts.map((part, i) =>
    take(
      space,
      space.add(part, rows[i]!.gap, () => context.byte()),
      part,
    ),
  );
  context.end();
  return taken;
}

/** Cuts tokens into parts. @throws TokenError when there are more or less of them */
export function cutTokens(tokens: Uint32Array, rows: readonly TableRow[]): TokenPart[] {
  let at = 0;
  const parts = rows.map(({ size, lead, count }) => {
    if (count > tokens.length - at) throw new TokenError('truncated');
    at += count;
    return { tokens: tokens.subarray(at - count, at), size, lead };
  });
  if (at < tokens.length) throw new TokenError('trailing');
  return parts;
}

/** The parts in an open group, and the rows of its table. */
function readParts(group: OpenGroup): BaseParts & { readonly rows: readonly TableRow[] } {
  const [table, ...streams] = group.streams(PARTS, FIRST_TOKEN_STREAM + TOKEN_STREAM_COUNT);
  const rows = readTable(table!);
  const tokens = readTokenStreams(streams);
  return { rows, parts: cutTokens(tokens, rows), tokens };
}

/**
 * Reads the parts of a base group; its bytes are not needed any more then.
 * @throws TokenError when it is damaged or no such group
 */
export function readBaseParts(bytes: Uint8Array): BaseParts {
  const group = openGroup('B', STREAM_COUNT, bytes);
  const { parts, tokens } = readParts(group);
  group.free();
  return { parts, tokens };
}

/**
 * Reads a base group.
 * @throws TokenError when it is damaged or no such group
 */
export function readBaseGroup(bytes: Uint8Array): BaseGroup {
  const group = openGroup('B', STREAM_COUNT, bytes);
  const { rows, parts, tokens } = readParts(group);

  return {
    parts,
    tokens,
    plain: () =>
      carryOut(group, { rows, parts }, (space, start, { size }) => {
        const plain = space.bytes(Math.max(0, start - WINDOW), start + size).slice();
        return { bytes: plain.subarray(plain.length - size), plain, start };
      }),
  };
}

/** The bytes of the parts of a base group. */
export interface BaseContents {
  readonly parts: readonly Uint8Array[];
  /** All of them, one after the other; {@link parts} are views of this. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Cuts bytes into the parts of a group. */
function cut(bytes: Uint8Array<ArrayBuffer>, rows: readonly TableRow[]): BaseContents {
  let at = 0;
  const parts = rows.map(({ size }) => {
    at += size;
    return bytes.subarray(at - size, at);
  });
  return { parts, bytes };
}

/**
 * Reads the bytes of the parts of a base group and nothing else.
 * @throws TokenError when it is damaged or no such group
 */
export function readBaseContents(bytes: Uint8Array): BaseContents {
  const group = openGroup('B', STREAM_COUNT, bytes);
  const rows = readTable(group.streams(PARTS, 1)[0]!);
  const size = rows.reduce((sum, row) => sum + row.size, 0);
  if (size > SPACE_CAPACITY) throw new TokenError('size');
  const all = new Uint8Array(size);
  const literals = rows.every(isLiteral) ? group.streams(LITERALS, 1)[0]! : undefined;
  if (literals?.length === size) {
    // As files of plain layers are stored: there is no token that has to be looked at.
    all.set(literals);
  } else {
    const { parts, tokens } = readParts(group);
    let at = 0;
    carryOut(group, { rows, parts }, (space, start, part) => {
      all.set(space.bytes(start, start + part.size), at);
      at += part.size;
    });
    freeBuffer(tokens.buffer);
  }
  group.free();
  return cut(all, rows);
}
