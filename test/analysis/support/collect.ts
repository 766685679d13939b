/** Reads sources to their end. */
import type {
  ImageSource,
  SourceImage,
  SourceLayer,
  SourceProblem,
} from '../../../src/analysis/sources/types.ts';

/** What a source yielded. */
export interface Collected {
  readonly images: SourceImage[];
  readonly problems: SourceProblem[];
}

/** All items. */
export async function collect(
  source: ImageSource,
  signal = new AbortController().signal,
): Promise<Collected> {
  const images: SourceImage[] = [];
  const problems: SourceProblem[] = [];
  for await (const item of source.items(signal)) {
    if (item.kind === 'image') images.push(item.image);
    else if (item.kind === 'problem') problems.push(item.problem);
  }
  return { images, problems };
}

/** All bytes of a layer. */
export async function readLayer(
  source: ImageSource,
  layer: SourceLayer,
  signal = new AbortController().signal,
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source.openLayer(layer, signal)) parts.push(part);
  return Buffer.concat(parts);
}

/** Tries again at once. */
export const HASTY = { attempts: 3, firstPause: 1, longestPause: 2, timeout: 10_000, stall: 5000 };
