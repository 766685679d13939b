/** Small sets of images in plain objects, and how they get into a dataset. */
import { createHash } from 'node:crypto';
import type { Dataset, FileType } from '../../../src/analysis/dataset/dataset.ts';
import {
  type ChunkSet,
  ENTRY_KINDS,
  type EntryBatch,
  type EntryKind,
  type LayerScan,
} from '../../../src/analysis/scan/types.ts';
import type { Fact, SourceImage, SourceKind } from '../../../src/analysis/sources/types.ts';
import { digestOf } from '../../../src/oci/digest.ts';

export interface PlainEntry {
  readonly path: string;
  readonly kind: EntryKind;
  /** Number of the content of a file; 0 is the empty one. */
  readonly content?: number;
  readonly mode?: number;
  readonly link?: string;
}

export interface PlainLayer {
  readonly entries: readonly PlainEntry[];
  readonly storedSize: number;
  readonly archiveSize: number;
  /** Layers with the same tar have the same one. */
  readonly tar: string;
  /** Layers with the same bytes as stored have the same one. */
  readonly blob: string;
  readonly compression: LayerScan['compression'];
  readonly chunks?: readonly ChunkSet[];
}

export interface PlainImage {
  readonly repository: string;
  readonly tag: string;
  readonly pulls?: number;
  /** Indexes of layers. */
  readonly layers: readonly number[];
}

export interface PlainSet {
  /** Of the ids of layers, for several sets in one dataset. */
  readonly prefix?: string;
  readonly layers: readonly PlainLayer[];
  readonly images: readonly PlainImage[];
}

export const TYPES: readonly FileType[] = [
  { group: 'other', type: 'unknown' },
  { group: 'other', type: 'empty' },
  { group: 'EOL', type: 'elf' },
  { group: 'EOL', type: 'java "class"' },
  { group: 'scripts', type: "it's" },
];

export const sizeOfContent = (content: number) => (content * 37) % 1000;

export function hashOfContent(content: number): Buffer {
  const text = content === 0 ? '' : `content ${content}`;
  return createHash('sha256').update(text).digest();
}

/** By the content, except for paths with an x. */
export function typeOf({ path, content }: PlainEntry): number {
  if (content === 0) return 1;
  return path.includes('x') ? 4 : 2 + (content! % 2);
}

const packedOf = (entry: PlainEntry) =>
  entry.kind === 'file' ? Math.ceil(sizeOfContent(entry.content!) / 2) + entry.path.length : 0;

/** Rows as columns. */
export function batchOf(entries: readonly PlainEntry[], firstIndex = 0): EntryBatch {
  const hashes = new Uint8Array(entries.length * 32);
  for (const [i, { kind, content }] of entries.entries()) {
    if (kind === 'file') hashes.set(hashOfContent(content!), i * 32);
  }
  const numbers = (of: (entry: PlainEntry) => number) => entries.map(of);
  return {
    count: entries.length,
    firstIndex,
    paths: entries.map(({ path }) => path),
    kinds: Uint8Array.from(numbers(({ kind }) => ENTRY_KINDS.indexOf(kind))),
    sizes: Float64Array.from(
      numbers(({ kind, content }) => (kind === 'file' ? sizeOfContent(content!) : 0)),
    ),
    hashes,
    types: Uint16Array.from(numbers((entry) => (entry.kind === 'file' ? typeOf(entry) : 0))),
    modes: Uint16Array.from(numbers(({ mode }) => mode ?? 0o644)),
    uids: new Float64Array(entries.length),
    gids: new Float64Array(entries.length),
    mtimes: new Float64Array(entries.length),
    links: entries.map(({ link }) => link),
    packedSizes: Float64Array.from(numbers(packedOf)),
  };
}

export function scanOf(layer: PlainLayer): LayerScan {
  return {
    digest: digestOf(Buffer.from(`blob ${layer.blob}`)),
    diffId: digestOf(Buffer.from(`tar ${layer.tar}`)),
    compression: layer.compression,
    storedSize: layer.storedSize,
    archiveSize: layer.archiveSize,
    entries: layer.entries.length,
    remarks: [],
    chunks: layer.chunks ?? [],
  };
}

export const layerId = (index: number, prefix = '') => `${prefix}layer ${index}`;

export function imageOf(image: PlainImage, prefix = ''): SourceImage {
  return {
    repository: image.repository,
    tag: image.tag,
    digest: digestOf(Buffer.from(`${image.repository}:${image.tag}`)),
    platform: { os: 'linux', architecture: 'amd64', variant: '' },
    layers: image.layers.map((index) => ({
      id: layerId(index, prefix),
      digest: undefined,
      diffId: undefined,
      size: undefined,
      mediaType: '',
    })),
    created: undefined,
    pulls: image.pulls,
    stars: undefined,
  };
}

/** Writes a layer in batches of three entries. */
export async function writeLayer(dataset: Dataset, source: number, set: PlainSet, index: number) {
  const layer = set.layers[index]!;
  const id = layerId(index, set.prefix);
  const writer = await dataset.beginLayer(source, {
    id,
    digest: undefined,
    diffId: undefined,
    size: undefined,
    mediaType: '',
  });
  for (let i = 0; i < layer.entries.length; i += 3) {
    await writer.append(batchOf(layer.entries.slice(i, i + 3), i));
  }
  await writer.finish(scanOf(layer));
}

/** Writes a whole set. */
export async function writeSet(
  dataset: Dataset,
  set: PlainSet,
  unknown: ReadonlyMap<Fact, string> = new Map(),
  kind: SourceKind = 'registry',
): Promise<void> {
  const source = dataset.addSource({ kind, title: `a ${kind}`, unknown });
  for (const index of set.layers.keys()) await writeLayer(dataset, source, set, index);
  for (const image of set.images) dataset.addImage(source, imageOf(image, set.prefix));
}
