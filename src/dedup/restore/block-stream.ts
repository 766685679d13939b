/**
 * A restore that several readers share. It makes blocks as fast as the fastest of them takes them, and
 * keeps the last ones, its window, for those that are behind. Whoever falls behind the window has to go
 * on elsewhere: nobody waits for slow readers.
 */
import { unlessAborted } from '../../lib/unless-aborted.ts';
import { SharedBlock } from './shared-block.ts';

/** What a stream is made from. */
export interface StreamParts {
  /** Numbers of its first block, and of the block after its last one. */
  readonly first: number;
  readonly end: number;
  /** Makes the blocks, each checked; ends early when the signal is aborted. */
  readonly source: (signal: AbortSignal) => AsyncGenerator<Buffer, void>;
  /** Bytes of blocks that were made and may be kept; the last one always is. */
  readonly windowSize: () => number;
  /** Told of each block, which it may hold. */
  readonly onBlock: (number: number, block: SharedBlock) => void;
}

/** One restore, in blocks. */
export class BlockStream {
  /** Number of the block after its last one. */
  readonly end: number;
  readonly #parts: StreamParts;
  readonly #source: AsyncGenerator<Buffer, void>;
  readonly #stop = new AbortController();
  /** Blocks that were made last, and the number of the first of them. */
  readonly #window: SharedBlock[] = [];
  #low: number;
  #bytes = 0;
  #readers = 0;
  /** The block that is being made. */
  #making: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #ended: Promise<void> | undefined;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.#low = parts.first;
    this.end = parts.end;
    this.#source = parts.source(this.#stop.signal);
  }

  /** Number of the next block that will be made. */
  get #head(): number {
    return this.#low + this.#window.length;
  }

  /** Whether a reader can join that needs the blocks from one on, up to another one. */
  covers(number: number, end: number): boolean {
    if (this.#failure !== undefined || this.#ended !== undefined) return false;
    return this.#low <= number && number <= this.#head && end <= this.end;
  }

  /** Counts one more reader. */
  join(): void {
    this.#readers++;
  }

  /** Counts one less. @returns whether nobody is left: it is to be closed then */
  leave(): boolean {
    this.#readers--;
    return this.#readers === 0;
  }

  /**
   * A block, held for who asks.
   * @returns undefined when it has left the window
   * @throws what making it throws, the same to all; the signal's reason
   */
  async take(number: number, signal: AbortSignal): Promise<SharedBlock | undefined> {
    for (;;) {
      const block = this.#window[number - this.#low];
      if (block !== undefined) return block.hold();
      if (number < this.#low) return undefined;
      if (this.#failure !== undefined) throw this.#failure.error;
      await unlessAborted(this.#makeNext(), signal);
    }
  }

  /** Lets blocks go that do not fit in the window any more. */
  trim(): void {
    const size = this.#parts.windowSize();
    while (this.#bytes > size && this.#window.length > 1) {
      const block = this.#window.shift()!;
      this.#low++;
      this.#bytes -= block.bytes.length;
      block.drop();
    }
  }

  /** Ends it at once, also for those who still read. */
  close(): Promise<void> {
    this.#ended ??= this.#close();
    return this.#ended;
  }

  async #close(): Promise<void> {
    this.#failure ??= { error: new Error('the restore has ended') };
    this.#stop.abort(this.#failure.error);
    // In line behind the block that is being made.
    await this.#source.return();
    for (const block of this.#window.splice(0)) block.drop();
  }

  /** Begins the next block, or joins those who wait for it. */
  #makeNext(): Promise<void> {
    if (this.#making === undefined) {
      this.#making = this.#make().finally(() => {
        this.#making = undefined;
      });
      // Those who wait for it may all have left by the time it fails.
      this.#making.catch(() => undefined);
    }
    return this.#making;
  }

  async #make(): Promise<void> {
    try {
      const { value } = await this.#source.next();
      if (value === undefined) throw new Error('a restore that gives too few blocks');
      const block = new SharedBlock(value);
      this.#parts.onBlock(this.#head, block);
      this.#window.push(block);
      this.#bytes += value.length;
      this.trim();
      // What it takes is given back at once, while readers go on with the window.
      if (this.#head === this.end) await this.#source.return();
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }
}
