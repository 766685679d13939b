/** Files through the gzip reader and writer, with everything copied. */
import type { BlockHead } from '../../../src/codec/deflate/block.ts';
import type { GzipPart, GzipSource } from '../../../src/codec/gzip/parts.ts';
import { GzipReader } from '../../../src/codec/gzip/reader.ts';
import { GzipWriter } from '../../../src/codec/gzip/writer.ts';
import { createReaderKernel, createWriterKernel } from '../../../src/codec/kernels/instances.ts';
import { chunksOf } from './deflate.ts';

/** One after the other uses them. */
const readerKernel = createReaderKernel();
const writerKernel = createWriterKernel();

/** What was read, and the parts that the file can be written from. */
export interface Gunzipped {
  readonly plain: Buffer;
  readonly sources: readonly GzipSource[];
  readonly trailers: readonly Extract<GzipPart, { kind: 'trailer' }>[];
}

/** @throws GzipError, DeflateError */
export function gunzip(file: Uint8Array, chunkSize = 65_536): Gunzipped {
  const reader = new GzipReader(readerKernel);
  const plain: Buffer[] = [];
  const sources: GzipSource[] = [];
  const trailers: Gunzipped['trailers'][number][] = [];
  // A block is known when it ends, and needed when it begins.
  let blocks: BlockHead[] = [];
  let tokens: GzipSource[] = [];
  const keep = (part: GzipPart): void => {
    if (part.kind === 'data') {
      plain.push(Buffer.from(part.plain));
      blocks.push(...part.blocks);
      tokens.push({ kind: 'tokens', blocks: [], tokens: part.tokens.slice() });
      return;
    }
    if (part.kind === 'trailer') {
      trailers.push(part);
      sources.push({ kind: 'tokens', blocks, tokens: new Uint32Array(0) }, ...tokens);
      blocks = [];
      tokens = [];
    }
    sources.push(part);
  };
  for (const chunk of chunksOf(file, chunkSize)) for (const part of reader.push(chunk)) keep(part);
  for (const part of reader.finish()) keep(part);
  return { plain: Buffer.concat(plain), sources, trailers };
}

/** @throws GzipError, DeflateError */
export function regzip(sources: readonly GzipSource[]): Buffer {
  const writer = new GzipWriter(writerKernel);
  const bytes: Buffer[] = [];
  for (const source of sources) {
    for (const piece of writer.push(source)) bytes.push(Buffer.from(piece));
  }
  writer.finish();
  return Buffer.concat(bytes);
}
