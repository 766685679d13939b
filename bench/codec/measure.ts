/** One run of each candidate, checked and timed by the CPU time it took. */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { Block } from '../../src/codec/deflate/block.ts';
import { DeflateReader } from '../../src/codec/deflate/reader.ts';
import { DeflateWriter } from '../../src/codec/deflate/writer.ts';
import { GzipReader } from '../../src/codec/gzip/reader.ts';
import type { ReaderKernel, WriterKernel } from '../../src/codec/kernels/types.ts';

/** As a file or a request comes. */
const CHUNK = 1 << 20;

/** A file and what was found in it. */
export interface Subject {
  readonly file: Buffer;
  readonly path: string;
  readonly sha256: string;
  readonly plainBytes: number;
  /** First and last byte of its DEFLATE stream. */
  readonly start: number;
  readonly end: number;
  readonly tokens: readonly Uint32Array[];
  readonly blocks: readonly Block[];
  readonly padding: number;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
}

/** CPU seconds that a function takes, all threads counted. */
function cpuSeconds(body: () => void): number {
  const { user, system } = process.cpuUsage();
  body();
  const after = process.cpuUsage();
  return (after.user + after.system - user - system) / 1e6;
}

function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`${what} gave something else`);
}

/** Reads a file of one member once, and checks that it was `tar` and comes back. */
export function prepare(file: Buffer, path: string, tar: Buffer): Subject {
  const tokens: Uint32Array[] = [];
  const blocks: Block[] = [];
  const plain = createHash('sha256');
  let start = 0;
  let padding = 0;
  const reader = new GzipReader();
  for (const chunk of chunksOf(file)) {
    for (const part of reader.push(chunk)) {
      if (part.kind === 'header') start = part.bytes.length;
      else if (part.kind === 'trailer') ({ padding } = part);
      else if (part.kind === 'data') {
        plain.update(part.plain);
        tokens.push(part.tokens.slice());
        blocks.push(...part.blocks);
      }
    }
  }
  check(plain.digest('hex') === sha256(tar), 'reader');
  const end = file.length - 8;
  const written = createHash('sha256');
  const writer = new DeflateWriter();
  writer.addBlocks(blocks);
  for (const part of tokens) for (const piece of writer.push(part)) written.update(piece);
  for (const piece of writer.finish(padding)) written.update(piece);
  const stream = file.subarray(start, end);
  check(written.digest('hex') === sha256(stream), 'writer');
  const plainBytes = tar.length;
  return { file, path, sha256: sha256(tar), plainBytes, start, end, tokens, blocks, padding };
}

/** CPU seconds of node:zlib. */
export function runNodeGunzip({ file, plainBytes }: Subject): number {
  return cpuSeconds(() => {
    check(gunzipSync(file, { maxOutputLength: plainBytes }).length === plainBytes, 'node:zlib');
  });
}

/** CPU seconds of reading a gzip file into plain bytes, tokens and blocks, checksum and all. */
export function runGzipReader({ file, plainBytes }: Subject, kernel: ReaderKernel): number {
  let size = 0;
  const seconds = cpuSeconds(() => {
    const reader = new GzipReader(kernel);
    for (const chunk of chunksOf(file)) {
      for (const part of reader.push(chunk)) {
        if (part.kind === 'data') size += part.plain.length;
        if (part.kind === 'trailer') check(part.isCrcRight === true, 'gzip reader');
      }
    }
  });
  check(size === plainBytes, 'gzip reader');
  return seconds;
}

/** CPU seconds of the same without gzip. */
export function runReader(subject: Subject, kernel: ReaderKernel): number {
  let size = 0;
  const seconds = cpuSeconds(() => {
    const reader = new DeflateReader(kernel);
    for (const chunk of chunksOf(subject.file.subarray(subject.start, subject.end))) {
      for (const { plain } of reader.push(chunk)) size += plain.length;
    }
  });
  check(size === subject.plainBytes, 'reader');
  return seconds;
}

/** CPU seconds of writing tokens and blocks. */
export function runWriter(subject: Subject, kernel: WriterKernel): number {
  let size = 0;
  const seconds = cpuSeconds(() => {
    const writer = new DeflateWriter(kernel);
    writer.addBlocks(subject.blocks);
    for (const tokens of subject.tokens) {
      for (const piece of writer.push(tokens)) size += piece.length;
    }
    for (const piece of writer.finish(subject.padding)) size += piece.length;
  });
  check(size === subject.end - subject.start, 'writer');
  return seconds;
}
