/**
 * Parts of a base group, one after the other. A layer that is restored wants most groups in the order in
 * which it brought them: then tokens are made piece by piece and used at once, and never all of them lie
 * in memory, where they take four bytes each. Who wants them in another order, or patches them, gets
 * them from all tokens together.
 */
import {
  cutTokens,
  FIRST_TOKEN_STREAM,
  PARTS,
  readTable,
  STREAM_COUNT,
  type TableRow,
} from './base-group.ts';
import { TokenError } from './errors.ts';
import { type OpenGroup, openGroup } from './group.ts';
import type { TokenPart } from './part.ts';
import {
  type Allocate,
  readTokenStreams,
  TOKEN_STREAM_COUNT,
  TokenStreamReader,
} from './token-streams.ts';

/** Bytes that a row of the table takes in memory, nearly. */
const ROW_MEMORY = 128;

function nothing(): void {
  // Tokens that are passed over.
}

/** Reads a base group. */
export class BasePartReader {
  readonly #group: OpenGroup;
  readonly #rows: readonly TableRow[];
  /** Those of tokens. */
  readonly #streams: readonly Uint8Array[];
  readonly #reader: TokenStreamReader;
  readonly #allocate: Allocate | undefined;
  /** The part that the reader comes to next. */
  #next = 0;
  #all: { readonly parts: readonly TokenPart[]; readonly buffer: ArrayBuffer } | undefined;

  /**
   * @param bytes - the group; not needed any more afterwards
   * @param allocate - memory for all tokens, if they are needed; default: of their own
   * @throws TokenError when it is damaged or no such group
   */
  constructor(bytes: Uint8Array, allocate?: Allocate) {
    this.#group = openGroup('B', STREAM_COUNT, bytes);
    const [table, ...streams] = this.#group.streams(PARTS, FIRST_TOKEN_STREAM + TOKEN_STREAM_COUNT);
    this.#rows = readTable(table!);
    // What is stored as it is lies in the bytes of the group.
    this.#streams = streams.map((own) => (own.buffer === bytes.buffer ? new Uint8Array(own) : own));
    this.#reader = new TokenStreamReader(this.#streams);
    this.#allocate = allocate;
    const count = this.#rows.reduce((sum, row) => sum + row.count, 0);
    if (count !== this.#reader.count) {
      throw new TokenError(count > this.#reader.count ? 'truncated' : 'trailing');
    }
  }

  /** Parts. */
  get count(): number {
    return this.#rows.length;
  }

  /** Bytes in memory, at most. */
  get memory(): number {
    const streams = this.#streams.reduce((sum, { length }) => sum + length, 0);
    return streams + 4 * this.#reader.count + ROW_MEMORY * this.#rows.length;
  }

  /**
   * Gives the tokens of a part, piece by piece.
   * @param index - below {@link count}
   * @param sink - gets views that hold until it returns
   * @throws TokenError when the group is damaged
   */
  read(index: number, sink: (tokens: Uint32Array) => void): void {
    if (this.#all !== undefined || index < this.#next || this.#reader.hasIrregular) {
      sink(this.part(index).tokens);
      return;
    }
    while (this.#next < index) this.#pass(nothing);
    this.#pass(sink);
  }

  /**
   * A part with all its tokens.
   * @param index - below {@link count}
   * @throws TokenError when the group is damaged
   */
  part(index: number): TokenPart {
    if (this.#all === undefined) {
      const tokens = readTokenStreams(this.#streams, this.#allocate);
      this.#all = { parts: cutTokens(tokens, this.#rows), buffer: tokens.buffer };
    }
    return this.#all.parts[index]!;
  }

  /**
   * Frees its memory; it is not to be used any more.
   * @param give - takes what `allocate` has given
   */
  free(give: (buffer: ArrayBuffer) => void): void {
    this.#group.free();
    if (this.#all !== undefined) give(this.#all.buffer);
  }

  #pass(sink: (tokens: Uint32Array) => void): void {
    const index = this.#next;
    // When this breaks off, nobody knows where the reader is.
    this.#next = Number.POSITIVE_INFINITY;
    this.#reader.read(this.#rows[index]!.count, sink);
    if (index + 1 === this.#rows.length) this.#reader.end();
    this.#next = index + 1;
  }
}
