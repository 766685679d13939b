/** Gets the kernels ready, and sees that they work here. */
import { deflateRawSync } from 'node:zlib';
import type { Block } from './block.ts';
import { DeflateReader } from './reader.ts';
import { DeflateWriter } from './writer.ts';

/** Times after which V8 has seen enough of a kernel to compile it again, and better. */
const ROUNDS = 10;
const SAMPLE_SIZE = 100_000;

/** Bytes with literals and matches of many kinds in them. */
function makeSample(): Buffer {
  const bytes = Buffer.alloc(SAMPLE_SIZE);
  for (let i = 0; i < bytes.length; i++) {
    // What comes back after 1,000 bytes is a little different each time.
    bytes[i] = i % 7 === 0 ? i >> 9 : Math.imul(i % 1000, 0x9e3779b1) >>> 25;
  }
  return bytes;
}

/**
 * Reads and writes a sample until V8 has compiled the kernels for speed, for all threads of the
 * process. Takes some tens of milliseconds; without it the first megabyte of a layer is slow.
 * @throws Error when the sample does not come back: then the kernels must not be used here
 */
export function warmUp(): void {
  const sample = makeSample();
  const stream = deflateRawSync(sample);
  const reader = new DeflateReader();
  const writer = new DeflateWriter();
  for (let round = 0; round < ROUNDS; round++) {
    reader.reset();
    writer.reset();
    const plain: Buffer[] = [];
    const tokens: Uint32Array[] = [];
    const blocks: Block[] = [];
    for (const piece of reader.push(stream)) {
      plain.push(Buffer.from(piece.plain));
      tokens.push(piece.tokens.slice());
      blocks.push(...piece.blocks);
    }
    reader.finish();
    writer.addBlocks(blocks);
    const bytes: Buffer[] = [];
    for (const part of tokens) for (const b of writer.push(part)) bytes.push(Buffer.from(b));
    for (const b of writer.finish(reader.padding)) bytes.push(Buffer.from(b));
    if (!Buffer.concat(plain).equals(sample) || !Buffer.concat(bytes).equals(stream)) {
      throw new Error('the codec does not work on this machine');
    }
  }
}
