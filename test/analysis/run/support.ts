/** Sources in memory that can fail, and runs over sources. */

import type { AnalysisReport } from '../../../src/analysis/metrics/schema.ts';
import { type AnalyzeOptions, analyze } from '../../../src/analysis/run/analyze.ts';
import type { ImageSource, SourceImage, SourceLayer } from '../../../src/analysis/sources/types.ts';
import { NO_PULLS } from '../../../src/analysis/sources/unknown.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { Layer } from '../../support/images.ts';

/** A layer as a registry would name it. */
export function sourceLayer(layer: Layer, over: Partial<SourceLayer> = {}): SourceLayer {
  const { digest, size, mediaType } = layer.descriptor;
  return { id: digest, digest, diffId: digestOf(layer.tar), size, mediaType, ...over };
}

export interface FakeImage {
  readonly name: string;
  readonly layers: readonly SourceLayer[];
}

/** Gives the bytes of a layer; `attempt` counts from 1 on. */
export type Give = (
  layer: SourceLayer,
  attempt: number,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array>;

/** A source that keeps account of what is read from it. */
export interface FakeSource extends ImageSource {
  /** Ids of layers whose bytes were asked for, in that order. */
  readonly opened: readonly string[];
  /** Reads of layers that are not ended. */
  readonly reading: () => number;
}

/** Pieces as they come from a network. */
export async function* inPieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

/** Bytes by the digests of layers. */
export function giveFrom(layers: readonly Layer[]): Give {
  const bytes = new Map(layers.map((layer) => [layer.descriptor.digest, layer.bytes]));
  return ({ id }) => inPieces(bytes.get(id)!);
}

function imageOf({ name, layers }: FakeImage): SourceImage {
  return {
    repository: name,
    tag: 'v1',
    digest: digestOf(Buffer.from(name)),
    platform: { os: 'linux', architecture: 'amd64', variant: '' },
    layers,
    created: undefined,
    pulls: undefined,
    stars: undefined,
  };
}

/** Makes a source. */
export function fakeSource(title: string, images: readonly FakeImage[], give: Give): FakeSource {
  const opened: string[] = [];
  let reading = 0;
  return {
    kind: 'registry',
    title,
    unknown: new Map([NO_PULLS]),
    opened,
    reading: () => reading,
    async *items(signal) {
      for (const image of images) {
        signal.throwIfAborted();
        yield { kind: 'image', image: imageOf(image) };
      }
    },
    async *openLayer(layer, signal) {
      opened.push(layer.id);
      reading++;
      try {
        yield* give(layer, opened.filter((id) => id === layer.id).length, signal);
      } finally {
        reading--;
      }
    },
    close: async () => undefined,
  };
}

/** Analyses on one thread. */
export async function run(
  sources: readonly ImageSource[],
  folder: string,
  options: Partial<AnalyzeOptions> = {},
): Promise<AnalysisReport> {
  const { signal } = new AbortController();
  return await analyze({ sources, folder, version: 'test', threads: 1, signal, ...options });
}

/** A report without what differs between runs over the same. */
export function lasting(report: AnalysisReport): Omit<AnalysisReport, 'timings' | 'createdAt'> {
  const { timings: _, createdAt: __, ...rest } = report;
  return rest;
}
