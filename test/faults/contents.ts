/** What the fault tests push: blobs of all sizes that matter, and manifests over them. */
import { hash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { randomLike } from '../support/images.ts';
import type { Random } from '../support/random.ts';
import { makeTar } from '../support/tar.ts';

/** Largest content that lies in the metadata store; larger one has a file of its own. */
export const INLINE_MAX = 16 * 1024;

/** Some bytes and their digest. */
export interface Blob {
  readonly digest: string;
  readonly bytes: Buffer;
}

/** A manifest and what it says. */
export interface Manifest extends Blob {
  readonly mediaType: string;
  /** Digests of the blobs of an image, or of the manifests of an index. */
  readonly references: readonly string[];
  readonly subject: string | undefined;
}

const MEDIA_TYPE = {
  image: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

/** The digest of bytes under the algorithm of another digest, or under SHA-256. */
export function digestOf(bytes: Uint8Array, like = 'sha256:'): string {
  const algorithm = like.slice(0, like.indexOf(':'));
  return `${algorithm}:${hash(algorithm, bytes, 'hex')}`;
}

/** A blob of a size, the same for the same label. */
export function makeBlob(label: string, size: number, algorithm = 'sha256'): Blob {
  const bytes = randomLike(label, size);
  return { bytes, digest: digestOf(bytes, `${algorithm}:`) };
}

/** Files that layers have in common. */
const SHARED_FILES = 40;

/** A layer of some of the files that many have, and one of its own. */
function makeLayer(label: string, random: Random): Blob {
  const shared = Array.from({ length: random.between(1, 12) }, () => random.below(SHARED_FILES));
  const files = [...new Set(shared)].map((number) => ({
    path: `shared/${number}`,
    bytes: randomLike(`shared ${number}`, 500 + number * 700),
  }));
  const own = { path: 'own', bytes: randomLike(label, random.between(1, 120 * 1024)) };
  const bytes = gzipSync(makeTar([...files, own]), { level: random.chance(0.5) ? 1 : 6 });
  return { bytes, digest: digestOf(bytes) };
}

/** A blob with a size below, about or above what lies in the metadata store; one in eight SHA-512. */
function makeAnyBlob(label: string, random: Random): Blob {
  const kind = random.below(10);
  const size =
    kind < 2
      ? random.between(4, INLINE_MAX)
      : kind < 9
        ? random.between(INLINE_MAX + 1, 200 * 1024)
        : random.between(600 * 1024, 1500 * 1024);
  return makeBlob(label, size, random.chance(1 / 8) ? 'sha512' : 'sha256');
}

/** A layer, or bytes that are none. */
export function makeLayerOrBlob(label: string, random: Random): Blob {
  return random.chance(0.4) ? makeLayer(label, random) : makeAnyBlob(label, random);
}

/** What a manifest is made from. */
export interface ManifestParts {
  /** Makes it different from others over the same blobs. */
  readonly label: string;
  readonly subject?: Manifest | undefined;
  /** Bytes of annotations, to make it larger than what lies in the metadata store. */
  readonly padding?: number;
}

function finish(
  mediaType: string,
  fields: object,
  parts: ManifestParts & { readonly references: readonly string[] },
): Manifest {
  const { label, subject, padding = 0, references } = parts;
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    ...fields,
    ...(subject && {
      subject: {
        mediaType: subject.mediaType,
        digest: subject.digest,
        size: subject.bytes.length,
      },
    }),
    annotations: { label, ...(padding > 0 && { padding: 'x'.repeat(padding) }) },
  });
  const bytes = Buffer.from(text);
  return { mediaType, bytes, digest: digestOf(bytes), references, subject: subject?.digest };
}

const descriptor = (mediaType: string, { digest, bytes }: Blob): object => ({
  mediaType,
  digest,
  size: bytes.length,
});

/** An image manifest. @param blobs - its config, then its layers */
export function makeImage(blobs: readonly Blob[], parts: ManifestParts): Manifest {
  const [config, ...layers] = blobs;
  const fields = {
    config: descriptor(MEDIA_TYPE.config, config!),
    layers: layers.map((layer) => descriptor(MEDIA_TYPE.layer, layer)),
  };
  return finish(MEDIA_TYPE.image, fields, {
    ...parts,
    references: [...new Set(blobs.map(({ digest }) => digest))],
  });
}

/** An index over manifests. */
export function makeIndex(manifests: readonly Manifest[], parts: ManifestParts): Manifest {
  const fields = { manifests: manifests.map((one) => descriptor(one.mediaType, one)) };
  return finish(MEDIA_TYPE.index, fields, {
    ...parts,
    references: [...new Set(manifests.map(({ digest }) => digest))],
  });
}
