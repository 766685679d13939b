/** Images of a few hundred bytes, with the manifests and indexes that lead to them. */
import { gzipSync } from 'node:zlib';
import { digestOf, OCI, randomLike } from '../../support/images.ts';
import { makeTar } from '../../support/tar.ts';

/** Something that a registry keeps under its digest. */
export interface Stored {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** What it refers to, to be stored with it: blobs, and manifests of an index. */
  readonly blobs: readonly Stored[];
  readonly manifests: readonly Stored[];
}

/** How an image is made. */
export interface SmallImageOptions {
  readonly architecture?: string;
  readonly variant?: string;
  readonly layers?: number;
  /** Bytes of each layer, about. */
  readonly layerSize?: number;
  /** Put into the manifest over what is there. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** Put into the descriptor of the first layer. */
  readonly firstLayer?: Readonly<Record<string, unknown>>;
  readonly configType?: string;
}

/** Keeps bytes under their digest. */
function stored(
  mediaType: string,
  bytes: Buffer,
  blobs: readonly Stored[] = [],
  manifests: readonly Stored[] = [],
): Stored {
  return { digest: digestOf(bytes), mediaType, bytes, blobs, manifests };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function descriptorOf({ digest, mediaType, bytes }: Stored): Record<string, unknown> {
  return { mediaType, digest, size: bytes.length };
}

/** A layer that is the same for the same seed. */
function smallLayer(seed: string, size = 200): Stored {
  const tar = makeTar([{ path: 'file', bytes: randomLike(seed, size) }]);
  return stored(OCI.layer, gzipSync(tar));
}

/** An image; layers `0` of all images of a seed's first word are the same. */
export function smallImage(seed: string, options: SmallImageOptions = {}): Stored {
  const { architecture = 'amd64', variant, layers: count = 2, layerSize } = options;
  const layers = Array.from({ length: count }, (_, i) =>
    smallLayer(i === 0 ? `${seed.split(' ')[0]} base` : `${seed} ${architecture} ${i}`, layerSize),
  );
  const configuration = {
    os: 'linux',
    architecture,
    ...(variant === undefined ? {} : { variant }),
    created: '2026-01-01T00:00:00Z',
    seed,
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digestOf(Buffer.from(digest))) },
  };
  const config = stored(options.configType ?? OCI.config, json(configuration));
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI.manifest,
    config: descriptorOf(config),
    layers: layers.map((layer, i) => ({
      ...descriptorOf(layer),
      ...(i === 0 ? options.firstLayer : {}),
    })),
    ...options.manifest,
  };
  return stored(OCI.manifest, json(manifest), [config, ...layers]);
}

/** A manifest with the platform under which an index lists it. */
export interface Listed {
  readonly manifest: Stored;
  readonly platform?: Readonly<Record<string, string>>;
}

/** An index over manifests. */
export function smallIndex(entries: readonly Listed[]): Stored {
  const manifests = entries.map(({ manifest, platform }) => ({
    ...descriptorOf(manifest),
    ...(platform === undefined ? {} : { platform }),
  }));
  return stored(
    OCI.index,
    json({ schemaVersion: 2, mediaType: OCI.index, manifests }),
    [],
    entries.map(({ manifest }) => manifest),
  );
}

/** A manifest as registries made them before 2016; its digest is not that of its bytes. */
export function schema1(name: string): Stored {
  const bytes = json({ schemaVersion: 1, name, tag: 'latest', fsLayers: [], history: [] });
  return stored('application/vnd.docker.distribution.manifest.v1+prettyjws', bytes);
}
