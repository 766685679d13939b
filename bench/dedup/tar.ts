/** Tars that are made while they are read. */
import { text } from '../../test/codec/support/content.ts';

const BLOCK = 512;

/** The header of a file in a tar (ustar). */
function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 100, 'latin1');
  header.write(`0000644\0${'0000000\0'.repeat(2)}`, 100, 'latin1');
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write('00000000000\0        0', 136, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** A regular file. */
export interface TarFile {
  readonly name: string;
  readonly body: Buffer;
}

/**
 * So many files of 100 to 1600 bytes, no two of which are the same.
 * @param first - number of the first one
 */
export function* smallFiles(count: number, first = 1): Generator<TarFile> {
  for (let i = first; i < first + count; i++) {
    yield { name: `folder-${i % 1000}/file-${i}`, body: text(100 + ((i * 7919) % 1500), i) };
  }
}

/** The pieces of a tar. */
export function* tarOf(files: Iterable<TarFile>): Generator<Buffer> {
  for (const { name, body } of files) {
    yield headerOf(name, body.length);
    yield body;
    yield Buffer.alloc(-body.length & (BLOCK - 1));
  }
  yield Buffer.alloc(2 * BLOCK);
}
