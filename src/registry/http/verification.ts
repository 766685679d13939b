/**
 * What `verify_reads: always` adds to reads (decisions 1): bytes are compared with their digest
 * before the last of them leaves.
 */
import { algorithmOf, digestOf, finishDigest, startDigest } from '../../oci/digest.ts';
import { type Content, DAMAGE, unreadable } from '../../storage/content.ts';
import { readAt } from '../../storage/target/read.ts';
import type { FileReader } from '../../storage/target/types.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { FileTransfer } from './send-file.ts';

/** Whether bytes in memory are those of the content. */
export function isIntact({ digest }: Content, bytes: Buffer): boolean {
  return digestOf(bytes, algorithmOf(digest)) === digest;
}

/** Compares a whole blob with its digest while it is sent, before the last piece goes. */
export function digestCheck({ digest }: Content): NonNullable<FileTransfer['check']> {
  const algorithm = algorithmOf(digest);
  const hash = startDigest(algorithm);
  return (piece, isLast) => {
    hash.update(piece);
    return !isLast || finishDigest(algorithm, hash) === digest;
  };
}

/**
 * Reads all of a file and compares it with its digest, because a part of it says nothing about the
 * rest.
 * @returns what is wrong with it, undefined when nothing is
 */
export async function damageOfFile(
  { digest, size }: Content,
  reader: FileReader,
  pool: BufferPool,
): Promise<string | undefined> {
  const algorithm = algorithmOf(digest);
  const hash = startDigest(algorithm);
  const buffer = pool.take(size);
  try {
    for (let position = 0; position < size; ) {
      const length = Math.min(buffer.length, size - position);
      const bytes = await readAt(reader, buffer.subarray(0, length), position);
      if (bytes === 0) return DAMAGE.shortFile;
      hash.update(buffer.subarray(0, bytes));
      position += bytes;
    }
  } catch (error) {
    return unreadable(error);
  } finally {
    pool.give(buffer);
  }
  return finishDigest(algorithm, hash) === digest ? undefined : DAMAGE.wrongBytes;
}
