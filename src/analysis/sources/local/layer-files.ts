/** Layers that lie alone in files, without images. */
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SourceError } from '../errors.ts';
import type { Fact, ImageSource, SourceLayer } from '../types.ts';
import { NO_PULLS } from '../unknown.ts';
import { isCompressed, MAGIC_SIZE, readStretch, stampOf } from './image-files.ts';

const NO_IMAGES: readonly [Fact, string] = [
  'images',
  'layers were given as files: which images they belong to is not known',
];
const PLAIN_LAYERS: readonly [Fact, string] = [
  'compressed-size',
  'there are layers that were given as plain tars: how they were compressed is not known',
];

/** A layer and its file. */
interface LayerFile {
  readonly layer: SourceLayer;
  readonly path: string;
  readonly stamp: string;
  readonly isPlain: boolean;
}

async function inspect(path: string): Promise<LayerFile> {
  const file = await open(path, 'r');
  try {
    const head = new Uint8Array(MAGIC_SIZE);
    await file.read(head, 0, head.length, 0);
    const status = await file.stat({ bigint: true });
    const stamp = stampOf(status);
    const layer: SourceLayer = {
      // Another file of the same path is another layer, to a dataset that is kept as well.
      id: `tar:${path}#${stamp}`,
      digest: undefined,
      diffId: undefined,
      size: Number(status.size),
      mediaType: '',
    };
    return { layer, path, stamp, isPlain: !isCompressed(head) };
  } finally {
    await file.close();
  }
}

/**
 * Makes one source of layers in files; a file that is given twice counts once.
 * @throws errors of the file system
 */
export async function openLayerFiles(paths: readonly string[]): Promise<ImageSource> {
  const layers = new Map<string, LayerFile>();
  for (const path of new Set(paths.map((path) => resolve(path)))) {
    const found = await inspect(path);
    layers.set(found.layer.id, found);
  }
  const hasPlain = [...layers.values()].some(({ isPlain }) => isPlain);
  return {
    kind: 'tar',
    title: layers.size === 1 ? `layer ${paths[0]}` : `${layers.size} layers in files`,
    unknown: new Map([NO_IMAGES, NO_PULLS, ...(hasPlain ? [PLAIN_LAYERS] : [])]),
    async *items(signal) {
      for (const { layer } of layers.values()) {
        signal.throwIfAborted();
        yield { kind: 'layer', layer };
      }
    },
    async *openLayer({ id }, signal) {
      const layer = layers.get(id);
      if (layer === undefined) throw new SourceError(`there is no layer ${id}`);
      const file = await open(layer.path, 'r');
      try {
        const status = await file.stat({ bigint: true });
        if (stampOf(status) !== layer.stamp) {
          throw new SourceError(`${layer.path} was changed since the run began`);
        }
        yield* readStretch(file, { start: 0, end: Number(status.size) }, signal);
      } finally {
        await file.close();
      }
    },
    close: async () => undefined,
  };
}
