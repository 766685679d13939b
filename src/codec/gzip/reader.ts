/** Reads a gzip file (RFC 1952) in parts, of which it can be written again bit for bit. */
import { crc32 } from 'node:zlib';
import { DeflateReader, type OpenBlock } from '../deflate/reader.ts';
import type { ReaderKernel } from '../kernels/types.ts';
import { GzipError } from './errors.ts';
import { scanHeader } from './header.ts';
import type { GzipPart } from './parts.ts';

const TRAILER_SIZE = 8;
const MEMBER_MAGIC = [0x1f, 0x8b];

/**
 * What is read now. `between` is the place after a member, where another one may follow: its first
 * two bytes decide, and everything else is tail.
 */
type State = 'header' | 'data' | 'trailer' | 'between' | 'tail';

/** A scan of a header that waits for its first byte. */
function startHeader(offset: number): ReturnType<typeof scanHeader> {
  const header = scanHeader(offset);
  header.next();
  return header;
}

/** One file. Memory is fixed, whatever comes. */
export class GzipReader {
  readonly #deflate: DeflateReader;
  #state: State = 'header';
  /** Bytes of the file that have been read. */
  #offset = 0;
  #header = startHeader(0);
  /** Bytes of what is read now, as far as they have come: a trailer, or what is between members. */
  #held: number[] = [];
  readonly #isChecked: boolean;
  #crc = 0;
  #streamStart = 0;

  /**
   * @param kernel - to be used by this reader alone
   * @param options - whether the checksums of members are compared, a tenth of the time; default: yes
   */
  constructor(kernel?: ReaderKernel, { isChecked = true }: { readonly isChecked?: boolean } = {}) {
    this.#deflate = new DeflateReader(kernel);
    this.#isChecked = isChecked;
  }

  /** Bytes of the file before the DEFLATE stream that was begun last. */
  get streamStart(): number {
    return this.#streamStart;
  }

  /** Bytes of the file that have been used for the data so far; a part of one as a fraction. */
  get position(): number {
    return this.#state === 'data' ? this.#streamStart + this.#deflate.position : this.#offset;
  }

  /** The block in which the data so far end, if it is not over. */
  get openBlock(): OpenBlock | undefined {
    return this.#deflate.open;
  }

  /**
   * Takes the next bytes of the file and gives what can be read. Data are views that hold until
   * the generator goes on, see `DeflatePiece`; everything else may be kept. A generator that is not
   * run to its end leaves the reader unusable.
   * @throws GzipError, DeflateError for what is no gzip file
   */
  *push(chunk: Uint8Array): Generator<GzipPart, void> {
    const start = this.#offset;
    let at = 0;
    while (at < chunk.length) {
      const part = chunk.subarray(at);
      if (this.#state === 'header') at += yield* this.#readHeader(part);
      else if (this.#state === 'data') at += yield* this.#readData(part);
      else if (this.#state === 'trailer') at += yield* this.#readTrailer(part);
      else if (this.#state === 'between') at += yield* this.#readBetween(part);
      else at += yield* this.#readTail(part);
      this.#offset = start + at;
    }
  }

  /**
   * Says that no more bytes come.
   * @throws GzipError ('truncated') inside of a member, or when there was none
   */
  *finish(): Generator<GzipPart, void> {
    if (this.#state === 'between') {
      // One byte, which could have been the first of a member.
      if (this.#held.length > 0) yield { kind: 'tail', bytes: Uint8Array.from(this.#held) };
      this.#held = [];
    } else if (this.#state !== 'tail') {
      throw new GzipError('truncated', this.#offset);
    }
  }

  /** @returns bytes taken, as all that follow */
  *#readHeader(part: Uint8Array): Generator<GzipPart, number> {
    for (let i = 0; i < part.length; i++) {
      const step = this.#header.next(part[i]!);
      if (!step.done) continue;
      this.#streamStart = this.#offset + i + 1;
      yield { kind: 'header', bytes: step.value };
      this.#deflate.reset();
      this.#crc = 0;
      this.#state = 'data';
      return i + 1;
    }
    return part.length;
  }

  *#readData(part: Uint8Array): Generator<GzipPart, number> {
    for (const { plain, tokens, blocks } of this.#deflate.push(part)) {
      if (this.#isChecked) this.#crc = crc32(plain, this.#crc);
      yield { kind: 'data', plain, tokens, blocks };
    }
    if (!this.#deflate.done) return part.length;
    this.#state = 'trailer';
    return part.length - this.#deflate.unread;
  }

  *#readTrailer(part: Uint8Array): Generator<GzipPart, number> {
    const taken = part.subarray(0, TRAILER_SIZE - this.#held.length);
    this.#held.push(...taken);
    if (this.#held.length === TRAILER_SIZE) {
      const bytes = Uint8Array.from(this.#held);
      const view = new DataView(bytes.buffer);
      yield {
        kind: 'trailer',
        padding: this.#deflate.padding,
        bytes,
        isCrcRight: this.#isChecked ? view.getUint32(0, true) === this.#crc : undefined,
        isSizeRight: view.getUint32(4, true) === this.#deflate.plainBytes % 2 ** 32,
      };
      this.#held = [];
      this.#state = 'between';
    }
    return taken.length;
  }

  *#readBetween(part: Uint8Array): Generator<GzipPart, number> {
    const taken = part.subarray(0, MEMBER_MAGIC.length - this.#held.length);
    this.#held.push(...taken);
    if (this.#held.some((byte, i) => byte !== MEMBER_MAGIC[i])) {
      this.#state = 'tail';
      yield { kind: 'tail', bytes: Uint8Array.from(this.#held) };
      this.#held = [];
    } else if (this.#held.length === MEMBER_MAGIC.length) {
      const heldBefore = MEMBER_MAGIC.length - taken.length;
      this.#header = startHeader(this.#offset - heldBefore);
      for (const byte of MEMBER_MAGIC) this.#header.next(byte);
      this.#held = [];
      this.#state = 'header';
    }
    return taken.length;
  }

  *#readTail(part: Uint8Array): Generator<GzipPart, number> {
    yield { kind: 'tail', bytes: part.slice() };
    return part.length;
  }
}
