/**
 * Container images made on the spot, without a network and the same bytes on every run: layers of
 * text and of random bytes, configurations and manifests, written as an OCI image layout or as the
 * archive that `docker load` reads.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeTar, type TarEntry } from './tar.ts';

/** Media types of what is made here. */
export const OCI = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/** A descriptor of the OCI image specification, with an image's platform in an index. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Content with its descriptor. */
export interface Content {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** One layer, packed and plain. */
export interface Layer extends Content {
  readonly tar: Buffer;
}

/** One image for one platform. */
export interface TestImage {
  readonly architecture: string;
  readonly layers: readonly Layer[];
  readonly config: Content;
  readonly manifest: Content;
}

/** Several images under one index. */
export interface TestIndex {
  readonly images: readonly TestImage[];
  readonly index: Content;
}

/** `sha256:` and the hash in hexadecimal. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function contentOf(mediaType: string, bytes: Buffer): Content {
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

function jsonOf(mediaType: string, value: unknown): Content {
  return contentOf(mediaType, Buffer.from(JSON.stringify(value)));
}

/** Bytes that no compressor makes smaller, the same for the same seed. */
export function randomLike(seed: string, size: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return cipher.update(Buffer.alloc(size));
}

/** Text with a compression ratio like that of source code. */
function textLike(seed: string, size: number): Buffer {
  const words = randomLike(seed, 512)
    .toString('hex')
    .match(/.{1,8}/g)!;
  const choices = randomLike(`${seed} order`, Math.ceil(size / 8));
  let text = '';
  for (const choice of choices)
    text += `${words[choice % words.length]}${choice < 32 ? '\n' : ' '}`;
  return Buffer.from(text.slice(0, size));
}

function makeLayer(entries: readonly TarEntry[]): Layer {
  const tar = makeTar(entries);
  return { tar, ...contentOf(OCI.layer, gzipSync(tar)) };
}

/**
 * Makes an image of four layers, about 10 MB packed: a base that images of one seed share, a layer
 * of many small files, one that is large and cannot be compressed, one that removes a file below it.
 * @param seed - text that decides the content
 * @param architecture - of the platform, for example `amd64`
 */
export function makeImage(seed: string, architecture = 'amd64'): TestImage {
  const own = `${seed} ${architecture}`;
  const layers = [
    makeLayer([
      { path: 'etc/', mode: 0o755 },
      { path: 'etc/hostname', bytes: Buffer.from(`${seed}\n`) },
      { path: 'etc/removed-later', bytes: Buffer.from('gone\n') },
      { path: 'usr/share/text', bytes: textLike(`${seed} base`, 2_000_000) },
    ]),
    makeLayer([
      { path: 'app/', mode: 0o755 },
      ...Array.from({ length: 200 }, (_, i) => ({
        path: `app/file-${i}.txt`,
        bytes: textLike(`${own} ${i}`, 50 + ((i * 37) % 4000)),
      })),
      { path: 'app/run', mode: 0o755, bytes: Buffer.from('#!/bin/sh\necho run\n') },
      { path: 'app/link', link: 'run' },
    ]),
    makeLayer([{ path: 'data.bin', bytes: randomLike(own, 9_000_000) }]),
    makeLayer([{ path: 'etc/.wh.removed-later', bytes: Buffer.alloc(0) }]),
  ];
  const config = jsonOf(OCI.config, {
    architecture,
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    config: { Cmd: ['/app/run'], Labels: { seed } },
    rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => digestOf(tar)) },
    history: layers.map((_, i) => ({ created: '2026-01-01T00:00:00Z', created_by: `step ${i}` })),
  });
  const manifest = jsonOf(OCI.manifest, {
    schemaVersion: 2,
    mediaType: OCI.manifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  });
  return { architecture, layers, config, manifest };
}

/** Makes one image each for amd64 and arm64, and the index over both; they share a layer. */
export function makeIndex(seed: string): TestIndex {
  const images = ['amd64', 'arm64'].map((architecture) => makeImage(seed, architecture));
  const index = jsonOf(OCI.index, {
    schemaVersion: 2,
    mediaType: OCI.index,
    manifests: images.map(({ manifest, architecture }) => ({
      ...manifest.descriptor,
      platform: { os: 'linux', architecture },
    })),
  });
  return { images, index };
}

/** The files of an OCI image layout, by path. */
function layoutFiles(tags: Readonly<Record<string, TestImage | TestIndex>>): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const add = ({ descriptor, bytes }: Content): void => {
    files.set(`blobs/${descriptor.digest.replace(':', '/')}`, bytes);
  };
  const manifests = Object.entries(tags).map(([tag, item]) => {
    const images = 'images' in item ? item.images : [item];
    for (const { layers, config, manifest } of images) [...layers, config, manifest].forEach(add);
    const top = 'images' in item ? item.index : item.manifest;
    add(top);
    return { ...top.descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } };
  });
  files.set('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  files.set(
    'index.json',
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI.index, manifests })),
  );
  return files;
}

/**
 * Writes an OCI image layout.
 * @param folder - made when it does not exist
 * @param tags - what to put in, by tag
 */
export async function writeLayout(
  folder: string,
  tags: Readonly<Record<string, TestImage | TestIndex>>,
): Promise<void> {
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
  for (const [path, bytes] of layoutFiles(tags)) await writeFile(join(folder, path), bytes);
}

/** Writes an OCI image layout as one tar file, the form that `ctr images import` reads. */
export async function writeLayoutArchive(
  file: string,
  tags: Readonly<Record<string, TestImage | TestIndex>>,
): Promise<void> {
  const entries = [...layoutFiles(tags)].map(([path, bytes]) => ({ path, bytes }));
  await writeFile(file, makeTar(entries));
}

/**
 * Writes the archive of `docker save`, layers unpacked.
 * @param reference - name and tag under which `docker load` keeps the image
 */
export async function writeDockerArchive(
  file: string,
  image: TestImage,
  reference: string,
): Promise<void> {
  const nameOf = (content: Content): string => content.descriptor.digest.slice('sha256:'.length);
  const config = `${nameOf(image.config)}.json`;
  const layers = image.layers.map((layer) => ({ path: `${nameOf(layer)}.tar`, bytes: layer.tar }));
  const manifest = [
    { Config: config, RepoTags: [reference], Layers: layers.map(({ path }) => path) },
  ];
  await writeFile(
    file,
    makeTar([
      ...layers,
      { path: config, bytes: image.config.bytes },
      { path: 'manifest.json', bytes: Buffer.from(JSON.stringify(manifest)) },
    ]),
  );
}
