/** Walks bytes, checks that each was told exactly once, and gathers what was found. */
import assert from 'node:assert/strict';
import type { TarEntry } from '../../../../src/codec/tar/entry.ts';
import { type TarRegion, TarWalker } from '../../../../src/codec/tar/walker.ts';

/** An entry with its body. */
export interface Found {
  readonly entry: TarEntry;
  readonly body: Buffer;
  readonly isComplete: boolean;
}

/** A stretch of the stream, neighbours of one kind joined. */
export type Stretch = readonly [region: TarRegion, length: number];

/** What a walk found. */
export interface Walk {
  readonly found: readonly Found[];
  readonly stretches: readonly Stretch[];
}

/** Sizes of the chunks that a stream comes in; the last one goes on to the end. */
export type Chunking = readonly number[];

function* chunksOf(bytes: Uint8Array, chunking: Chunking): Generator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = chunking[i] ?? bytes.length;
    // A copy that is overwritten afterwards, as a reader's buffer is.
    const chunk = new Uint8Array(bytes.subarray(at, at + size));
    yield chunk;
    chunk.fill(0xee);
    at += size;
  }
}

/** Walks a stream. @throws AssertionError when bytes are told twice, never, or in another order. */
export function walk(bytes: Uint8Array, chunking: Chunking = []): Walk {
  const found: Found[] = [];
  const stretches: [TarRegion, number][] = [];
  const told: Buffer[] = [];
  let position = 0;
  let open: { entry: TarEntry; body: Buffer[] } | undefined;
  const walker = new TarWalker({
    entry(entry) {
      assert.equal(open, undefined);
      assert.equal(entry.bodyStart, position);
      assert.ok(entry.headerStart <= position - 512);
      open = { entry, body: [] };
    },
    bytes(region, piece, at) {
      assert.equal(at, position);
      assert.ok(piece.length > 0);
      position += piece.length;
      told.push(Buffer.from(piece));
      if (region === 'body') open!.body.push(Buffer.from(piece));
      const last = stretches.at(-1);
      if (last?.[0] === region) last[1] += piece.length;
      else stretches.push([region, piece.length]);
    },
    end(entry, isComplete) {
      assert.equal(entry, open?.entry);
      const body = Buffer.concat(open!.body);
      assert.ok(isComplete ? body.length === entry.bodySize : body.length < entry.bodySize);
      found.push({ entry, body, isComplete });
      open = undefined;
    },
  });
  for (const chunk of chunksOf(bytes, chunking)) walker.push(chunk);
  walker.end();
  assert.equal(open, undefined);
  assert.ok(Buffer.concat(told).equals(bytes));
  return { found, stretches };
}
