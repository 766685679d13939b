/** What the analysis needs of manifests and configurations, which come from anywhere. */
import type { Digest } from '../../../oci/digest.ts';
import { isDigest } from '../../../oci/digest.ts';
import { OciError } from '../../../oci/errors.ts';
import { type IndexedManifest, type Platform, readImageParts } from '../../../oci/image.ts';
import { type Descriptor, parseManifest } from '../../../oci/manifest.ts';
import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  essence,
  isDockerSchema1,
  isNonDistributable,
  manifestKind,
  OCI_IMAGE_INDEX,
  OCI_IMAGE_MANIFEST,
} from '../../../oci/media-types.ts';
import { SourceError } from '../errors.ts';
import { shown } from './errors.ts';

/** Value of Accept for manifests. */
export const ACCEPT_MANIFESTS = [
  OCI_IMAGE_INDEX,
  DOCKER_MANIFEST_LIST,
  OCI_IMAGE_MANIFEST,
  DOCKER_MANIFEST,
].join(', ');

const IMAGE_CONFIGS = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

/** A layer as a manifest names it. */
export interface ManifestLayer extends Descriptor {
  /** Said to live elsewhere; the registry may have it all the same. */
  readonly isForeign: boolean;
}

/** A manifest, understood. */
export type Manifest =
  | {
      readonly kind: 'image';
      readonly config: Descriptor;
      readonly layers: readonly ManifestLayer[];
    }
  | { readonly kind: 'index'; readonly manifests: readonly IndexedManifest[] }
  /** Something else that is kept like an image: a signature, a chart, an attestation. */
  | { readonly kind: 'artifact' };

/** What a configuration says about its image; not verified beyond its digest. */
export interface ImageConfig {
  readonly platform: Platform | undefined;
  /** Milliseconds since 1970. */
  readonly created: number | undefined;
  readonly diffIds: readonly (Digest | undefined)[];
}

interface RawManifest {
  readonly schemaVersion?: unknown;
  readonly mediaType?: unknown;
  readonly config?: { readonly mediaType?: unknown };
  readonly layers?: readonly { readonly urls?: unknown }[] | null;
  readonly manifests?: unknown;
}

function parseObject(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new SourceError(`the ${what} is no JSON object`);
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

/**
 * Reads a manifest.
 * @throws SourceError
 */
export function readManifest(bytes: Uint8Array, contentType: string): Manifest {
  refuseSchema1(contentType);
  const raw: RawManifest = parseObject(bytes, 'manifest');
  if (raw.schemaVersion === 1)
    refuseSchema1('application/vnd.docker.distribution.manifest.v1+json');
  const mediaType = mediaTypeOf(raw, essence(contentType));
  try {
    const parts = readImageParts(bytes, mediaType);
    if (parts.kind === 'index') return parts;
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

/** True for what BuildKit puts beside images: provenance and the like, for no platform. */
export function isAttestation({ platform }: IndexedManifest): boolean {
  return platform?.os === 'unknown' && platform.architecture === 'unknown';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/**
 * Reads the configuration of an image; what is missing or wrong in it is unknown.
 * @throws SourceError when it is no JSON object
 */
export function readConfig(bytes: Uint8Array): ImageConfig {
  const { os, architecture, variant, created, rootfs } = parseObject(bytes, 'configuration');
  const at = Date.parse(text(created));
  const diffIds = (rootfs as { readonly diff_ids?: unknown } | null | undefined)?.diff_ids;
  const isPlatform = text(os) !== '' && text(architecture) !== '';
  return {
    platform: isPlatform
      ? { os: text(os), architecture: text(architecture), variant: text(variant) }
      : undefined,
    created: Number.isNaN(at) ? undefined : at,
    diffIds: Array.isArray(diffIds)
      ? diffIds.map((id) => (typeof id === 'string' && isDigest(id) ? id : undefined))
      : [],
  };
}
