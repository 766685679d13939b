/**
 * The bound of deduplication by whole files: what would be stored of compressed layers if every file
 * were kept once, in the bits that it takes in the first layer with it, and repeats cost nothing.
 * What no file owns, headers of tar and padding, counts in full, in every layer.
 */
import { readFile } from 'node:fs/promises';
import { takeApart } from '../../../test/codec/support/layer.ts';
import { type BlobReference, blobPath, type CorpusImage } from '../../corpus/layouts.ts';

/** What new layers add to the bound. Bytes. */
export interface Bound {
  /** Of the compressed layers. */
  readonly layers: number;
  /** Of their files that had been seen before. */
  readonly repeated: number;
  /** Of what no file owns. */
  readonly gaps: number;
  /** What is left to be stored: `layers` without `repeated`. */
  readonly ideal: number;
}

/** Adds up the bound of layers, in the order in which they are pushed. */
export interface BoundCounter {
  /** What an image adds whose layers may have been counted. */
  add(image: CorpusImage): Promise<Bound>;
}

/** Sums of bounds. */
export function sumBounds(bounds: readonly Bound[]): Bound {
  const sum = (value: (bound: Bound) => number): number =>
    bounds.reduce((total, bound) => total + value(bound), 0);
  return {
    layers: sum(({ layers }) => layers),
    repeated: sum(({ repeated }) => repeated),
    gaps: sum(({ gaps }) => gaps),
    ideal: sum(({ ideal }) => ideal),
  };
}

/** @param folder - of the corpus */
export function countBound(folder: string): BoundCounter {
  const files = new Set<string>();
  const layers = new Set<string>();

  async function boundOf(repository: string, { digest, size }: BlobReference): Promise<Bound> {
    const layer = takeApart(await readFile(blobPath(folder, repository, digest)));
    let [repeated, owned] = [0, 0];
    for (const file of layer.files) {
      const bits = file.parts.reduce((total, part) => total + part.bits, 0);
      owned += bits;
      if (files.has(file.digest)) repeated += bits;
      files.add(file.digest);
    }
    // Trees, ends of blocks and the container are shared out by bits of tokens.
    const bytesPerBit = layer.bits === 0 ? 0 : size / layer.bits;
    const bytes = repeated * bytesPerBit;
    const gaps = size - owned * bytesPerBit;
    return { layers: size, repeated: bytes, gaps, ideal: size - bytes };
  }

  return {
    async add({ repository, layers: own }) {
      const bounds: Bound[] = [];
      for (const layer of own) {
        if (layers.has(layer.digest)) continue;
        layers.add(layer.digest);
        bounds.push(await boundOf(repository, layer));
      }
      return sumBounds(bounds);
    },
  };
}
