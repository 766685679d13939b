/** The tar walker, which is written in TypeScript only, and what divides tokens by what it says. */
import assert from 'node:assert/strict';
import { TarWalker } from '../../../src/codec/tar/walker.ts';
import { TokenSplitter } from '../../../src/codec/tokens/split.ts';
import { file, longName, pax, zeros } from '../../codec/tar/support/archive.ts';
import { walk } from '../../codec/tar/support/walk.ts';
import { links, longNames, sparse, umoci } from '../../exact/layers/shapes.ts';
import type { Input } from '../input.ts';
import type { FuzzTarget } from '../target.ts';

const BLOCK = 512;
const CHECKSUM_AT = 148;

/** Gives each block that calls itself a header the checksum it should have. */
function withChecksums(archive: Uint8Array): Buffer {
  const bytes = Buffer.from(archive);
  for (let at = 0; at + BLOCK <= bytes.length; at += BLOCK) {
    const block = bytes.subarray(at, at + BLOCK);
    if (block.toString('latin1', 257, 262) !== 'ustar') continue;
    block.fill(' ', CHECKSUM_AT, CHECKSUM_AT + 8);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, CHECKSUM_AT, 'latin1');
  }
  return bytes;
}

/** All bytes as literals are all tokens, in parts and gaps. */
function checkSplit(archive: Uint8Array): void {
  let tokens = 0;
  const splitter = new TokenSplitter({
    gap: ({ length }) => {
      tokens += length;
    },
    part: (part) => {
      tokens += part.tokens.length;
      assert.equal(part.tokens.length, part.size);
    },
  });
  const walker = new TarWalker({
    entry: ({ bodyStart, bodySize }) => splitter.announce(bodyStart, bodySize),
    bytes: () => undefined,
    end: () => undefined,
  });
  walker.push(archive);
  walker.end();
  splitter.push(Uint32Array.from(archive), archive.length);
  splitter.end();
  assert.equal(tokens, archive.length);
}

const sizes = Uint8Array.of(255);

/** The target. */
export const target: FuzzTarget = {
  maxSize: 12 * 1024,
  dictionary: [
    ...['ustar\u000000', 'ustar  \0', 'x', 'g', 'L', 'K', 'S', '1', '5', '\x80', '00000000010 '],
    ...['12 size=100\n', '9 path=\n', '22 GNU.sparse.major=1\n', '22 GNU.sparse.minor=0\n'],
    ...['21 GNU.sparse.map=0,1\n', '26 GNU.sparse.realsize=9\n', '24 GNU.sparse.offset=0\n'],
    ...['26 GNU.sparse.numbytes=5\n', '27 SCHILY.xattr.user.a=12\n', '25 LIBARCHIVE.xattr.%41=\n'],
    ...['.wh..wh..opq', '.wh.', '99999999999 ', '20 mtime=1700000.5\n', '17 hdrcharset=BI\n'],
  ].map((text) => Buffer.from(text, 'latin1')),
  seeds() {
    const archives = [
      Buffer.concat([file({}, 'x'), zeros(2), file({ magic: '' }, 'y')]),
      Buffer.concat([pax([['size', '3']]), file({}, 'abc'), zeros(1)]),
      Buffer.concat([longName('n'.repeat(200)), longName('l', 'K'), file({ type: '2' })]),
      Buffer.concat(umoci(600)),
      Buffer.concat(links(900)),
      Buffer.concat(longNames(6000)),
      Buffer.concat(sparse(1000)),
    ];
    return archives.map((archive) => [sizes, archive]);
  },
  covers: (url) => url.includes('/src/codec/tar/'),
  repair: ([chunking, archive]) => [chunking!, withChecksums(archive!)],
  run([chunking, archive]: Input) {
    const whole = walk(archive!);
    assert.deepEqual(
      walk(
        archive!,
        [...chunking!].map((size) => 1 + 3 * size),
      ),
      whole,
    );
  },
  replay: ([, archive]) => checkSplit(archive!),
};
