/** `/v2/<name>/blobs/<digest>` (end-2, end-10). */
import { LayerUnknownError } from '../../dedup/errors.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { type ByteRange, parseRange } from '../../oci/range.ts';
import { deleteBlob, findBlob } from '../../storage/blobs.ts';
import {
  type Content,
  contentInMemory,
  DAMAGE,
  findContent,
  openContent,
  quarantine,
  sameContent,
  unreadable,
} from '../../storage/content.ts';
import type { ContentRecord } from '../../storage/metadata/records.ts';
import { createBufferPool } from './buffer-pool.ts';
import { COMMON_HEADERS, type Exchange, type HeaderList } from './exchange.ts';
import { isKnownToClient } from './manifest-handlers.ts';
import { require, requireDelete } from './permission.ts';
import { type FileTransfer, sendFile } from './send-file.ts';
import { ClientGoneError, sendLayer } from './send-layer.ts';
import { requireName } from './target.ts';
import { damageOfFile, digestCheck, isIntact } from './verification.ts';

const pool = createBufferPool();

const blobUnknown = (digest: string): OciError =>
  new OciError('BLOB_UNKNOWN', { detail: { digest } });

function requireDigest(exchange: Exchange): Digest {
  const { reference } = exchange.target;
  if (!isDigest(reference)) throw new OciError('DIGEST_INVALID', { message: 'invalid digest' });
  return reference;
}

/** Headers that depend on the content alone. */
const headersOf = new WeakMap<ContentRecord, HeaderList>();

function blobHeaders({ digest, record }: Content): HeaderList {
  const known = headersOf.get(record);
  if (known !== undefined) return known;
  const headers = [
    'Content-Type',
    'application/octet-stream',
    'Docker-Content-Digest',
    digest,
    'ETag',
    `"${digest}"`,
    'Accept-Ranges',
    'bytes',
    // The bytes of a digest never change; who may have them can.
    'Cache-Control',
    'private, max-age=31536000',
    ...COMMON_HEADERS,
  ];
  headersOf.set(record, headers);
  return headers;
}

/** The range that is wanted, undefined for all of the blob. */
function wantedRange(exchange: Exchange, content: Content): ByteRange | undefined {
  const header = exchange.req.headers.range;
  if (header === undefined || exchange.isHead) return undefined;
  const ifRange = exchange.header('if-range');
  if (ifRange !== undefined && ifRange !== `"${content.digest}"`) return undefined;
  const range = parseRange(header, content.size);
  if (range !== 'unsatisfiable') return range;
  throw new OciError('UNSUPPORTED', {
    status: 416,
    message: 'the range lies outside of the blob',
    headers: { 'Content-Range': `bytes */${content.size}` },
  });
}

/** GET and HEAD. */
export function getBlob(exchange: Exchange): void | Promise<void> {
  const repository = requireName(exchange.target);
  const digest = requireDigest(exchange);
  require(exchange, 'pull', repository, () => blobUnknown(digest));
  const { context } = exchange.app.store;
  const content = findBlob(context, repository, digest);
  if (content === undefined) throw blobUnknown(digest);
  if (isKnownToClient(exchange, digest)) {
    exchange.send(304, ['ETag', `"${digest}"`, ...COMMON_HEADERS]);
    return;
  }
  const range = wantedRange(exchange, content);
  const length = range === undefined ? content.size : range.end - range.start + 1;
  const headers = ['Content-Length', String(length), ...blobHeaders(content)];
  if (range !== undefined) {
    headers.push('Content-Range', `bytes ${range.start}-${range.end}/${content.size}`);
  }
  const status = range === undefined ? 200 : 206;
  if (exchange.isHead) {
    exchange.send(status, headers);
    return;
  }
  return sendBytes(exchange, { content, status, headers, start: range?.start ?? 0, length });
}

interface BlobAnswer {
  readonly content: Content;
  readonly status: number;
  readonly headers: HeaderList;
  readonly start: number;
  readonly length: number;
}

/** Sends bytes from where they lie. */
function sendBytes(exchange: Exchange, answer: BlobAnswer): void | Promise<void> {
  const { content, status, headers, start, length } = answer;
  const ready = contentInMemory(exchange.app.store.context, content);
  if (ready === undefined) {
    return content.record.recipe === true
      ? sendRestored(exchange, answer)
      : sendFromFile(exchange, answer);
  }
  if (exchange.app.config.verifyReads === 'always' && !isIntact(content, ready)) {
    return refuseDamaged(exchange, content, DAMAGE.wrongBytes);
  }
  exchange.send(status, headers, ready.subarray(start, start + length));
}

/** Looks again, because what was found has gone from there: the layer may have come to lie elsewhere. */
function sendFromElsewhere(exchange: Exchange, answer: BlobAnswer): void | Promise<void> {
  const { digest, record } = answer.content;
  const content = findContent(exchange.app.store.context, digest);
  if (content === undefined || sameContent(content.record, record)) throw blobUnknown(digest);
  return sendBytes(exchange, { ...answer, content });
}

/** Sends a layer while it is restored; every block was checked before. */
async function sendRestored(exchange: Exchange, answer: BlobAnswer): Promise<void> {
  const { app, res } = exchange;
  const { content, status, headers, start, length } = answer;
  try {
    await sendLayer({
      layers: app.layers,
      digest: content.digest,
      res,
      start,
      end: start + length,
      begin: () => void res.writeHead(status, headers as string[]),
      onBytes(bytes) {
        exchange.bytesOut += bytes;
      },
    });
    exchange.finish(status);
  } catch (error) {
    if (error instanceof ClientGoneError) {
      exchange.finish(0);
      return;
    }
    if (!(error instanceof LayerUnknownError) || res.headersSent) throw error;
    return sendFromElsewhere(exchange, answer);
  }
}

/** Takes out of service what was found damaged before any of it was sent: it counts as absent. */
async function refuseDamaged(exchange: Exchange, content: Content, reason: string): Promise<never> {
  await quarantine(exchange.app.store.context, content, reason);
  throw blobUnknown(content.digest);
}

async function sendFromFile(exchange: Exchange, answer: BlobAnswer): Promise<void> {
  const { app, res } = exchange;
  const { content, status, headers, start, length } = answer;
  const { context } = app.store;
  const reader = await openContent(context, content);
  if (reader === undefined) return sendFromElsewhere(exchange, answer);
  if (res.destroyed) {
    reader.release();
    exchange.finish(0);
    return;
  }
  let check: FileTransfer['check'];
  if (app.config.verifyReads === 'always') {
    if (length === content.size) check = digestCheck(content);
    else {
      const damage = await damageOfFile(content, reader, pool);
      if (damage !== undefined) {
        reader.release();
        return await refuseDamaged(exchange, content, damage);
      }
    }
  }
  res.writeHead(status, headers as string[]);
  sendFile({ reader, res, pool, start, length, check }, (result, bytes) => {
    exchange.bytesOut = bytes;
    exchange.finish(result === 'sent' ? status : 0);
    if (result === 'sent' || result === 'aborted') return;
    const reason =
      result === 'short'
        ? DAMAGE.shortFile
        : result === 'refused'
          ? DAMAGE.wrongBytes
          : unreadable(result);
    quarantine(context, content, reason).catch((error: unknown) => {
      app.logger.error({ err: error, digest: content.digest }, 'quarantine failed');
    });
  });
}

/** DELETE: the blob goes from this repository, at once. */
export async function removeBlob(exchange: Exchange): Promise<void> {
  const repository = requireName(exchange.target);
  const digest = requireDigest(exchange);
  requireDelete(exchange, repository, () => blobUnknown(digest));
  exchange.audit({ action: 'blob.delete', repository, digest });
  await deleteBlob(exchange.app.store.context, repository, digest);
  exchange.send(202, ['Content-Length', '0', 'Docker-Content-Digest', digest, ...COMMON_HEADERS]);
}
