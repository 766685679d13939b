/** Tells what a file is by its first bytes and its name. */
import { typeByMagic } from './magic.ts';
import { TYPE_NUMBERS as T } from './taxonomy.ts';
import { textTypeOf } from './text-encoding.ts';
import { typeOfText } from './text-rules.ts';

/** First bytes of a file that are looked at. */
export const HEAD_SIZE = 4096;

/** Without the dot, in lower case; '' when there is none. */
function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot <= 0 || name.length - dot > 16 ? '' : name.slice(dot + 1).toLowerCase();
}

/**
 * The type of a file: by magic bytes, else what kind of text it is, else `data`.
 * @param path - of the file; only its name is looked at
 * @param head - its first {@link HEAD_SIZE} bytes, or all that it has
 * @param size - bytes of the file
 * @returns index into `TYPES`
 */
export function classify(path: string, head: Uint8Array, size: number): number {
  if (head.length === 0) return T.empty;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const extension = extensionOf(name);
  const magic = typeByMagic({ head, extension, size });
  if (magic !== 0) return magic;
  const plain = textTypeOf(head);
  return plain === 0 ? T.data : typeOfText(plain, head, name, extension);
}
