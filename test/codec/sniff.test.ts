import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SNIFF_SIZE, sniffFormat } from '../../src/codec/sniff.ts';
import { makeTar } from '../support/tar.ts';
import { noise, text } from './support/content.ts';

const tar = makeTar([{ path: 'a', bytes: text(1000) }]);

/** A tar as it was before POSIX: no magic number, and the sum in another notation. */
function oldTar(): Buffer {
  const block = Buffer.from(tar.subarray(0, 512)).fill(0, 257, 265).fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(` ${sum.toString(8).padStart(5, ' ')}\0 `, 148, 'latin1');
  return block;
}

describe('the format of a layer', () => {
  it.each([
    ['gzip', gzipSync(text(100))],
    ['zstd', zstdCompressSync(text(100))],
    ['zstd', Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0])],
    ['zstd', Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 4, 0, 0, 0])],
    ['tar', tar],
    ['tar', oldTar()],
    ['tar', makeTar([])],
    ['tar', Buffer.alloc(512)],
    ['tar', Buffer.concat([Buffer.alloc(10_240), tar])],
    ['unknown', text(1000)],
    ['unknown', noise(1000)],
    ['unknown', Buffer.alloc(0)],
    ['unknown', tar.subarray(0, 511)],
    // As images of disks begin.
    ['unknown', Buffer.concat([Buffer.alloc(32_768), Buffer.from('\u0001CD001'), noise(3000)])],
    ['unknown', Buffer.from([0x60, 0x2a, 0x4d, 0x18])],
    ['unknown', Buffer.from(tar).fill('x', 0, 1)],
  ] as const)('is told by the first bytes: %s', (format, bytes) => {
    expect(sniffFormat(bytes.subarray(0, SNIFF_SIZE))).toBe(format);
  });
});
