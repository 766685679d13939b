/**
 * Makes what the tests push: layers, images, indexes and artifacts, each different from anything
 * pushed before, with either digest algorithm.
 */
import { hash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';

export const MEDIA_TYPES = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  foreignLayer: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
  foreignLayerGzip: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  empty: 'application/vnd.oci.empty.v1+json',
  bytes: 'application/octet-stream',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

export type Algorithm = 'sha256' | 'sha512';

/** A reference to content, as it stands in manifests (OCI image specification, "Descriptors"). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly urls?: readonly string[] | undefined;
  /** The content itself, base64. */
  readonly data?: string | undefined;
  readonly platform?: Platform | undefined;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
}

/** A manifest as it is pushed. */
export interface Manifest {
  readonly digest: string;
  readonly bytes: Buffer;
  readonly mediaType: string;
  /** Digest of the subject, if it has one. */
  readonly subject?: string | undefined;
}

/** Things that belong together, in an order in which they can be pushed. */
export interface Content {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Manifest[];
  /** Tag to digest. */
  readonly tags: Map<string, string>;
  /** Digest of a subject to the descriptors that the referrers API must list for it. */
  readonly referrers: Map<string, Descriptor[]>;
}

export function newContent(): Content {
  return { blobs: new Map(), manifests: [], tags: new Map(), referrers: new Map() };
}

/** Digest of bytes, `sha256:...` or `sha512:...`. */
export function digestOf(bytes: Uint8Array | string, algorithm: Algorithm = 'sha256'): string {
  return `${algorithm}:${hash(algorithm, bytes, 'hex')}`;
}

/** A digest that belongs to nothing. */
export function unknownDigest(algorithm: Algorithm = 'sha256'): string {
  return digestOf(randomBytes(32), algorithm);
}

export interface BlobOptions {
  readonly algorithm?: Algorithm | undefined;
  readonly mediaType?: string | undefined;
  /** Put the bytes into the descriptor too. */
  readonly embed?: boolean | undefined;
}

/** Adds bytes as a blob. */
export function addBlob(content: Content, bytes: Buffer, options: BlobOptions = {}): Descriptor {
  const digest = digestOf(bytes, options.algorithm);
  content.blobs.set(digest, bytes);
  return {
    mediaType: options.mediaType ?? MEDIA_TYPES.bytes,
    digest,
    size: bytes.length,
    data: options.embed ? bytes.toString('base64') : undefined,
  };
}

/** A tar archive (POSIX.1-1988 ustar) with one file. */
function tarOf(name: string, text: string): Buffer {
  const body = Buffer.from(text);
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((512 - (body.length % 512)) % 512);
  return Buffer.concat([header, body, padding, Buffer.alloc(1024)]);
}

/** Adds a layer with one file of random text; gives its descriptor and the digest of its tar. */
export function addLayer(
  content: Content,
  options: BlobOptions & { readonly compressed?: boolean | undefined } = {},
): { descriptor: Descriptor; diffId: string } {
  const tar = tarOf(
    'hello.txt',
    `a file of the conformance tests ${randomBytes(16).toString('hex')}\n`,
  );
  const compressed = options.compressed ?? true;
  const descriptor = addBlob(content, compressed ? gzipSync(tar) : tar, {
    ...options,
    mediaType: compressed ? MEDIA_TYPES.layerGzip : MEDIA_TYPES.layer,
  });
  return { descriptor, diffId: digestOf(tar, options.algorithm) };
}

/** What images and indexes have in common. */
export interface ManifestOptions {
  readonly algorithm?: Algorithm | undefined;
  readonly mediaType?: string | undefined;
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Fields that no specification knows. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  readonly subject?: Descriptor | undefined;
  readonly tag?: string | undefined;
  /** Give the descriptor the manifest's bytes too. */
  readonly embed?: boolean | undefined;
}

function addManifest(
  content: Content,
  fields: Readonly<Record<string, unknown>>,
  options: ManifestOptions & {
    readonly mediaType: string;
    readonly listedType: string | undefined;
  },
): Descriptor {
  const { mediaType, annotations, subject, tag } = options;
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      artifactType: options.artifactType,
      ...fields,
      subject,
      annotations,
      ...options.extra,
    }),
  );
  const digest = digestOf(bytes, options.algorithm);
  content.manifests.push({ digest, bytes, mediaType, subject: subject?.digest });
  if (tag !== undefined) content.tags.set(tag, digest);
  if (subject !== undefined) {
    const listed = content.referrers.get(subject.digest) ?? [];
    const artifactType = options.listedType;
    listed.push({ mediaType, digest, size: bytes.length, artifactType, annotations });
    content.referrers.set(subject.digest, listed);
  }
  return {
    mediaType,
    digest,
    size: bytes.length,
    data: options.embed ? bytes.toString('base64') : undefined,
  };
}

export interface ImageOptions extends ManifestOptions {
  /** Descriptors of the layers, or how many to make. Default 2. */
  readonly layers?: readonly Descriptor[] | number | undefined;
  readonly compressed?: boolean | undefined;
  /** Default: an image configuration that fits the layers. */
  readonly config?: Descriptor | undefined;
  readonly platform?: Platform | undefined;
}

/** Adds the configuration of an image. */
export function addConfig(
  content: Content,
  diffIds: readonly string[],
  options: ImageOptions = {},
): Descriptor {
  const { os, architecture } = options.platform ?? { os: 'linux', architecture: 'amd64' };
  const config = {
    author: 'Stowage conformance tests',
    architecture,
    os,
    rootfs: { type: 'layers', diff_ids: diffIds },
    ...options.extra,
  };
  return addBlob(content, Buffer.from(JSON.stringify(config)), {
    ...options,
    mediaType: MEDIA_TYPES.config,
  });
}

/** Adds an image manifest and, unless given, its configuration and layers. */
export function addImage(content: Content, options: ImageOptions = {}): Descriptor {
  let layers: readonly Descriptor[];
  let diffIds: string[] = [];
  if (typeof options.layers === 'object') layers = options.layers;
  else {
    const made = Array.from({ length: options.layers ?? 2 }, () => addLayer(content, options));
    layers = made.map(({ descriptor }) => descriptor);
    diffIds = made.map(({ diffId }) => diffId);
  }
  const config = options.config ?? addConfig(content, diffIds, options);
  return addManifest(
    content,
    { config, layers },
    {
      ...options,
      mediaType: options.mediaType ?? MEDIA_TYPES.manifest,
      listedType: options.artifactType ?? config.mediaType,
    },
  );
}

/** Adds an artifact: an image manifest with an artifact type, an empty configuration, one layer. */
export function addArtifact(
  content: Content,
  options: ManifestOptions & {
    readonly artifactType: string;
    readonly layerType?: string;
    /** Default 2,048 random bytes. */
    readonly layer?: Buffer;
  },
): Descriptor {
  const { algorithm } = options;
  const mediaType = options.layerType ?? options.artifactType;
  const layer = addBlob(content, options.layer ?? randomBytes(2048), { algorithm, mediaType });
  const config = addBlob(content, Buffer.from('{}'), { algorithm, mediaType: MEDIA_TYPES.empty });
  return addImage(content, { ...options, mediaType: undefined, config, layers: [layer] });
}

/** Adds an index of manifests that were added before. */
export function addIndex(
  content: Content,
  manifests: readonly Descriptor[],
  options: ManifestOptions = {},
): Descriptor {
  return addManifest(
    content,
    { manifests },
    {
      ...options,
      mediaType: options.mediaType ?? MEDIA_TYPES.index,
      listedType: options.artifactType,
    },
  );
}

export const PLATFORMS: readonly Platform[] = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
];

/** Adds an index of one manifest for each of {@link PLATFORMS}. */
export function addPlatformIndex(
  content: Content,
  options: ManifestOptions = {},
  addOne: (content: Content, options: ImageOptions) => Descriptor = addImage,
): Descriptor {
  const manifests = PLATFORMS.map((platform) => ({
    ...addOne(content, { ...options, tag: undefined, platform }),
    platform,
  }));
  return addIndex(content, manifests, options);
}
