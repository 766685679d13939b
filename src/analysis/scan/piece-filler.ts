/** Brings bytes that come in pieces of any size into memory that is shared with a thread. */

/** Fills pieces in turn, each to its end but for the last one, and waits for those that are in use. */
export class PieceFiller {
  readonly #bytes: AsyncIterable<Uint8Array>;
  readonly #pieces: readonly Uint8Array[];
  #free: number;
  #isStopped = false;
  #wake: (() => void) | undefined;

  constructor(bytes: AsyncIterable<Uint8Array>, pieces: readonly Uint8Array[]) {
    this.#bytes = bytes;
    this.#pieces = pieces;
    this.#free = pieces.length;
  }

  /** The oldest piece is not in use any more. */
  free(): void {
    this.#free++;
    this.#wake?.();
  }

  /** No more pieces are wanted. */
  stop(): void {
    this.#isStopped = true;
    this.#wake?.();
  }

  /**
   * Fills pieces until all bytes are in, or it is stopped.
   * @param filled - called for each in its turn, and with 0 at the end
   * @throws what the bytes throw
   */
  async run(filled: (length: number) => void): Promise<void> {
    let turn = 0;
    let length = 0;
    for await (const chunk of this.#bytes) {
      for (let at = 0; at < chunk.length; ) {
        while (this.#free === 0 && !this.#isStopped) await this.#change();
        if (this.#isStopped) return;
        const piece = this.#pieces[turn % this.#pieces.length]!;
        const part = chunk.subarray(at, at + piece.length - length);
        piece.set(part, length);
        at += part.length;
        length += part.length;
        if (length < piece.length) continue;
        this.#free--;
        filled(length);
        turn++;
        length = 0;
      }
      if (this.#isStopped) return;
    }
    if (length > 0) filled(length);
    filled(0);
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
