/** What is odd about a layer. */
import type { LayerRemark } from './types.ts';

/** What may be odd, by code, with what people are told. */
const MESSAGES = {
  empty: 'the layer has no bytes at all',
  'media-type-lies': 'the bytes are not what the media type says',
  'size-differs': 'the layer has not as many bytes as its descriptor says',
  'not-an-archive': 'the layer is no tar archive',
  truncated: 'the layer breaks off before its end',
  'damaged-compression': 'the compressed data are damaged; what comes after is lost',
  'size-wrong': 'a gzip member has not as many bytes as its end says',
  'trailing-bytes': 'bytes follow the end of the compressed data',
  'no-end': 'the archive does not end with a block of zeros',
  'not-tar': 'bytes between entries make no sense as a tar archive',
  'after-end': 'entries follow the end of the archive, which engines do not unpack',
  'duplicate-path': 'a path stands in the layer more than once',
  'paths-not-compared': 'too many paths to look for duplicates among all of them',
  'dotdot-path': 'a path leads upwards',
  'not-utf8': 'a path or link is not UTF-8',
  'path-too-long': 'a path or link is longer than any system takes, and was cut',
  'hardlink-without-target': 'a hard link to a file that does not stand before it in the layer',
  'unknown-entry-type': 'an entry is of a type that no engine knows',
  'aufs-metadata': 'an entry that AUFS kept for itself, and that engines pass over',
  'holes-not-hashed': 'the holes of a sparse file are too large to be hashed',
  'size-not-believed':
    'the holes of sparse files are larger than any disk: only stored bytes count',
  'chunks-capped': 'too many different chunks; those that came later are not counted',
} as const;

/** For machines. */
export type RemarkCode = keyof typeof MESSAGES;

/** Characters of an example. */
const MAX_EXAMPLE = 200;

/** Remarks about one layer: each kind once, with the first example. */
export class Remarks {
  readonly #counts = new Map<RemarkCode, { readonly example: string; count: number }>();

  /** @param example - what it is about, for example a path; '' when the code says it all */
  add(code: RemarkCode, example = ''): void {
    const known = this.#counts.get(code);
    if (known === undefined) {
      this.#counts.set(code, { example: example.slice(0, MAX_EXAMPLE), count: 1 });
    } else {
      known.count++;
    }
  }

  /** Those of one kind so far. */
  count(code: RemarkCode): number {
    return this.#counts.get(code)?.count ?? 0;
  }

  list(): LayerRemark[] {
    return [...this.#counts].map(([code, { example, count }]) => ({
      code,
      message: example === '' ? MESSAGES[code] : `${MESSAGES[code]}: ${example}`,
      count,
    }));
  }
}
