/** Reads a layer that is not compressed as if it came out of one that has literals only. */
import type { GzipData } from '../../codec/gzip/parts.ts';
import { TOKEN_CAPACITY } from '../../codec/kernels/layout.ts';

/** One for all on this thread: what is in it holds until the next piece only. */
const tokens = new Uint32Array(TOKEN_CAPACITY);

/**
 * Gives bytes with the literals that stand for them, as views that hold until the generator goes on.
 * There are no blocks.
 */
export function* readPlain(chunk: Uint8Array): Generator<GzipData, void> {
  for (let at = 0; at < chunk.length; at += TOKEN_CAPACITY) {
    const plain = chunk.subarray(at, at + TOKEN_CAPACITY);
    tokens.set(plain);
    yield { kind: 'data', plain, tokens: tokens.subarray(0, plain.length), blocks: [] };
  }
}
