/**
 * Sends the bytes of a file, or an archive, with headers that keep browsers from taking it for a page of
 * the registry (decisions 4).
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import { type ByteRange, parseRange } from '../../oci/range.ts';
import type { FileDownload, Stretch } from './file-operations.ts';

/** Milliseconds that a client may take for the bytes in front of it. */
const PATIENCE = 60_000;

/** How it ended: status 0 when the connection was cut. */
export interface SentDownload {
  readonly status: number;
  readonly bytesOut: number;
}

/** A name for Content-Disposition: plain ASCII, and in full (RFC 6266, RFC 8187). */
function disposition({ kind, name }: FileDownload): string {
  const full = `${name === '' ? 'root' : name}${kind === 'tar' ? '.tar' : ''}`;
  const plain = full.replaceAll(/[^\w.+-]/g, '_');
  const coded = encodeURIComponent(full.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${coded}`;
}

function headersOf(download: FileDownload): Record<string, string> {
  const { kind, digest } = download;
  return {
    'Content-Type': kind === 'tar' ? 'application/x-tar' : 'application/octet-stream',
    'Content-Disposition': disposition(download),
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': 'sandbox',
    // A tag may lead to another file the next time; the ETag tells.
    'Cache-Control': 'private, no-cache',
    ...(digest !== null && {
      ETag: `"${digest}"`,
      'Accept-Ranges': 'bytes',
      // RFC 9530.
      'Repr-Digest': `sha-256=:${Buffer.from(digest.slice(7), 'hex').toString('base64')}:`,
    }),
  };
}

/** The range that is wanted, undefined for everything. @throws OciError with status 416 */
function wantedRange(req: IncomingMessage, { size, digest }: FileDownload): ByteRange | undefined {
  const { range: header } = req.headers;
  if (header === undefined || size === null || req.method === 'HEAD') return undefined;
  const ifRange = req.headers['if-range'];
  if (ifRange !== undefined && ifRange !== `"${digest}"`) return undefined;
  const range = parseRange(header, size);
  if (range !== 'unsatisfiable') return range;
  throw new OciError('UNSUPPORTED', {
    status: 416,
    message: 'the range lies outside of the file',
    headers: { 'Content-Range': `bytes */${size}` },
  });
}

/** Hands bytes to the connection. @throws the signal's reason, also when the client is too slow */
async function write(res: ServerResponse, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  if (res.write(bytes)) return;
  const both = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  await once(res, 'drain', { signal: both });
}

/**
 * Sends, and closes the download. The head goes out with the first bytes: what is found wrong before is
 * an answer, what is found later cuts the connection.
 * @throws OciError and what the download throws, as long as nothing has been sent
 */
export async function sendDownload(
  req: IncomingMessage,
  res: ServerResponse,
  download: FileDownload,
): Promise<SentDownload> {
  const gone = new AbortController();
  const { signal } = gone;
  const leave = (): void => gone.abort(new Error('the client is gone'));
  res.once('close', leave);
  let bytesOut = 0;
  try {
    const headers = headersOf(download);
    const { size, digest } = download;
    if (digest !== null && req.headers['if-none-match'] === `"${digest}"`) {
      res.writeHead(304, headers).end();
      return { status: 304, bytesOut };
    }
    const range = wantedRange(req, download);
    const stretch: Stretch | undefined = range && { start: range.start, end: range.end + 1 };
    const status = range === undefined ? 200 : 206;
    if (range !== undefined) headers['Content-Range'] = `bytes ${range.start}-${range.end}/${size}`;
    if (size !== null) {
      headers['Content-Length'] = String(stretch ? stretch.end - stretch.start : size);
    }
    if (req.method !== 'HEAD') {
      for await (const bytes of download.bytes({ stretch, signal })) {
        if (!res.headersSent) res.writeHead(status, headers);
        await write(res, bytes, signal);
        bytesOut += bytes.length;
      }
    }
    if (!res.headersSent) res.writeHead(status, headers);
    res.end();
    return { status, bytesOut };
  } catch (error) {
    if (!res.headersSent && !signal.aborted) throw error;
    res.destroy();
    return { status: 0, bytesOut };
  } finally {
    res.off('close', leave);
    download.close();
  }
}
