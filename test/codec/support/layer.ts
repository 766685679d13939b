/** A layer taken apart as a store would: tar walk, files by digest, tokens by file. */
import { createHash } from 'node:crypto';
import type { Block } from '../../../src/codec/deflate/block.ts';
import { GzipReader } from '../../../src/codec/gzip/reader.ts';
import { TarWalker } from '../../../src/codec/tar/walker.ts';
import type { TokenPart } from '../../../src/codec/tokens/part.ts';
import { TokenSplitter } from '../../../src/codec/tokens/split.ts';
import { plainSizeOf } from './plain-size.ts';
import { tokenBits } from './token-bits.ts';

/** A file of the layer. */
export interface LayerFile {
  readonly digest: string;
  readonly path: string;
  readonly start: number;
  readonly size: number;
  readonly parts: LayerPart[];
}

/** A part of a file. */
export interface LayerPart extends TokenPart {
  readonly start: number;
  /** Bits of its tokens in the compressed layer. */
  readonly bits: number;
}

/** A layer. */
export interface Layer {
  readonly plain: Uint8Array;
  readonly tokens: Uint32Array;
  /** Bits of all tokens in the compressed layer. */
  readonly bits: number;
  readonly files: readonly LayerFile[];
  /** Gap tokens before each file, and after the last one. */
  readonly gaps: readonly Uint32Array[];
}

function sum(bits: Uint8Array): number {
  let total = 0;
  for (const value of bits) total += value;
  return total;
}

/** Puts tokens together. */
export function concat(pieces: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(pieces.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Tokens that come at a time, and bytes. */
const CHUNK = 16 * 1024;

/** Plain bytes and tokens of a gzip file of one member, and the bits that each token takes in it. */
function inflate(gzip: Uint8Array) {
  const plain: Uint8Array[] = [];
  const pieces: Uint32Array[] = [];
  const blocks: Block[] = [];
  for (const part of new GzipReader().push(gzip)) {
    if (part.kind !== 'data') continue;
    plain.push(part.plain.slice());
    pieces.push(part.tokens.slice());
    blocks.push(...part.blocks);
  }
  const tokens = concat(pieces);
  const bits = new Uint8Array(tokens.length);
  for (const block of blocks) {
    const { startToken } = block;
    const own = tokens.subarray(startToken, startToken + block.tokens);
    bits.set(tokenBits(block, own), startToken);
  }
  return { bytes: Buffer.concat(plain), tokens, bits };
}

/** Takes a layer apart by the product's reader, walker and splitter. */
export function takeApart(gzip: Uint8Array): Layer {
  const { bytes, tokens, bits: allBits } = inflate(gzip);
  const files: LayerFile[] = [];
  const bodies: LayerFile[] = [];
  const gaps: Uint32Array[] = [];
  let gap: Uint32Array[] = [];
  let seen = 0;
  const splitter = new TokenSplitter({
    gap(piece) {
      gap.push(piece.slice());
      seen += piece.length;
    },
    part(part, body, start) {
      const file = bodies[body]!;
      if (file.parts.length === 0) {
        gaps.push(concat(gap));
        gap = [];
      }
      const bits = sum(allBits.subarray(seen, seen + part.tokens.length));
      seen += part.tokens.length;
      file.parts.push({ ...part, tokens: part.tokens.slice(), start, bits });
    },
  });
  const walker = new TarWalker({
    entry({ bodyStart, bodySize, path }) {
      splitter.announce(bodyStart, bodySize);
      const body = bytes.subarray(bodyStart, bodyStart + bodySize);
      const digest = createHash('sha256').update(body).digest('hex');
      const file = { digest, path, start: bodyStart, size: bodySize, parts: [] };
      bodies.push(file);
      if (bodySize > 0) files.push(file);
    },
    bytes: () => undefined,
    end: () => undefined,
  });
  walker.push(bytes);
  walker.end();
  for (let at = 0; at < tokens.length; at += CHUNK) {
    const piece = tokens.subarray(at, at + CHUNK);
    splitter.push(piece, plainSizeOf(piece));
  }
  splitter.end();
  gaps.push(concat(gap));
  return { plain: bytes, tokens, bits: sum(allBits), files, gaps };
}
