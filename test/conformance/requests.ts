/** The requests that many tests make, each with the answer that lets the test go on. */

import { expectStatus } from './assertions.ts';
import type { RegistryClient, RequestOptions } from './client.ts';
import { type Content, digestOf, type Manifest, MEDIA_TYPES } from './content.ts';
import type { RegistryResponse } from './response.ts';

export const blobPath = (repository: string, digest: string): string =>
  `/v2/${repository}/blobs/${digest}`;
export const uploadsPath = (repository: string): string => `/v2/${repository}/blobs/uploads/`;
export const manifestPath = (repository: string, reference: string): string =>
  `/v2/${repository}/manifests/${reference}`;
export const tagsPath = (repository: string): string => `/v2/${repository}/tags/list`;
export const referrersPath = (repository: string, digest: string): string =>
  `/v2/${repository}/referrers/${digest}`;

/** Accept as registry clients send it for manifests: two header lines. */
export const ACCEPT_MANIFESTS = { accept: [MEDIA_TYPES.index, MEDIA_TYPES.manifest] };

export function head(
  client: RegistryClient,
  target: string | URL,
  headers: RequestOptions['headers'] = {},
): Promise<RegistryResponse> {
  return client.request({ method: 'HEAD', target, headers });
}

export function get(
  client: RegistryClient,
  target: string | URL,
  headers: RequestOptions['headers'] = {},
): Promise<RegistryResponse> {
  return client.request({ target, headers });
}

export function remove(client: RegistryClient, target: string | URL): Promise<RegistryResponse> {
  return client.request({ method: 'DELETE', target });
}

/** GET or HEAD of a manifest with the usual Accept. */
export function readManifest(
  client: RegistryClient,
  repository: string,
  reference: string,
  method: 'GET' | 'HEAD' = 'GET',
): Promise<RegistryResponse> {
  const target = manifestPath(repository, reference);
  return client.request({ method, target, headers: ACCEPT_MANIFESTS });
}

/** PUT of a manifest; the answer is not judged. */
export function putManifest(
  client: RegistryClient,
  repository: string,
  manifest: Pick<Manifest, 'bytes' | 'mediaType'>,
  where: { readonly reference: string; readonly tags?: readonly string[] },
): Promise<RegistryResponse> {
  const query = (where.tags ?? []).map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
  return client.request({
    method: 'PUT',
    target: manifestPath(repository, where.reference) + (query && `?${query}`),
    headers: { 'content-type': manifest.mediaType },
    body: manifest.bytes,
  });
}

/** Opens an upload; gives its location. */
export async function startUpload(
  client: RegistryClient,
  repository: string,
  query = '',
): Promise<{ location: URL; response: RegistryResponse }> {
  const target = uploadsPath(repository) + query;
  const response = expectStatus(await client.request({ method: 'POST', target }), 202);
  return { location: response.location(), response };
}

/** The address that closes an upload: `digest` added to whatever query the location has. */
export function closing(location: URL, digest: string): URL {
  const url = new URL(location);
  url.searchParams.set('digest', digest);
  return url;
}

/** A piece of a body, and where in the blob it claims to stand. */
export interface Chunk {
  readonly bytes?: Uint8Array | undefined;
  /** Position of the first byte; sent as Content-Range. Default: no such header. */
  readonly start?: number | undefined;
}

function chunkRequest(method: string, target: URL, { bytes, start }: Chunk): RequestOptions {
  const headers: Record<string, string> = { 'content-type': MEDIA_TYPES.bytes };
  if (bytes !== undefined && start !== undefined) {
    headers['content-range'] = `${start}-${start + bytes.length - 1}`;
  }
  return { method, target, headers, ...(bytes === undefined ? {} : { body: bytes }) };
}

/** PATCH of an upload; the answer is not judged. */
export function patchUpload(
  client: RegistryClient,
  location: URL,
  chunk: Chunk,
): Promise<RegistryResponse> {
  return client.request(chunkRequest('PATCH', location, chunk));
}

/** The closing PUT of an upload; the answer is not judged. */
export function closeUpload(
  client: RegistryClient,
  location: URL,
  digest: string,
  chunk: Chunk = {},
): Promise<RegistryResponse> {
  return client.request(chunkRequest('PUT', closing(location, digest), chunk));
}

/** What the registry says of an open upload. */
export interface UploadStatus {
  /** Where to go on. */
  readonly location: URL;
  readonly range: string | undefined;
  /** Position of the last byte it has, from Range; an empty upload may say 0 or -1. */
  readonly last: number;
}

/** GET of an open upload. */
export async function uploadStatus(client: RegistryClient, location: URL): Promise<UploadStatus> {
  const response = expectStatus(await get(client, location), 204);
  const range = response.get('range');
  const last = Number(/^0-(-?\d+)$/.exec(range ?? '')?.[1] ?? 'NaN');
  return { location: response.location(), range, last };
}

/** Pushes a blob by POST and PUT and gives its digest. */
export async function pushBlob(
  client: RegistryClient,
  repository: string,
  bytes: Uint8Array,
  algorithm: 'sha256' | 'sha512' = 'sha256',
): Promise<string> {
  const digest = digestOf(bytes, algorithm);
  const { location } = await startUpload(client, repository);
  expectStatus(await closeUpload(client, location, digest, { bytes }), 201);
  return digest;
}

/** Pushes blobs, then manifests by digest in order, then tags; every answer must be 201. */
export async function pushContent(
  client: RegistryClient,
  repository: string,
  content: Content,
): Promise<void> {
  for (const [digest, bytes] of content.blobs) {
    await pushBlob(client, repository, bytes, digest.startsWith('sha512') ? 'sha512' : 'sha256');
  }
  for (const manifest of content.manifests) {
    const reference = manifest.digest;
    expectStatus(await putManifest(client, repository, manifest, { reference }), 201);
  }
  for (const [tag, digest] of content.tags) {
    const manifest = content.manifests.find((one) => one.digest === digest)!;
    expectStatus(await putManifest(client, repository, manifest, { reference: tag }), 201);
  }
}
