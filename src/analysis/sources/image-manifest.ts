/** What the analysis needs of manifests, which come from anywhere. */
import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { type Platform, readImageParts } from '../../oci/image.ts';
import { type Descriptor, parseManifest } from '../../oci/manifest.ts';
import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  essence,
  isDockerSchema1,
  isNonDistributable,
  manifestKind,
  OCI_IMAGE_INDEX,
  OCI_IMAGE_MANIFEST,
} from '../../oci/media-types.ts';
import { SourceError } from './errors.ts';
import { parseObject } from './image-config.ts';
import { shown } from './registry/errors.ts';

/** Value of Accept for manifests. */
export const ACCEPT_MANIFESTS = [
  OCI_IMAGE_INDEX,
  DOCKER_MANIFEST_LIST,
  OCI_IMAGE_MANIFEST,
  DOCKER_MANIFEST,
].join(', ');

/** Bytes that a manifest may have; clients and registries take as much. */
export const MAX_MANIFEST = 4 * 1024 * 1024;

/** Configurations of images; anything else has artifacts, such as signatures. */
const IMAGE_CONFIGS = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

/** With this BuildKit marks what it attests of an image; the platform is unknown as well. */
const ATTESTATION = ['vnd.docker.reference.type', 'attestation-manifest'] as const;

const DOCKER_SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json';

/** A layer as a manifest names it. */
export interface ManifestLayer extends Descriptor {
  /** Said to live elsewhere; the registry may have it all the same. */
  readonly isForeign: boolean;
}

/** A manifest in an index. */
export interface ListedManifest {
  readonly digest: Digest;
  /** '' when the index does not say. */
  readonly mediaType: string;
  readonly platform: Platform | undefined;
  /** True for what BuildKit puts beside images: provenance and the like, for no platform. */
  readonly isAttestation: boolean;
}

/** A manifest, understood. */
export type Manifest =
  | {
      readonly kind: 'image';
      readonly config: Descriptor;
      readonly layers: readonly ManifestLayer[];
    }
  | { readonly kind: 'index'; readonly manifests: readonly ListedManifest[] }
  /** Something else that is kept like an image: a signature, a chart, an attestation. */
  | { readonly kind: 'artifact' };

type Json = Readonly<Record<string, unknown>>;

interface RawManifest {
  readonly schemaVersion?: unknown;
  readonly mediaType?: unknown;
  readonly config?: { readonly mediaType?: unknown };
  readonly layers?: readonly { readonly urls?: unknown }[] | null;
  readonly manifests?: readonly Json[] | null;
}

/** The media type that counts: registries send all sorts of Content-Type. */
function mediaTypeOf({ mediaType, manifests }: RawManifest, contentType: string): string {
  if (typeof mediaType === 'string' && manifestKind(mediaType) !== undefined) return mediaType;
  if (manifestKind(contentType) !== undefined) return contentType;
  return Array.isArray(manifests) ? OCI_IMAGE_INDEX : OCI_IMAGE_MANIFEST;
}

/** @throws SourceError */
export function refuseSchema1(contentType: string): void {
  if (!isDockerSchema1(essence(contentType))) return;
  throw new SourceError('schema 1 is not supported; push the image again with a current client');
}

/** True when the media type of a layer can be one of an archive; many are written wrongly. */
function mayBeArchive(mediaType: string): boolean {
  const type = mediaType.toLowerCase();
  return type === '' || /tar|layer|rootfs|gzip|zstd|octet-stream/.test(type);
}

function isAttestation({ annotations, platform }: Json): boolean {
  const [key, value] = ATTESTATION;
  if ((annotations as Json | null | undefined)?.[key] === value) return true;
  const { os, architecture } = (platform ?? {}) as Json;
  return os === 'unknown' && architecture === 'unknown';
}

/**
 * Reads a manifest.
 * @param contentType - as whatever refers to it says, '' when it does not; the manifest's word counts more
 * @throws SourceError
 */
export function readManifest(bytes: Uint8Array, contentType: string): Manifest {
  refuseSchema1(contentType);
  const raw: RawManifest = parseObject(bytes, 'the manifest');
  if (raw.schemaVersion === 1) refuseSchema1(DOCKER_SCHEMA1);
  const mediaType = mediaTypeOf(raw, essence(contentType));
  try {
    const parts = readImageParts(bytes, mediaType);
    if (parts.kind === 'index') {
      const listed = raw.manifests ?? [];
      const manifests = parts.manifests.map(({ digest, platform }, i) => ({
        digest,
        platform,
        mediaType: typeof listed[i]!.mediaType === 'string' ? listed[i]!.mediaType : '',
        isAttestation: isAttestation(listed[i]!),
      }));
      return { kind: 'index', manifests };
    }
    const { artifactType } = parseManifest(bytes, mediaType);
    const config = raw.config as Descriptor;
    if (!IMAGE_CONFIGS.has(config.mediaType) || !IMAGE_CONFIGS.has(artifactType ?? '')) {
      return { kind: 'artifact' };
    }
    const { layers } = parts;
    if (layers.length > 0 && !layers.some((layer) => mayBeArchive(layer.mediaType))) {
      return { kind: 'artifact' };
    }
    const isForeign = ({ mediaType: type }: Descriptor, i: number): boolean => {
      const urls = raw.layers?.[i]?.urls;
      return isNonDistributable(type) || (Array.isArray(urls) && urls.length > 0);
    };
    return {
      kind: 'image',
      config,
      layers: layers.map((layer, i) => ({ ...layer, isForeign: isForeign(layer, i) })),
    };
  } catch (error) {
    if (error instanceof OciError) throw new SourceError(shown(error.message), { cause: error });
    throw error;
  }
}
