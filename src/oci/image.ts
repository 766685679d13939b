/** What images are made of, read from manifests that were checked when they were pushed. */
import type { Digest } from './digest.ts';
import { parseManifest } from './manifest.ts';

/** The platform of a manifest in an index (OCI image index specification, "platform"). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** '' when there is none. */
  readonly variant: string;
}

/** A layer as a manifest names it. */
export interface LayerReference {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
}

/** A manifest in an index. */
export interface IndexedManifest {
  readonly digest: Digest;
  readonly platform: Platform | undefined;
}

/** What a manifest leads to: layers, the lowest one first, or further manifests. */
export type ImageParts =
  | { readonly kind: 'image'; readonly layers: readonly LayerReference[] }
  | { readonly kind: 'index'; readonly manifests: readonly IndexedManifest[] };

interface RawDescriptor {
  readonly digest: string;
  readonly size: number;
  readonly mediaType?: unknown;
  readonly platform?: Readonly<Record<string, unknown>> | null;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function readPlatform({ platform }: RawDescriptor): Platform | undefined {
  if (typeof platform !== 'object' || platform === null) return undefined;
  return {
    os: text(platform.os),
    architecture: text(platform.architecture),
    variant: text(platform.variant),
  };
}

/**
 * Reads a manifest.
 * @throws OciError MANIFEST_INVALID
 */
export function readImageParts(bytes: Uint8Array, mediaType: string): ImageParts {
  const { kind } = parseManifest(bytes, mediaType);
  const json = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
    readonly layers?: readonly RawDescriptor[] | null;
    readonly manifests?: readonly RawDescriptor[] | null;
  };
  if (kind === 'image') {
    const layers = (json.layers ?? []).map((layer) => ({
      digest: layer.digest,
      size: layer.size,
      mediaType: text(layer.mediaType),
    }));
    return { kind, layers };
  }
  const manifests = (json.manifests ?? []).map((raw) => ({
    digest: raw.digest,
    platform: readPlatform(raw),
  }));
  return { kind, manifests };
}

/** A platform as it is written: `linux/arm64/v8`. */
export function platformName({ os, architecture, variant }: Platform): string {
  return variant === '' ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** Whether a platform is the one that is asked for; who names no variant takes any. */
export function isPlatform(platform: Platform | undefined, wanted: string): boolean {
  if (platform === undefined) return false;
  const name = platformName(platform);
  return name === wanted || `${platform.os}/${platform.architecture}` === wanted;
}
