/** Layers made to cost dearly whoever takes them apart, each much shorter than what it asks for. */
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import type { BlockHead } from '../../../src/codec/deflate/block.ts';
import { matchToken } from '../../../src/codec/deflate/token.ts';
import { mixture, noise, text } from '../../codec/support/content.ts';
import { deflate } from '../../codec/support/deflate.ts';
import { emptyBlocks, tinyDynamicBlocks } from '../../codec/support/hostile.ts';
import { file, headerBlock, pax, zeros } from '../../codec/tar/support/archive.ts';

const MIB = 1024 * 1024;
const HEADER = Buffer.from([31, 139, 8, 0, 0, 0, 0, 0, 0, 255]);

/** A DEFLATE stream as a gzip file, with a trailer that may lie. */
function wrap(stream: Uint8Array, trailer: Uint8Array = Buffer.alloc(8)): Buffer {
  return Buffer.concat([HEADER, stream, trailer]);
}

/** A tar whose only file is zeros: 1000 times as long as the layer. */
function zeroFile(size: number): Buffer {
  const head = headerBlock({ path: 'zeros', size });
  const piece = Buffer.alloc(64 * MIB);
  // A member for each 64 MiB, which are the same: the bytes of one are made once.
  const member = gzipSync(piece, { level: 9 });
  return Buffer.concat([gzipSync(head), ...Array(size / piece.length).fill(member)]);
}

/** A stream of fixed codes. @param each - tokens of a block, which an empty stored block follows */
function fixedBlocks(tokens: readonly number[], each = tokens.length): Buffer {
  const block = (type: 0 | 1, count: number, final = false): BlockHead => ({
    type,
    final,
    tokens: count,
    padding: 0,
    header: new Uint8Array(0),
    headerBits: 0,
  });
  const blocks: BlockHead[] = [];
  for (let left = tokens.length; left > 0; left -= each) {
    blocks.push(block(1, Math.min(each, left)), block(0, 0));
  }
  blocks.push(block(0, 0, true));
  return deflate({ tokens: Uint32Array.from(tokens), blocks, padding: 0 });
}

/** The same file of zeros over and over, each time as one match that reaches another distance back. */
function sameFile(count: number): Buffer {
  const entry = file({ path: 'same' }, Buffer.alloc(258));
  const tokens = [...entry];
  for (let i = 1; i < count; i++) {
    // Each of the last 31 entries ends with 512 zeros.
    const back = 1024 * (1 + (i % Math.min(i, 31))) - (i % 255);
    // The header, the body, and the padding.
    tokens.push(matchToken(255, 1024), matchToken(257, 1024));
    tokens.push(matchToken(258, back), matchToken(254, 1));
  }
  return wrap(fixedBlocks(tokens));
}

function tarOfMany(count: number, size: number): Buffer {
  const entries = Array.from({ length: count }, (_, i) =>
    file({ path: `d/${i}` }, Buffer.from(`${i}`.padEnd(size))),
  );
  return Buffer.concat([...entries, zeros(2)]);
}

function manyFiles(count: number, size: number): Buffer {
  return gzipSync(tarOfMany(count, size), { level: 1 });
}

/** Paths that are a thousand folders deep, and one as long as an extension header may be. */
function deepTree(): Buffer {
  const entries = Array.from({ length: 500 }, (_, i) =>
    Buffer.concat([pax([['path', `${`${i}/`.repeat(1000)}x`]]), file({}, `${i}`)]),
  );
  const longest = Buffer.concat([pax([['path', 'd/'.repeat(500_000)]]), file({}, 'x')]);
  return gzipSync(Buffer.concat([...entries, longest, zeros(2)]));
}

/** Nothing but headers of extensions, each of which says something for all that follow. */
function globalHeaders(): Buffer {
  const one = pax([['comment', 'x'.repeat(900_000)]], 'g');
  return gzipSync(Buffer.concat(Array(200).fill(one)));
}

function lyingTrailer(): Buffer {
  const plain = mixture(200_000);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE((crc32(plain) ^ 1) >>> 0, 0);
  trailer.writeUInt32LE(0xffff_ffff, 4);
  return wrap(deflateRawSync(plain), trailer);
}

/** What is to become of a layer: it comes back, or is refused for a reason. */
export type Fate = 'exact' | 'broken' | 'structure';

/** A layer, and what is to become of it. */
export interface HostileLayer {
  readonly fate: Fate;
  make(): Buffer;
}

/** All of them, by name. `ordinary` is the one that the others are measured by. */
export const HOSTILE = {
  ordinary: {
    fate: 'exact',
    make: () =>
      gzipSync(
        Buffer.concat(
          Array.from({ length: 200 }, (_, i) => file({ path: `${i}` }, text(200_000, i + 1))),
        ),
      ),
  },
  'a file of 1 GiB of zeros': { fate: 'exact', make: () => zeroFile(1024 * MIB) },
  'no tar, 512 MiB of zeros': {
    fate: 'exact',
    make: () => Buffer.concat(Array(8).fill(gzipSync(Buffer.alloc(64 * MIB)))),
  },
  '10,000 members of one byte': {
    fate: 'exact',
    make: () => Buffer.concat(Array(10_000).fill(gzipSync('x'))),
  },
  '10,000 members of 50 KB': {
    fate: 'exact',
    make: () => Buffer.concat(Array(10_000).fill(gzipSync(Buffer.alloc(50_000)))),
  },
  'a million members of nothing': {
    fate: 'structure',
    make: () => Buffer.concat(Array(1_000_000).fill(gzipSync(''))),
  },
  'a million empty blocks': { fate: 'structure', make: () => wrap(emptyBlocks(1_000_000)) },
  'as many empty blocks as are taken': { fate: 'exact', make: () => wrap(emptyBlocks(60_000)) },
  'a code for each literal': { fate: 'exact', make: () => wrap(tinyDynamicBlocks(40_000)) },
  'an empty stored block for each byte': {
    fate: 'exact',
    make: () => wrap(fixedBlocks([...file({}, text(25_000))], 1)),
  },
  '100,000 files': { fate: 'exact', make: () => manyFiles(100_000, 6) },
  '100,000 empty files': { fate: 'exact', make: () => manyFiles(100_000, 0) },
  'plain, 20,000 files': { fate: 'exact', make: () => tarOfMany(20_000, 6) },
  'plain, no tar behind the first header': {
    fate: 'exact',
    make: () => Buffer.concat([headerBlock({ path: 'x', type: '5' }), noise(20 * MIB)]),
  },
  'plain, 64 MiB of zeros': { fate: 'exact', make: () => Buffer.alloc(64 * MIB) },
  'the same file 100,000 times, each by another match': {
    fate: 'exact',
    make: () => sameFile(100_000),
  },
  'a thousand folders deep': { fate: 'exact', make: deepTree },
  'headers of 200 MB': { fate: 'exact', make: globalHeaders },
  'a trailer that lies': { fate: 'exact', make: lyingTrailer },
  'a file that claims to have 8 GiB': {
    fate: 'exact',
    make: () => gzipSync(Buffer.concat([headerBlock({ size: 8 ** 11 - 1 }), text(100_000)])),
  },
  'cut short': { fate: 'broken', make: () => gzipSync(mixture(20_000_000)).subarray(0, -9) },
  'a header of a member without an end': {
    fate: 'broken',
    make: () =>
      Buffer.concat([
        gzipSync('x'),
        Buffer.from([31, 139, 8, 8, 0, 0, 0, 0, 0, 0]),
        noise(MIB).fill(1),
      ]),
  },
} as const satisfies Readonly<Record<string, HostileLayer>>;
