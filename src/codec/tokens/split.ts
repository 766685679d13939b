/** Takes the token stream of a layer apart into files and gaps. */
import { lengthOf } from '../deflate/token.ts';
import { PART_SIZE, type TokenPart } from './part.ts';

/** Hears the pieces in the order of the stream. What it is given is valid during the call only. */
export interface SplitSink {
  /** Tokens that start outside of bodies. */
  gap(tokens: Uint32Array): void;
  /**
   * A part of a body.
   * @param body - number of the body, in the order of {@link TokenSplitter.announce}
   * @param start - plain position in the layer
   */
  part(part: TokenPart, body: number, start: number): void;
}

const FIRST_ROOM = 16 * 1024;

/** A body that the tokens have not passed yet. */
interface Body {
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The splitter. Whoever uses it lets the bytes of the layer run ahead of its tokens, so that a body
 * is announced before the tokens reach it. Memory: the tokens of one part, and the bodies that are
 * announced and not passed.
 */
export class TokenSplitter {
  readonly #sink: SplitSink;
  /** Announced bodies; the first one is open when there is a part. */
  readonly #bodies: Body[] = [];
  #announced = 0;
  #announcedEnd = 0;
  /** Plain bytes of all tokens so far. */
  #position = 0;
  #isOpen = false;
  #partStart = 0;
  #partEnd = 0;
  #lead = 0;
  /** Tokens of the open part; no two start at the same of its bytes. */
  #tokens = new Uint32Array(FIRST_ROOM);
  #count = 0;

  constructor(sink: SplitSink) {
    this.#sink = sink;
  }

  /** Plain bytes of the tokens that the sink has heard of or that are in the open part. */
  get position(): number {
    return this.#position;
  }

  /**
   * Says where a body lies. Bodies come in order and do not overlap. One without bytes counts, and
   * has no parts.
   * @throws RangeError when tokens or another body have passed its start
   */
  announce(start: number, size: number): void {
    if (start < this.#position || start < this.#announcedEnd) {
      throw new RangeError(`a body at ${start} comes too late`);
    }
    const number = this.#announced++;
    this.#announcedEnd = start + size;
    if (size > 0) this.#bodies.push({ number, start, end: start + size });
  }

  /**
   * Takes the next tokens.
   * @param size - plain bytes that they stand for
   */
  push(tokens: Uint32Array, size: number): void {
    const end = this.#position + size;
    let at = 0;
    while (at < tokens.length) {
      at = this.#isOpen ? this.#fillPart(tokens, at, end) : this.#passGap(tokens, at, end);
      this.#advance();
    }
  }

  /** The stream has ended. What is there of an unfinished part counts as the whole of it. */
  end(): void {
    if (!this.#isOpen || this.#position === this.#partStart) return;
    this.#partEnd = this.#position;
    this.#closePart();
  }

  /** @returns where the first token that is not in the gap stands */
  #passGap(tokens: Uint32Array, from: number, end: number): number {
    const limit = this.#bodies[0]?.start ?? Number.POSITIVE_INFINITY;
    const at = this.#goTo(limit, tokens, from, end);
    if (at > from) this.#sink.gap(tokens.subarray(from, at));
    return at;
  }

  /** @returns where the first token that is not in the part stands */
  #fillPart(tokens: Uint32Array, from: number, end: number): number {
    const at = this.#goTo(this.#partEnd, tokens, from, end);
    const count = this.#count + at - from;
    this.#roomFor(count).set(tokens.subarray(from, at), this.#count);
    this.#count = count;
    return at;
  }

  /**
   * Moves on over the tokens that start before a plain position.
   * @param end - the position after all tokens
   * @returns where the first token after them stands
   */
  #goTo(limit: number, tokens: Uint32Array, from: number, end: number): number {
    // Most of the bytes are in large files, where no token has to be looked at.
    if (end <= limit) {
      this.#position = end;
      return tokens.length;
    }
    let position = this.#position;
    let at = from;
    while (at < tokens.length && position < limit) position += lengthOf(tokens[at++]!);
    this.#position = position;
    return at;
  }

  #roomFor(count: number): Uint32Array {
    if (count > this.#tokens.length) {
      const grown = new Uint32Array(Math.max(count, 2 * this.#tokens.length));
      grown.set(this.#tokens.subarray(0, this.#count));
      this.#tokens = grown;
    }
    return this.#tokens;
  }

  /** Opens and closes whatever the position has reached. */
  #advance(): void {
    for (;;) {
      const body = this.#bodies[0];
      if (body === undefined || this.#position < body.start) return;
      if (!this.#isOpen) this.#openPart(body, body.start);
      if (this.#position < this.#partEnd) return;
      this.#closePart();
      if (this.#partEnd < body.end) this.#openPart(body, this.#partEnd);
      else this.#bodies.shift();
    }
  }

  #openPart(body: Body, start: number): void {
    this.#isOpen = true;
    this.#partStart = start;
    this.#partEnd = Math.min(start + PART_SIZE, body.end);
    this.#lead = Math.min(this.#position, this.#partEnd) - start;
    this.#count = 0;
  }

  #closePart(): void {
    this.#isOpen = false;
    this.#sink.part(
      {
        tokens: this.#tokens.subarray(0, this.#count),
        size: this.#partEnd - this.#partStart,
        lead: this.#lead,
      },
      this.#bodies[0]!.number,
      this.#partStart,
    );
  }
}
