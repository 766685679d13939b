/** A registry client of one connection: whole protocol steps, each of them verified. */
import { createHash, hash } from 'node:crypto';
import {
  type Answer,
  type Connection,
  connect,
  type Endpoint,
  type Feed,
  headerOf,
} from './connection.ts';

/** Media type of the manifests that the benchmark pushes. */
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

/** A connection and the header lines that each request on it carries. */
export interface Client {
  readonly connection: Connection;
  readonly url: string;
  /** `Host` and, where the server wants it, `Authorization`; each line with its end. */
  readonly lines: string;
}

/** Bytes on a server that are known by their digest. */
export interface Content {
  /** Path of the URL that serves them. */
  readonly path: string;
  readonly digest: string;
  readonly size: number;
}

/** Connects to a server. @param authorization - value of the header, `Bearer ...` */
export async function openClient(endpoint: Endpoint, authorization?: string): Promise<Client> {
  const lines = `Host: ${new URL(endpoint.url).host}\r\n`;
  return {
    connection: await connect(endpoint),
    url: endpoint.url,
    lines: authorization === undefined ? lines : `${lines}Authorization: ${authorization}\r\n`,
  };
}

/** Throws unless the answer has the status that the step counts as success. */
export function expectStatus(answer: Answer, status: number, step: string): void {
  if (answer.status !== status) {
    throw new Error(`${step}: expected ${status}, got ${answer.head}\r\n\r\n${answer.error}`);
  }
}

function expectDigestHeader(answer: Answer, digest: string, required: boolean, step: string): void {
  const value = headerOf(answer, 'docker-content-digest');
  if (value === undefined ? required : value !== digest) {
    throw new Error(`${step}: Docker-Content-Digest is ${value}, not ${digest}`);
  }
}

/**
 * Prepares a GET or HEAD of content that is known, to be run many times. Each run checks status,
 * Content-Length, Docker-Content-Digest (where it must or happens to be) and, for GET, the digest of
 * all bytes. The promise gives the bytes of the body.
 */
export function preparePull(
  client: Client,
  method: 'GET' | 'HEAD',
  content: Content,
): () => Promise<number> {
  const { digest, size, path } = content;
  const isManifest = path.includes('/manifests/');
  const step = `${method} ${path}`;
  const accept = isManifest ? `Accept: ${MANIFEST_TYPE}\r\n` : '';
  const head = `${method} ${path} HTTP/1.1\r\n${client.lines}${accept}\r\n`;
  let found = '';
  let running: ReturnType<typeof createHash> | undefined;
  let seen = 0;
  const onBody = (part: Buffer): void => {
    if (part.length === size) {
      found = hash('sha256', part, 'hex');
      return;
    }
    running ??= createHash('sha256');
    running.update(part);
    seen += part.length;
    if (seen === size) found = running.digest('hex');
  };
  const exchange = { head, bodiless: method === 'HEAD', onBody };
  return async () => {
    found = '';
    running = undefined;
    seen = 0;
    const answer = await client.connection.exchange(exchange);
    expectStatus(answer, 200, step);
    if (answer.length !== size) throw new Error(`${step}: ${answer.length} bytes, not ${size}`);
    expectDigestHeader(answer, digest, isManifest, step);
    if (method === 'HEAD') return 0;
    if (`sha256:${found}` !== digest) throw new Error(`${step}: bytes of sha256:${found}`);
    return size;
  };
}

/** Asks for a blob that is not there, as clients do before an upload. */
export async function expectAbsent(client: Client, path: string): Promise<void> {
  const head = `HEAD ${path} HTTP/1.1\r\n${client.lines}\r\n`;
  const answer = await client.connection.exchange({ head, bodiless: true });
  expectStatus(answer, 404, `HEAD ${path}`);
}

/** The upload's address out of a `Location` header, as path and query. */
function locationOf(client: Client, answer: Answer, step: string): string {
  const location = headerOf(answer, 'location');
  if (location === undefined) throw new Error(`${step}: no Location`);
  const url = new URL(location, client.url);
  return url.pathname + url.search;
}

async function startUpload(client: Client, repository: string): Promise<string> {
  const path = `/v2/${repository}/blobs/uploads/`;
  const answer = await client.connection.exchange({
    head: `POST ${path} HTTP/1.1\r\n${client.lines}Content-Length: 0\r\n\r\n`,
  });
  expectStatus(answer, 202, `POST ${path}`);
  return locationOf(client, answer, `POST ${path}`);
}

async function finishUpload(
  client: Client,
  location: string,
  digest: string,
  body: Buffer | undefined,
): Promise<void> {
  const address = `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`;
  const answer = await client.connection.exchange({
    head:
      `PUT ${address} HTTP/1.1\r\n${client.lines}` +
      `Content-Type: application/octet-stream\r\nContent-Length: ${body?.length ?? 0}\r\n\r\n`,
    body,
  });
  expectStatus(answer, 201, 'PUT of a blob');
  expectDigestHeader(answer, digest, false, 'PUT of a blob');
}

/** Uploads a blob with POST and PUT. */
export async function pushBlob(
  client: Client,
  repository: string,
  body: Buffer,
  digest = `sha256:${hash('sha256', body, 'hex')}`,
): Promise<Content> {
  await finishUpload(client, await startUpload(client, repository), digest, body);
  return { path: `/v2/${repository}/blobs/${digest}`, digest, size: body.length };
}

/** A blob that is made while it is sent. */
export interface BlobStream {
  readonly size: number;
  /** Sends exactly `size` bytes. */
  readonly feed: Feed;
  /** Digest of what was sent; asked for after the last byte. */
  digest(): string;
}

/** Uploads a blob with POST, one streamed PATCH and PUT, so that it never lies in memory here. */
export async function pushStream(
  client: Client,
  repository: string,
  stream: BlobStream,
): Promise<Content> {
  const location = await startUpload(client, repository);
  const answer = await client.connection.exchange({
    head:
      `PATCH ${location} HTTP/1.1\r\n${client.lines}` +
      `Content-Type: application/octet-stream\r\nContent-Length: ${stream.size}\r\n\r\n`,
    body: stream.feed,
  });
  expectStatus(answer, 202, 'PATCH of an upload');
  const digest = stream.digest();
  const next = locationOf(client, answer, 'PATCH of an upload');
  await finishUpload(client, next, digest, undefined);
  return { path: `/v2/${repository}/blobs/${digest}`, digest, size: stream.size };
}

/** Uploads a blob with one POST, from a file or whatever else sends its bytes. */
export async function postBlob(
  client: Client,
  repository: string,
  { digest, size, feed }: { readonly digest: string; readonly size: number; readonly feed: Feed },
): Promise<void> {
  const path = `/v2/${repository}/blobs/uploads/?digest=${digest}`;
  const answer = await client.connection.exchange({
    head: `POST ${path} HTTP/1.1\r\n${client.lines}Content-Length: ${size}\r\n\r\n`,
    body: feed,
  });
  expectStatus(answer, 201, 'POST of a blob');
}

/** Uploads a manifest under a tag. */
export async function pushManifest(
  client: Client,
  repository: string,
  tag: string,
  manifest: Buffer,
): Promise<Content> {
  const path = `/v2/${repository}/manifests/${tag}`;
  const answer = await client.connection.exchange({
    head:
      `PUT ${path} HTTP/1.1\r\n${client.lines}` +
      `Content-Type: ${MANIFEST_TYPE}\r\nContent-Length: ${manifest.length}\r\n\r\n`,
    body: manifest,
  });
  const digest = `sha256:${hash('sha256', manifest, 'hex')}`;
  expectStatus(answer, 201, `PUT ${path}`);
  expectDigestHeader(answer, digest, true, `PUT ${path}`);
  return { path, digest, size: manifest.length };
}
