/** Streams through reader and writer in one go, with everything copied. */
import type { Block, BlockHead } from '../../../src/codec/deflate/block.ts';
import { DeflateReader } from '../../../src/codec/deflate/reader.ts';
import { DeflateWriter } from '../../../src/codec/deflate/writer.ts';
import { createReaderKernel, createWriterKernel } from '../../../src/codec/kernels/instances.ts';

/** One after the other uses them. */
const readerKernel = createReaderKernel();
const writerKernel = createWriterKernel();

/** What was read. */
export interface Inflated {
  readonly plain: Buffer;
  readonly tokens: Uint32Array;
  readonly blocks: readonly Block[];
  readonly padding: number;
  readonly unread: number;
}

/** Cuts bytes into chunks of one size. */
export function chunksOf(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}

/** Puts token arrays together. */
function joinTokens(parts: readonly Uint32Array[]): Uint32Array {
  const tokens = new Uint32Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    tokens.set(part, at);
    at += part.length;
  }
  return tokens;
}

/** @throws DeflateError for what is no whole stream */
export function inflate(chunks: readonly Uint8Array[]): Inflated {
  const reader = new DeflateReader(readerKernel);
  const plain: Buffer[] = [];
  const tokens: Uint32Array[] = [];
  const blocks: Block[] = [];
  for (const chunk of chunks) {
    for (const piece of reader.push(chunk)) {
      plain.push(Buffer.from(piece.plain));
      tokens.push(piece.tokens.slice());
      blocks.push(...piece.blocks);
    }
  }
  reader.finish();
  const { padding, unread } = reader;
  return { plain: Buffer.concat(plain), tokens: joinTokens(tokens), blocks, padding, unread };
}

/** What a stream is written from. */
export interface Parts {
  readonly tokens: Uint32Array;
  readonly blocks: readonly BlockHead[];
  readonly padding: number;
}

/** @throws DeflateError for parts that make no stream */
export function deflate({ tokens, blocks, padding }: Parts): Buffer {
  const writer = new DeflateWriter(writerKernel);
  const bytes: Buffer[] = [];
  writer.addBlocks(blocks);
  for (const piece of writer.push(tokens)) bytes.push(Buffer.from(piece));
  for (const piece of writer.finish(padding)) bytes.push(Buffer.from(piece));
  return Buffer.concat(bytes);
}
