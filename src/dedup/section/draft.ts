/** A section on its way to be stored: its tokens and plain bytes, as they come. */
import { hash } from 'node:crypto';
import { MAX_OVERHANG, WINDOW } from '../../codec/kernels/layout.ts';
import { PART_SIZE, type TokenPart } from '../../codec/tokens/part.ts';
import { freeBuffer } from '../../lib/free-bytes.ts';
import type { FoundPart } from '../files/tree-builder.ts';
import { BufferPool } from './buffer-pool.ts';
import { MAX_GAP_TOKENS, MAX_PARTS, SECTION_SIZE } from './limits.ts';
import type { SectionEvent } from './model.ts';

/** A part as it was found. */
export interface DraftPart extends TokenPart {
  /** SHA-256 of its bytes in base64url. */
  readonly hash: string;
  /** Gap tokens before it. */
  readonly gap: number;
  /** Plain position in the layer. */
  readonly start: number;
}

/** Bytes before the first part that the tokens of parts may reach for. */
const BEFORE = WINDOW + MAX_OVERHANG;
/** Plain bytes of a section, its last part, and what was read ahead. */
const PLAIN_SIZE = SECTION_SIZE + PART_SIZE + 512 * 1024;
/** Tokens that are allocated at a time. */
const ARENA = 256 * 1024;

/** Memory for the sections of one layer after the other. */
export class SectionMemory {
  readonly plain = new BufferPool(PLAIN_SIZE, 2);
  readonly arenas = new BufferPool(4 * ARENA, 16);
}

/** Plain bytes of a layer from some position on. */
class PlainBytes {
  readonly #pool: BufferPool;
  #bytes: Uint8Array<ArrayBuffer>;
  readonly #base: number;
  #length = 0;

  /** @param base - position of the first byte in the layer */
  constructor(base: number, pool: BufferPool) {
    this.#base = base;
    this.#pool = pool;
    this.#bytes = new Uint8Array(pool.take());
  }

  add(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#bytes.length) {
      const grown = new Uint8Array(this.#pool.take(2 * this.#bytes.length + bytes.length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.free();
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The bytes from one position to another, as far as they are there. */
  slice(from: number, to: number): Uint8Array {
    const start = Math.max(0, from - this.#base);
    return this.#bytes.subarray(start, Math.min(this.#length, to - this.#base));
  }

  /** Those from a position on, for the next section. */
  from(position: number): PlainBytes {
    const next = new PlainBytes(Math.max(this.#base, position), this.#pool);
    next.add(this.slice(position, this.#base + this.#length));
    return next;
  }

  free(): void {
    this.#pool.give(this.#bytes.buffer);
  }
}

/** A growing section. */
export class SectionDraft {
  /** Where it begins: bits of the layer, tokens, and plain bytes that the tokens before stand for. */
  readonly startBit: number;
  readonly startToken: number;
  readonly startByte: number;
  /** Whether its layer is not compressed; tokens are counted in gaps only then. */
  readonly isPlain: boolean;
  /** Known when the section has ended. */
  endBit = 0;
  events: readonly SectionEvent[] = [];
  readonly parts: DraftPart[] = [];
  /** Gap tokens after the last part. */
  lastGap = 0;
  readonly #memory: SectionMemory;
  readonly #plain: PlainBytes;
  #gaps: Uint32Array<ArrayBuffer> = new Uint32Array(16 * 1024);
  #gapCount = 0;
  /** Memory of tokens that have been taken, the last one with room in it. */
  readonly #arenas: Uint32Array<ArrayBuffer>[] = [];
  #used = 0;
  #tokenCount = 0;

  constructor(
    start: { readonly bit: number; readonly token: number; readonly byte: number },
    { memory, isPlain }: { readonly memory: SectionMemory; readonly isPlain: boolean },
    plain = new PlainBytes(0, memory.plain),
  ) {
    this.#memory = memory;
    this.isPlain = isPlain;
    this.startBit = start.bit;
    this.startToken = start.token;
    this.startByte = start.byte;
    this.#plain = plain;
  }

  get tokenCount(): number {
    return this.#tokenCount;
  }

  get gapTokens(): Uint32Array {
    return this.#gaps.subarray(0, this.#gapCount);
  }

  /** Whether it should end with the next gap or part that begins. */
  isFull(position: number): boolean {
    return (
      position - this.startByte >= SECTION_SIZE ||
      this.#gapCount >= MAX_GAP_TOKENS ||
      this.parts.length >= MAX_PARTS
    );
  }

  /** Takes plain bytes of the layer, ahead of the tokens that stand for them. */
  addPlain(bytes: Uint8Array): void {
    this.#plain.add(bytes);
  }

  /** Takes tokens that belong to no part; of a plain layer its bytes, which are literals. */
  addGap(tokens: Uint32Array | Uint8Array): void {
    const count = this.#gapCount + tokens.length;
    if (count > this.#gaps.length) {
      const grown = new Uint32Array(Math.max(count, 2 * this.#gaps.length));
      grown.set(this.gapTokens);
      freeBuffer(this.#gaps.buffer);
      this.#gaps = grown;
    }
    this.#gaps.set(tokens, this.#gapCount);
    this.#gapCount = count;
    this.lastGap += tokens.length;
    this.#tokenCount += tokens.length;
  }

  /** Takes a part; its plain bytes are there. Of a plain layer it has no tokens. */
  addPart({ tokens, size, lead }: TokenPart, start: number): void {
    const bytes = this.#plain.slice(start, start + size);
    this.parts.push({
      tokens: this.#keep(tokens),
      size,
      lead,
      start,
      gap: this.lastGap,
      hash: hash('sha256', bytes, 'base64url'),
    });
    this.lastGap = 0;
    this.#tokenCount += tokens.length;
  }

  /** The bytes of a part with those before it that its tokens may reach for. */
  plainOf({ start, size }: DraftPart): Uint8Array {
    return this.#plain.slice(start - WINDOW, start + size);
  }

  /** What the tree of the layer is told of the last part. @param section - number of the section */
  lastFound(section: number): FoundPart {
    const part = this.parts.length - 1;
    const { hash: found, start, size } = this.parts[part]!;
    const bytes = (): Uint8Array => this.#plain.slice(start, start + size);
    return { hash: found, start, section, part, bytes };
  }

  /** Begins the next section. What comes later belongs to it. */
  next(bit: number, byte: number): SectionDraft {
    const start = { bit, token: this.startToken + this.#tokenCount, byte };
    const plain = this.#plain.from(Math.max(0, byte - BEFORE));
    return new SectionDraft(start, { memory: this.#memory, isPlain: this.isPlain }, plain);
  }

  /** Its tokens in order, from the one of this number on. */
  *tokensFrom(first: number): Generator<Uint32Array, void> {
    let skip = first;
    const rest = function* (tokens: Uint32Array): Generator<Uint32Array, void> {
      const skipped = Math.min(skip, tokens.length);
      skip -= skipped;
      if (skipped < tokens.length) yield tokens.subarray(skipped);
    };
    let gap = 0;
    for (const part of this.parts) {
      yield* rest(this.#gaps.subarray(gap, gap + part.gap));
      gap += part.gap;
      yield* rest(part.tokens);
    }
    yield* rest(this.#gaps.subarray(gap, gap + this.lastGap));
  }

  /** Gives its memory back; nothing can be asked of it any more. */
  free(): void {
    this.#plain.free();
    freeBuffer(this.#gaps.buffer);
    for (const { buffer } of this.#arenas) this.#memory.arenas.give(buffer);
  }

  #keep(tokens: Uint32Array): Uint32Array {
    let arena = this.#arenas.at(-1);
    if (arena === undefined || this.#used + tokens.length > arena.length) {
      arena = new Uint32Array(this.#memory.arenas.take(tokens.byteLength));
      this.#arenas.push(arena);
      this.#used = 0;
    }
    const kept = arena.subarray(this.#used, this.#used + tokens.length);
    kept.set(tokens);
    this.#used += tokens.length;
    return kept;
  }
}
