/** The files of one layer, wherever they come from, and their bytes, each of which is checked. */
import { createHash, hash } from 'node:crypto';
import { PART_SIZE } from '../../codec/tokens/part.ts';
import type { Digest } from '../../oci/digest.ts';
import { RecipeError } from '../errors.ts';
import type { ByteRange } from '../restore/checked-blocks.ts';
import { isDamage } from '../restore/damage.ts';
import { type FileContent, SUM_SIZE, type TreeEntry } from './model.ts';
import type { Tree } from './tree.ts';

/** Parts of a file, by their numbers; `end` is not included. */
export interface PartRange {
  readonly first: number;
  readonly end: number;
}

/** The files of a layer. It is lent, and has to be given back. */
export interface LayerFiles {
  readonly digest: Digest;
  readonly tree: Tree;
  /**
   * Bytes of parts of a file, in order, as they are stored: nobody has checked them.
   * @param size - bytes of the file
   */
  parts(
    content: FileContent,
    options: { readonly size: number; readonly parts: PartRange; readonly signal: AbortSignal },
  ): AsyncIterable<Uint8Array>;
  release(): void;
}

/** Why the files of a layer, or one of them, cannot be had. */
export type FilesRefusal =
  /** It is not in the registry, or was found damaged. */
  | 'layer-missing'
  /** What it is cannot be unpacked: no tar, or in a compression that is not known. */
  | 'format'
  /** It breaks its format. */
  | 'broken'
  /** It has not been taken apart, and is larger than what is unpacked for a request. */
  | 'too-large'
  /** It took too long. */
  | 'time'
  /** Not a regular file, or one whose bytes are not kept as such: sparse, cut off. */
  | 'no-content'
  /** What is stored of it is damaged. */
  | 'damaged';

const MESSAGES: Readonly<Record<FilesRefusal, string>> = {
  'layer-missing': 'a layer of the image is not here',
  format: 'a layer is no tar that could be read',
  broken: 'a layer breaks its format',
  'too-large':
    'a layer has not been taken apart yet, and is too large to be unpacked for a request',
  time: 'unpacking a layer took too long',
  'no-content':
    'its bytes cannot be given: not a regular file, a sparse one, or one that is cut off',
  damaged: 'what is stored of it is damaged',
};

/** Files, or the bytes of one, that cannot be given. */
export class FilesError extends Error {
  override readonly name = 'FilesError';
  readonly reason: FilesRefusal;
  readonly digest: Digest;

  /** @param digest - of the layer */
  constructor(reason: FilesRefusal, digest: Digest, options?: ErrorOptions) {
    super(MESSAGES[reason], options);
    this.reason = reason;
    this.digest = digest;
  }
}

/** Whether a part is what it has to be. */
function isRight(bytes: Uint8Array, number: number, { digest, sums }: FileContent): boolean {
  if (sums.length === 0) return hash('sha256', bytes, 'base64url') === digest;
  const sum = hash('sha256', bytes, 'buffer').subarray(0, SUM_SIZE);
  return sum.equals(sums.subarray(number * SUM_SIZE, (number + 1) * SUM_SIZE));
}

async function* checkedParts(
  layer: LayerFiles,
  { content, size }: { readonly content: FileContent; readonly size: number },
  { parts, signal }: { readonly parts: PartRange; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  let number = parts.first;
  for await (const bytes of layer.parts(content, { size, parts, signal })) {
    if (bytes.length !== Math.min(PART_SIZE, size - number * PART_SIZE)) {
      throw new RecipeError('a part of another length');
    }
    if (!isRight(bytes, number, content)) throw new RecipeError('a part with other bytes');
    yield bytes;
    if (++number === parts.end) return;
  }
  throw new RecipeError('fewer parts than the file has');
}

/**
 * The bytes of a file, or a stretch of them, a part at most at a time. Each part is compared with its
 * checksum before any byte of it is given; when all of the file is asked for, its digest is compared
 * before the last part is given.
 * @param range - inside of the file
 * @throws FilesError 'no-content', 'damaged' instead of wrong bytes, what the layer throws, the signal's
 *   reason
 */
export async function* readFile(
  layer: LayerFiles,
  entry: TreeEntry,
  { range, signal }: { readonly range: ByteRange; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  const { content, size } = entry;
  if (content === undefined) throw new FilesError('no-content', layer.digest);
  const { start, end } = range;
  if (start >= end) return;
  const parts = { first: Math.floor(start / PART_SIZE), end: Math.ceil(end / PART_SIZE) };
  const whole = start === 0 && end === size && size > PART_SIZE ? createHash('sha256') : undefined;
  let position = parts.first * PART_SIZE;
  try {
    for await (const bytes of checkedParts(layer, { content, size }, { parts, signal })) {
      whole?.update(bytes);
      const isLast = position + bytes.length === size;
      if (isLast && whole !== undefined && whole.digest('base64url') !== content.digest) {
        throw new RecipeError('the digest of a file differs');
      }
      const from = Math.max(0, start - position);
      yield bytes.subarray(from, Math.min(bytes.length, end - position));
      position += bytes.length;
      signal.throwIfAborted();
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
    throw new FilesError('damaged', layer.digest, { cause: error });
  }
}
