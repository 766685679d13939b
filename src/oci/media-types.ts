/** The media types the registry has to understand; all others are stored and served untouched. */

export const OCI_IMAGE_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_IMAGE_INDEX = 'application/vnd.oci.image.index.v1+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_MANIFEST_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const DOCKER_SCHEMA1_PREFIX = 'application/vnd.docker.distribution.manifest.v1+';

/** Whether a manifest lists blobs (an image) or other manifests (an index). */
export type ManifestKind = 'image' | 'index';

const KINDS: ReadonlyMap<string, ManifestKind> = new Map([
  [OCI_IMAGE_MANIFEST, 'image'],
  [DOCKER_MANIFEST, 'image'],
  [OCI_IMAGE_INDEX, 'index'],
  [DOCKER_MANIFEST_LIST, 'index'],
]);

/** Kind of a manifest media type, undefined when it is none that can be pushed. */
export function manifestKind(mediaType: string): ManifestKind | undefined {
  return KINDS.get(mediaType);
}

/** Docker image manifest version 2 schema 1, given up by all current registries (MAN-P11). */
export function isDockerSchema1(mediaType: string): boolean {
  return mediaType.startsWith(DOCKER_SCHEMA1_PREFIX);
}

/** Layers that by their type live elsewhere and need not be pushed. */
export function isNonDistributable(mediaType: string): boolean {
  return (
    mediaType.startsWith('application/vnd.oci.image.layer.nondistributable.') ||
    mediaType.startsWith('application/vnd.docker.image.rootfs.foreign.')
  );
}

/** A Content-Type without its parameters, trimmed and in lower case. */
export function essence(contentType: string): string {
  const semicolon = contentType.indexOf(';');
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}
