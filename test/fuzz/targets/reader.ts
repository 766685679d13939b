/** DEFLATE and gzip: the reader, and the writer with what it has read. */
import assert from 'node:assert/strict';
import { constants, deflateRawSync, gzipSync, inflateRawSync } from 'node:zlib';
import type { Block } from '../../../src/codec/deflate/block.ts';
import { DeflateError } from '../../../src/codec/deflate/errors.ts';
import { DeflateReader } from '../../../src/codec/deflate/reader.ts';
import { DeflateWriter } from '../../../src/codec/deflate/writer.ts';
import { GzipError } from '../../../src/codec/gzip/errors.ts';
import { GzipReader } from '../../../src/codec/gzip/reader.ts';
import { createReaderKernel, createWriterKernel } from '../../../src/codec/kernels/instances.ts';
import type { ReaderKernel, WriterKernel } from '../../../src/codec/kernels/types.ts';
import { ReferenceReader } from '../../codec/reference/reader.ts';
import { ReferenceWriter } from '../../codec/reference/writer.ts';
import { noise, text } from '../../codec/support/content.ts';
import { tinyDynamicBlocks } from '../../codec/support/hostile.ts';
import type { Input } from '../input.ts';
import type { FuzzTarget } from '../target.ts';

const kernel = createReaderKernel();
const writerKernel = createWriterKernel();
/** Plain bytes that zlib may make where it is asked as well. */
const MOST_PLAIN = 16 * 1024 * 1024;

/** Chunks of the sizes that the first piece says, over and over. */
function* chunksOf([sizes, bytes]: Input): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes!.length; i++) {
    const size = 1 + (sizes![1 + (i % Math.max(1, sizes!.length - 1))] ?? 255) * 5;
    yield bytes!.subarray(at, at + size);
    at += size;
  }
}

/** Everything that is told of a stream, and how it ended. */
interface Reading {
  readonly told: unknown[];
  readonly plain: Uint8Array[];
  readonly tokens: Uint32Array[];
  readonly blocks: Block[];
  /** Bytes after the stream. */
  unread: number;
  padding: number;
  error: string | undefined;
}

function startReading(): Reading {
  return { told: [], plain: [], tokens: [], blocks: [], unread: 0, padding: 0, error: undefined };
}

/** Errors that a reader may throw are told, all others are thrown on. */
function guard(reading: Reading, action: () => void): Reading {
  try {
    action();
  } catch (error) {
    if (!(error instanceof DeflateError || error instanceof GzipError)) throw error;
    reading.error = `${error.name} ${error.code} ${error.message}`;
  }
  return reading;
}

function readDeflate(input: Input, by: ReaderKernel): Reading {
  const reading = startReading();
  return guard(reading, () => {
    const reader = new DeflateReader(by);
    let left = input[1]!.length;
    for (const chunk of chunksOf(input)) {
      left -= chunk.length;
      for (const { plain, tokens, blocks } of reader.push(chunk)) {
        reading.plain.push(plain.slice());
        reading.tokens.push(tokens.slice());
        reading.blocks.push(...blocks);
      }
      if (!reader.done) continue;
      reading.unread = reader.unread + left;
      reading.padding = reader.padding;
      break;
    }
    reader.finish();
  });
}

function readGzip(input: Input, by: ReaderKernel): Reading {
  const reading = startReading();
  return guard(reading, () => {
    const reader = new GzipReader(by);
    for (const chunk of chunksOf(input)) {
      for (const part of reader.push(chunk)) {
        if (part.kind !== 'data') reading.told.push(part);
        else {
          reading.told.push(part.blocks, part.tokens.slice());
          reading.plain.push(part.plain.slice());
        }
      }
    }
    reading.told.push(...reader.finish());
  });
}

function isGzip([mode]: Input): boolean {
  return ((mode?.[0] ?? 0) & 1) === 1;
}

function read(input: Input, by: ReaderKernel): Reading {
  return isGzip(input) ? readGzip(input, by) : readDeflate(input, by);
}

function write({ blocks, tokens, padding }: Reading, by: WriterKernel): Buffer {
  const writer = new DeflateWriter(by);
  const bytes: Uint8Array[] = [];
  writer.addBlocks(blocks);
  for (const piece of tokens) for (const made of writer.push(piece)) bytes.push(made.slice());
  for (const made of writer.finish(padding)) bytes.push(made.slice());
  return Buffer.concat(bytes);
}

/** zlib takes what the reader takes, and makes the same of it. */
function compareWithZlib(stream: Uint8Array, { plain, error }: Reading): void {
  let made: Buffer;
  try {
    made = inflateRawSync(stream, { maxOutputLength: MOST_PLAIN });
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code !== 'ERR_BUFFER_TOO_LARGE') assert.ok(error !== undefined, `zlib refuses it: ${code}`);
    return;
  }
  assert.equal(error, undefined, 'zlib takes it');
  assert.ok(made.equals(Buffer.concat(plain)));
}

/** The target. */
export const target: FuzzTarget = {
  maxSize: 4096,
  dictionary: [
    Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]),
    Buffer.from([0x1f, 0x8b, 8, 31, 0, 0, 0, 0, 0, 255]),
    Buffer.from([3, 0]),
    Buffer.from([1, 0, 0, 255, 255]),
    Buffer.from([0, 0, 0, 255, 255]),
    Buffer.from([0, 1, 0, 254, 255, 7]),
  ],
  seeds() {
    const contents = [text(400), noise(60), Buffer.alloc(3000), Buffer.alloc(0)];
    const streams = contents.flatMap((content) => [
      deflateRawSync(content),
      deflateRawSync(content, { level: 0 }),
      deflateRawSync(content, { strategy: constants.Z_FIXED }),
      deflateRawSync(content, { strategy: constants.Z_HUFFMAN_ONLY }),
    ]);
    const files = contents.map((content) => gzipSync(content));
    return [
      ...[...streams, tinyDynamicBlocks(3)].map((stream) => [Uint8Array.of(0, 255), stream]),
      ...[...files, Buffer.concat(files)].map((file) => [Uint8Array.of(1, 255, 2), file]),
    ];
  },
  covers: (url) => /\/test\/codec\/reference\/|\/src\/codec\/(deflate|gzip)\//.test(url),
  run(input) {
    const reading = read(input, new ReferenceReader());
    if (isGzip(input) || reading.error !== undefined) return;
    const stream = input[1]!.subarray(0, input[1]!.length - reading.unread);
    assert.ok(write(reading, new ReferenceWriter()).equals(stream), 'it does not come back');
  },
  replay(input) {
    const reading = read(input, kernel);
    assert.deepEqual(reading, read(input, new ReferenceReader()));
    if (isGzip(input)) return;
    compareWithZlib(input[1]!, reading);
    if (reading.error !== undefined) return;
    const stream = input[1]!.subarray(0, input[1]!.length - reading.unread);
    assert.ok(write(reading, writerKernel).equals(stream), 'it does not come back');
  },
};
