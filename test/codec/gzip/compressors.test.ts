import { execFileSync } from 'node:child_process';
import { constants, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { describeWith, requireGo, requireTool } from '../../support/tools.ts';
import { mixture, noise, text } from '../support/content.ts';
import { isLong } from '../support/effort.ts';
import { buildGoCompressor } from '../support/go-compressor.ts';
import { gunzip, regzip } from '../support/gzip.ts';

const SIZE = isLong ? 8_000_000 : 300_000;
const CONTENTS = {
  mixture: mixture(SIZE),
  text: text(SIZE),
  noise: noise(SIZE / 2),
  zeros: Buffer.alloc(SIZE),
  'one byte': Buffer.from('x'),
  nothing: Buffer.alloc(0),
};
const LEVELS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** A file that has to come back bit for bit. */
function expectExact(file: Buffer, content: Buffer): void {
  const { plain, sources, trailers } = gunzip(file);
  expect(plain.equals(content)).toBe(true);
  expect(trailers.every((trailer) => trailer.isCrcRight && trailer.isSizeRight)).toBe(true);
  expect(regzip(sources).equals(file)).toBe(true);
}

/** All contents through one compressor. */
function expectExactFiles(compress: (content: Buffer) => Buffer): void {
  for (const content of Object.values(CONTENTS)) expectExact(compress(content), content);
}

/** A program that compresses standard input to standard output. */
function pipe(program: string, args: readonly string[]) {
  return (input: Buffer): Buffer =>
    execFileSync(program, args, { input, maxBuffer: 64 * 1024 * 1024 });
}

describe('what zlib makes comes back bit for bit', () => {
  it.each([0, ...LEVELS])('at level %i', (level) => {
    expectExactFiles((content) => gzipSync(content, { level }));
  });

  it.each([
    ['filtered', constants.Z_FILTERED],
    ['Huffman only', constants.Z_HUFFMAN_ONLY],
    ['run length', constants.Z_RLE],
    ['fixed', constants.Z_FIXED],
  ])('with the strategy %s', (_, strategy) => {
    expectExactFiles((content) => gzipSync(content, { strategy }));
  });

  it.each([
    [9, 1],
    [9, 9],
    [12, 3],
    [15, 1],
    [15, 9],
  ])('with a window of 2^%i bytes and memory level %i', (windowBits, memLevel) => {
    expectExactFiles((content) => gzipSync(content, { windowBits, memLevel }));
  });
});

const gzip = await requireTool('gzip', 'gzip');
describeWith([gzip], 'what GNU gzip makes comes back bit for bit', () => {
  it.each(LEVELS)('at level %i', (level) => {
    expectExactFiles(pipe(gzip.path, [`-${level}`]));
  });
});

const pigz = await requireTool('pigz', 'pigz');
describeWith([pigz], 'what pigz makes comes back bit for bit', () => {
  it.each([0, ...LEVELS])('at level %i', (level) => {
    expectExactFiles(pipe(pigz.path, [`-${level}`, '-p', '2']));
  });

  it('in independent blocks', () => expectExactFiles(pipe(pigz.path, ['-i', '-b', '32'])));
});

const python = await requireTool('python3', 'python3');
describeWith([python], 'what zlib as its authors publish it makes comes back bit for bit', () => {
  const program =
    'import sys,gzip;sys.stdout.buffer.write(gzip.compress(sys.stdin.buffer.read(),LEVEL))';

  it.each([1, 4, 6, 9])('at level %i', (level) => {
    expectExactFiles(pipe(python.path, ['-c', program.replace('LEVEL', `${level}`)]));
  });
});

const go = await requireGo();
describeWith([go], 'what programs in Go make comes back bit for bit', () => {
  let folder: string;
  let compress: string;

  beforeAll(async () => {
    folder = await makeTemporary('compress');
    compress = await buildGoCompressor(go.path, folder);
  });

  afterAll(() => removeTemporary(folder));

  it.each([
    ['gzip', [-2, 0, ...LEVELS]],
    ['gzip-flush', [1, 6]],
    ['klauspost', [-3, -2, -1, 0, ...LEVELS]],
    ['pgzip', [-2, 0, ...LEVELS]],
    ['pgzip-umoci', [5]],
  ])('%s at levels %j', (kind, levels) => {
    for (const level of levels) expectExactFiles(pipe(compress, [kind, `${level}`]));
  });
});
