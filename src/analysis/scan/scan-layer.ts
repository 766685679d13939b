/** Reads one layer once, from its stored bytes to its entries. */
import { createHash } from 'node:crypto';
import { type LayerFormat, sniffFormat } from '../../codec/sniff.ts';
import { ChunkCutter, type ChunkMethod } from './chunks/cutter.ts';
import { LayerReader } from './layer-reader.ts';
import { Remarks } from './remarks.ts';
import type { EntryBatch, LayerCompression, LayerScan } from './types.ts';
import { gunzip, type PlainSink, passOn, unzstd } from './unpack.ts';

/** What a source says about a layer, which need not be true. */
export interface LayerHints {
  /** '' when the source has none. */
  readonly mediaType: string;
  /** Bytes as stored; undefined when the source does not say. */
  readonly size: number | undefined;
}

/** How a layer is to be read. */
export interface LayerInput {
  /** Its stored bytes; the first piece has to hold what tells its format, if there is as much. */
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly hints: LayerHints;
  readonly methods: readonly ChunkMethod[];
  readonly onEntries: (batch: EntryBatch) => Promise<void>;
}

const COMPRESSIONS: Readonly<Record<LayerFormat, LayerCompression>> = {
  gzip: 'gzip',
  zstd: 'zstd',
  tar: 'none',
  unknown: 'unknown',
};

/** The compression that a media type claims; undefined when it says nothing about it. */
function claimOf(mediaType: string): LayerCompression | undefined {
  if (mediaType.endsWith('gzip')) return 'gzip';
  if (mediaType.endsWith('zstd')) return 'zstd';
  return mediaType.endsWith('tar') ? 'none' : undefined;
}

function remarkOnHints(
  { mediaType, size }: LayerHints,
  scan: Pick<LayerScan, 'compression' | 'storedSize'>,
  remarks: Remarks,
): void {
  const claim = claimOf(mediaType);
  if (scan.storedSize === 0) remarks.add('empty');
  else if (scan.compression === 'unknown') remarks.add('not-an-archive');
  else if (claim !== undefined && claim !== scan.compression) {
    remarks.add('media-type-lies', `${mediaType}, but it is ${scan.compression}`);
  }
  if (size !== undefined && size !== scan.storedSize) {
    remarks.add('size-differs', `${scan.storedSize} instead of ${size}`);
  }
}

/**
 * Reads a layer. Whatever is wrong with it becomes a remark.
 * @throws what `chunks` and `onEntries` throw
 */
export async function scanLayer(input: LayerInput): Promise<LayerScan> {
  const remarks = new Remarks();
  const cutters = input.methods.map((method) => new ChunkCutter(method));
  const reader = new LayerReader(remarks, cutters);
  const storedHash = createHash('sha256');
  const plainHash = createHash('sha256');
  let storedSize = 0;
  let archiveSize = 0;
  let format: LayerFormat = 'unknown';

  async function flush(): Promise<void> {
    const batch = reader.batches.take();
    if (batch !== undefined) await input.onEntries(batch);
  }

  /** The chunks with the first one back in its place, and all of them hashed. */
  async function* hashed(
    first: Uint8Array,
    rest: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void> {
    yield first;
    for await (const chunk of rest) {
      storedSize += chunk.length;
      storedHash.update(chunk);
      yield chunk;
    }
  }

  const sink: PlainSink = {
    take(plain, packed) {
      archiveSize += plain.length;
      // Of what is not compressed the hash is known already.
      if (format !== 'tar') plainHash.update(plain);
      reader.push(plain, packed);
      return reader.batches.isFull ? flush() : undefined;
    },
  };

  const iterator = input.chunks[Symbol.asyncIterator]();
  const rest: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => iterator };
  const { value: first, done } = await iterator.next();
  if (!done) {
    storedSize += first.length;
    storedHash.update(first);
    format = sniffFormat(first);
    const all = hashed(first, rest);
    if (format === 'gzip') await gunzip(all, sink, remarks);
    else if (format === 'zstd') await unzstd(all, sink, remarks);
    else if (format === 'tar') await passOn(all, sink);
    else for await (const _ of all);
  }
  reader.finish();
  await flush();
  const digest = `sha256:${storedHash.digest('hex')}`;
  const isPlain = format === 'tar' || format === 'unknown';
  const compression = COMPRESSIONS[format];
  remarkOnHints(input.hints, { compression, storedSize }, remarks);
  if (cutters.some(({ isCapped }) => isCapped)) remarks.add('chunks-capped');
  return {
    digest,
    diffId: isPlain ? digest : `sha256:${plainHash.digest('hex')}`,
    compression,
    storedSize,
    archiveSize: isPlain ? storedSize : archiveSize,
    entries: reader.batches.total,
    remarks: remarks.list(),
    chunks: cutters.map((cutter) => cutter.result()),
  };
}
