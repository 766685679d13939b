/** Streams made to cost a reader dearly. */
import { BitSink } from './bits.ts';

/** Blocks of fixed codes without tokens, 10 bits each, and a last one. */
export function emptyBlocks(count: number): Buffer {
  // Four of them are five bytes: 010 and seven times 0, over and over.
  const sink = new BitSink();
  for (let i = 0; i < 4; i++) sink.put(2, 10);
  const four = sink.toBytes();
  const last = Buffer.from([3, 0]);
  return Buffer.concat([Buffer.alloc(Math.floor(count / 4) * four.length, four), last]);
}

/** Blocks of dynamic codes with one literal each, whose codes have to be built anew every time. */
export function tinyDynamicBlocks(count: number): Buffer {
  const sink = new BitSink();
  for (let i = 0; i <= count; i++) {
    sink.put(i === count ? 1 : 0, 1);
    sink.put(2, 2);
    // 257 lengths and one; codes of code lengths for 18 (1 bit), 1 and 0 (2 bits).
    sink.put(0, 5);
    sink.put(0, 5);
    sink.put(14, 4);
    const lengths: Record<number, number> = { 18: 1, 1: 2, 0: 2 };
    for (const symbol of [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1]) {
      sink.put(lengths[symbol] ?? 0, 3);
    }
    const [zeros, zero, one] = ['0', '10', '11'];
    // Literal 65 and end of block have one bit each, distances none.
    sink.putCode(zeros);
    sink.put(65 - 11, 7);
    sink.putCode(one);
    sink.putCode(zeros);
    sink.put(127, 7);
    sink.putCode(zeros);
    sink.put(190 - 138 - 11, 7);
    sink.putCode(one);
    sink.putCode(zero);
    sink.putCode('01');
  }
  return sink.toBytes();
}
