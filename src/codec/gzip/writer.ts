/** Writes a gzip file (RFC 1952) from the parts that a reader made of it, bit for bit. */
import { DeflateWriter } from '../deflate/writer.ts';
import type { WriterKernel } from '../kernels/types.ts';
import { GzipError } from './errors.ts';
import type { GzipSource } from './parts.ts';

/** One file. Memory is fixed, but for the blocks whose tokens have not come. */
export class GzipWriter {
  readonly #deflate: DeflateWriter;
  /** Whether a member is open, or what may follow after it. */
  #state: 'start' | 'member' | 'between' | 'tail' = 'start';
  /** Bytes given out. */
  #offset = 0;

  /** @param kernel - to be used by this writer alone */
  constructor(kernel?: WriterKernel) {
    this.#deflate = new DeflateWriter(kernel);
  }

  /**
   * Takes the next part and gives the bytes that it makes, as views that hold until the generator
   * goes on. A generator that is not run to its end leaves the writer unusable.
   * @throws GzipError ('order') for a part that cannot come here
   * @throws DeflateError for blocks and tokens that make no stream
   */
  *push(part: GzipSource): Generator<Uint8Array, void> {
    if (!this.#isNext(part.kind)) throw new GzipError('order', this.#offset);
    for (const bytes of this.#write(part)) {
      this.#offset += bytes.length;
      yield bytes;
    }
  }

  /** @throws GzipError ('truncated') when the last member has no trailer */
  finish(): void {
    if (this.#state === 'start' || this.#state === 'member') {
      throw new GzipError('truncated', this.#offset);
    }
  }

  #isNext(kind: GzipSource['kind']): boolean {
    if (kind === 'header') return this.#state === 'start' || this.#state === 'between';
    if (kind === 'tail') return this.#state === 'between' || this.#state === 'tail';
    return this.#state === 'member';
  }

  *#write(part: GzipSource): Generator<Uint8Array, void> {
    switch (part.kind) {
      case 'header':
        this.#deflate.reset();
        this.#state = 'member';
        yield part.bytes;
        break;
      case 'tokens':
        this.#deflate.addBlocks(part.blocks);
        yield* this.#deflate.push(part.tokens);
        break;
      case 'trailer':
        yield* this.#deflate.finish(part.padding);
        this.#state = 'between';
        yield part.bytes;
        break;
      case 'tail':
        this.#state = 'tail';
        yield part.bytes;
        break;
    }
  }
}
