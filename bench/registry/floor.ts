/**
 * The floor: the least that a registry on this Node can cost. A bare node:http server that knows
 * just enough of the protocol to be measured like one. Manifests and blobs up to 64 KiB answer from
 * memory, larger ones from an open file through two pooled 1 MiB buffers; a push is POST and PUT
 * with SHA-256, the writes and one fdatasync. Nothing is checked beyond the digest, nothing survives
 * a restart, there is no other method.
 *
 * Run as `node floor.ts FOLDER [CERTIFICATE KEY]`; prints its URL on the first line.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type StoredFile, sendFile } from './floor/files.ts';
import { type Received, receiveFile } from './floor/upload.ts';

const MEMORY_BYTES = 64 * 1024;

interface Entry {
  /** Names and values in turn, as writeHead takes them without a further object. */
  readonly headers: string[];
  readonly source: Buffer | StoredFile;
}

const [folder, certificate, key] = process.argv.slice(2);
/** What is served, by the path of its URL. */
const entries = new Map<string, Entry>();
let uploads = 0;

function makeEntry(path: string, type: string, { digest, size, tail }: Received): Entry {
  const length = String(size);
  return {
    headers: ['Content-Type', type, 'Content-Length', length, 'Docker-Content-Digest', digest],
    source: size <= MEMORY_BYTES ? Buffer.concat(tail) : { path, size },
  };
}

function answer(response: ServerResponse, status: number, headers: string[]): void {
  response.writeHead(status, headers);
  response.end();
}

/** PUT of a blob (`?digest=`) or of a manifest (to its tag). */
function take(request: IncomingMessage, response: ServerResponse): void {
  const url = request.url!;
  const file = join(folder!, String(uploads++));
  receiveFile(request, file, (error, received) => {
    if (error) return answer(response, 500, ['Content-Length', '0']);
    const { digest } = received!;
    const query = url.indexOf('?digest=');
    if (query >= 0 && url.slice(query + 8) !== digest) {
      return answer(response, 400, ['Content-Length', '0']);
    }
    const kind = query >= 0 ? '/blobs/' : '/manifests/';
    const entry = makeEntry(file, request.headers['content-type'] ?? '', received!);
    entries.set(url.slice(0, url.indexOf(kind)) + kind + digest, entry);
    if (query < 0) entries.set(url, entry);
    answer(response, 201, ['Content-Length', '0', 'Docker-Content-Digest', digest]);
  });
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'POST') {
    const location = `${request.url}${uploads++}`;
    answer(response, 202, ['Content-Length', '0', 'Location', location]);
    return;
  }
  if (request.method === 'PUT') {
    take(request, response);
    return;
  }
  const entry = entries.get(request.url!);
  if (entry === undefined) {
    answer(response, 404, ['Content-Length', '0']);
    return;
  }
  const { headers, source } = entry;
  response.writeHead(200, headers);
  if (request.method === 'HEAD') response.end();
  else if (Buffer.isBuffer(source)) response.end(source);
  else sendFile(source, response);
}

const server =
  certificate === undefined
    ? createServer(serve)
    : createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key!) }, serve);
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}\n`);
});
