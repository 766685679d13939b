/** The requests of the fault tests. Locations are kept as paths: a server that is started anew has another port. */
import { request } from 'node:http';
import type { RegistryClient } from '../conformance/client.ts';
import type { RegistryResponse } from '../conformance/response.ts';
import type { Blob, Manifest } from './contents.ts';

const BYTES = { 'content-type': 'application/octet-stream' };
const ACCEPT = {
  accept: ['application/vnd.oci.image.index.v1+json', 'application/vnd.oci.image.manifest.v1+json'],
};

export const blobPath = (repository: string, digest: string): string =>
  `/v2/${repository}/blobs/${digest}`;
export const manifestPath = (repository: string, reference: string): string =>
  `/v2/${repository}/manifests/${reference}`;
const uploadsPath = (repository: string): string => `/v2/${repository}/blobs/uploads/`;

export const get = (client: RegistryClient, target: string): Promise<RegistryResponse> =>
  client.request({ target });
export const head = (client: RegistryClient, target: string): Promise<RegistryResponse> =>
  client.request({ method: 'HEAD', target });
export const remove = (client: RegistryClient, target: string): Promise<RegistryResponse> =>
  client.request({ method: 'DELETE', target });

export const getManifest = (
  client: RegistryClient,
  repository: string,
  reference: string,
): Promise<RegistryResponse> =>
  client.request({ target: manifestPath(repository, reference), headers: ACCEPT });

/** PUT by tag or digest, with further tags as parameters. */
export function putManifest(
  client: RegistryClient,
  where: {
    readonly repository: string;
    readonly reference: string;
    readonly tags?: readonly string[];
  },
  { bytes, mediaType }: Pick<Manifest, 'bytes' | 'mediaType'>,
): Promise<RegistryResponse> {
  const query = (where.tags ?? []).map((tag) => `tag=${tag}`).join('&');
  return client.request({
    method: 'PUT',
    target: manifestPath(where.repository, where.reference) + (query && `?${query}`),
    headers: { 'content-type': mediaType },
    body: bytes,
  });
}

/** POST: opens an upload. @param query - with its question mark */
export function startUpload(
  client: RegistryClient,
  repository: string,
  query = '',
): Promise<RegistryResponse> {
  return client.request({ method: 'POST', target: uploadsPath(repository) + query });
}

/** The address of an upload, from any answer about it. */
export function locationOf(response: RegistryResponse): string {
  const { pathname, search } = response.location();
  return pathname + search;
}

/** POST with all bytes. */
export function pushAtOnce(
  client: RegistryClient,
  repository: string,
  { digest, bytes }: Blob,
): Promise<RegistryResponse> {
  const target = `${uploadsPath(repository)}?digest=${digest}`;
  return client.request({ method: 'POST', target, headers: BYTES, body: bytes });
}

/** PATCH of bytes that stand at a position, with Content-Range. */
export function patch(
  client: RegistryClient,
  path: string,
  { bytes, start }: { readonly bytes: Uint8Array; readonly start: number },
): Promise<RegistryResponse> {
  const headers = { ...BYTES, 'content-range': `${start}-${start + bytes.length - 1}` };
  return client.request({ method: 'PATCH', target: path, headers, body: bytes });
}

/** PATCH of everything in HTTP chunks, without a length. */
export function patchStreamed(
  client: RegistryClient,
  path: string,
  chunks: readonly Uint8Array[],
): Promise<RegistryResponse> {
  return client.request({ method: 'PATCH', target: path, headers: BYTES, chunks });
}

/** The closing PUT, with the last bytes if there are any. */
export function finishUpload(
  client: RegistryClient,
  path: string,
  { digest, rest }: { readonly digest: string; readonly rest?: Uint8Array },
): Promise<RegistryResponse> {
  const target = `${path}${path.includes('?') ? '&' : '?'}digest=${digest}`;
  const more = rest === undefined || rest.length === 0 ? {} : { headers: BYTES, body: rest };
  return client.request({ method: 'PUT', target, ...more });
}

/** Bytes that an upload holds, as an answer about it says; 0-0 stands for none. */
export function heldBytes(response: RegistryResponse): number {
  const last = Number(/^0-(\d+)$/.exec(response.get('range') ?? '')?.[1] ?? 'NaN');
  return last === 0 ? 0 : last + 1;
}

/**
 * PATCH of everything that breaks off: so many bytes are handed to the network, then the connection
 * goes. It says where its bytes belong, because it may reach the registry after the next request.
 */
export function patchAndCut(
  origin: URL,
  path: string,
  { bytes, after }: { readonly bytes: Uint8Array; readonly after: number },
): Promise<void> {
  return new Promise((resolve) => {
    const sending = request(new URL(path, origin), {
      method: 'PATCH',
      headers: {
        ...BYTES,
        'content-length': bytes.length,
        'content-range': `0-${bytes.length - 1}`,
      },
      agent: false,
    });
    // Whatever goes wrong: the next request tells what is left of the upload.
    sending.on('error', () => resolve());
    sending.write(bytes.subarray(0, after), () => {
      sending.destroy();
      resolve();
    });
  });
}
