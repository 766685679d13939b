/** Small images, and what sources make of them. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { ImageSource, SourceImage, SourceLayer } from '../../../src/analysis/sources/types.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { type Content, type Layer, OCI, type TestImage } from '../../support/images.ts';
import { makeTar, type TarEntry } from '../../support/tar.ts';

export const { signal: GO_ON } = new AbortController();

/** When all of these images were made. */
export const CREATED = Date.parse('2026-01-01T00:00:00Z');

/** JSON with its descriptor. */
export function jsonContent(mediaType: string, value: unknown): Content {
  const bytes = Buffer.from(JSON.stringify(value));
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

export function makeLayer(entries: readonly TarEntry[]): Layer {
  const tar = makeTar(entries);
  const bytes = gzipSync(tar);
  return {
    tar,
    bytes,
    descriptor: { mediaType: OCI.layer, digest: digestOf(bytes), size: bytes.length },
  };
}

/** An image of some kilobytes: a base that images of one seed share, a layer of its own, an empty one. */
export function smallImage(seed: string, architecture = 'amd64'): TestImage {
  const layers = [
    makeLayer([{ path: 'etc/' }, { path: 'etc/os', bytes: Buffer.from(`base of ${seed}\n`) }]),
    makeLayer([
      {
        path: 'app.bin',
        bytes: createHash('sha512').update(`${seed} ${architecture}`).digest(),
      },
    ]),
    makeLayer([]),
  ];
  return imageOfLayers(layers, architecture);
}

export function imageOfLayers(layers: readonly Layer[], architecture = 'amd64'): TestImage {
  const config = jsonContent(OCI.config, {
    architecture,
    os: 'linux',
    created: new Date(CREATED).toISOString(),
    rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => digestOf(tar)) },
  });
  const manifest = jsonContent(OCI.manifest, {
    schemaVersion: 2,
    mediaType: OCI.manifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  });
  return { architecture, layers, config, manifest };
}

/** All that a source yields. */
export async function collect(source: ImageSource, signal = GO_ON) {
  const images: SourceImage[] = [];
  const layers: SourceLayer[] = [];
  const problems: string[] = [];
  for await (const item of source.items(signal)) {
    if (item.kind === 'image') images.push(item.image);
    else if (item.kind === 'layer') layers.push(item.layer);
    else problems.push(`${item.problem.what}: ${item.problem.reason}`);
  }
  return { images, layers, problems };
}

/** The bytes of a layer; each piece has memory of its own, so that it can be handed to a thread. */
export async function bytesOf(source: ImageSource, layer: SourceLayer, signal = GO_ON) {
  const pieces: Uint8Array[] = [];
  for await (const piece of source.openLayer(layer, signal)) {
    if (piece.length !== piece.buffer.byteLength) throw new Error('a piece shares its memory');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Name, digest and layers of an image, to compare. */
export function brief({ repository, tag, digest, layers }: SourceImage) {
  return { name: `${repository}:${tag}`, digest, layers: layers.map(({ id }) => id) };
}
