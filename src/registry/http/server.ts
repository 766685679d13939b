/** Listens: HTTP or TLS, limits and time-outs, certificates renewed while running, orderly stops. */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { ErrorCode } from '../../oci/errors.ts';
import { OciError } from '../../oci/errors.ts';
import { type WatchedFile, watchFile } from '../auth/watched-file.ts';
import type { ListenAddress } from '../config/address.ts';
import type { HttpConfig } from '../config/config.ts';
import type { Logger } from '../observe/logger.ts';
import type { ClientAddresses } from './client-address.ts';
import type { Dispatch } from './dispatch.ts';

/** Bytes of all headers of a request; tokens may take 16 KiB. */
const MAX_HEADER_BYTES = 32 * 1024;
/** Milliseconds between two looks at the certificate files. */
const CERTIFICATE_POLL = 2000;
/** Milliseconds that transfers may take to finish after the server was told to stop. */
const STOP_PATIENCE = 10 * 60_000;

/** What a listener is made from. */
export interface ListenerOptions {
  readonly listen: ListenAddress;
  readonly config: HttpConfig;
  readonly dispatch: Dispatch;
  readonly clients: ClientAddresses;
  readonly logger: Logger;
}

/** A server that listens. */
export interface Listener {
  /** `http://127.0.0.1:5000`, with the port that was given. */
  readonly url: string;
  /** Takes no new connections, lets running requests finish, closes idle connections. */
  close(): Promise<void>;
}

/** What clients are told of requests that the parser gave up on. */
const BROKEN: Readonly<Record<string, readonly [status: number, phrase: string, code: ErrorCode]>> =
  {
    HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'NAME_INVALID'],
    ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'UNSUPPORTED'],
    // The connection ended before the body had its declared length.
    HPE_INVALID_EOF_STATE: [400, 'Bad Request', 'SIZE_INVALID'],
  };

/** Whether a part of an answer has gone out already; node keeps the answer with its connection. */
function isAnswering(socket: Socket & { readonly _httpMessage?: ServerResponse | null }): boolean {
  return socket._httpMessage?.headersSent === true;
}

/** Milliseconds for a client to read the answer before the connection is cut. */
const LAST_WORDS = 1000;
/** Pieces that a client may go on to send meanwhile. */
const MAX_LATE_PIECES = 64;
/** How many pieces came on each connection after its answer. */
const answered = new WeakMap<Socket, number>();

/** Answers what never became a whole request, in the form that clients can read. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  // What a client goes on to send comes as further errors.
  const late = answered.get(socket);
  if (late !== undefined) {
    answered.set(socket, late + 1);
    if (late >= MAX_LATE_PIECES) socket.destroy();
    return;
  }
  answered.set(socket, 0);
  // In the middle of an answer, the text of another one would pass for bytes of the first.
  if (!socket.writable || error.code === 'ECONNRESET' || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const [status, phrase, code] = BROKEN[error.code ?? ''] ?? [400, 'Bad Request', 'UNSUPPORTED'];
  const body = new OciError(code, { status, message: phrase }).toJson();
  socket.end(
    `HTTP/1.1 ${status} ${phrase}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  setTimeout(() => socket.destroy(), LAST_WORDS).unref();
}

/**
 * A client that holds its body back is asked for it when somebody begins to read it, so that a refusal
 * spares it the upload (RFC 9110, 10.1.1). Node closes the connection after a refusal: whether the
 * body still comes cannot be known.
 */
function deferContinue(req: IncomingMessage, res: ServerResponse): void {
  req.once('resume', () => {
    // The rest of a refused body is read too, and dropped.
    if (!res.headersSent) res.writeContinue();
  });
}

/** Limits the connections of each client address; a trusted proxy stands for many clients. */
function limitConnections(
  server: Server,
  { maxConnectionsPerClient }: HttpConfig,
  { isTrusted }: ClientAddresses,
): void {
  if (maxConnectionsPerClient === Number.POSITIVE_INFINITY) return;
  const open = new Map<string, number>();
  server.on('connection', (socket) => {
    const address = socket.remoteAddress ?? '';
    if (isTrusted(address)) return;
    const count = (open.get(address) ?? 0) + 1;
    if (count > maxConnectionsPerClient) {
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once('close', () => {
      const left = open.get(address)! - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}

/** A file that is being written anew may be seen empty, and TLS would then serve without certificate. */
function requirePem(text: string): string {
  if (text.includes('-----BEGIN ')) return text;
  throw new Error('the file holds nothing in PEM format');
}

interface Certificates {
  readonly cert: WatchedFile<string>;
  readonly key: WatchedFile<string>;
}

/** Reads the certificate and its key, and gives new ones to the server when the files change. */
async function watchCertificates(
  { cert, key }: { readonly cert: string; readonly key: string },
  logger: Logger,
  use: (pair: { readonly cert: string; readonly key: string }) => void,
): Promise<Certificates> {
  let files: Certificates | undefined;
  const renew = (): void => {
    if (files === undefined) return;
    const pair = { cert: files.cert.value, key: files.key.value };
    try {
      // The two files are replaced one after the other; a pair that does not fit is passed over.
      createSecureContext(pair);
      use(pair);
      logger.info({}, 'certificate in use');
    } catch (error) {
      logger.warn({ err: error }, 'certificate and key do not fit; the old pair stays in use');
    }
  };
  const watch = (path: string): Promise<WatchedFile<string>> =>
    watchFile({
      path,
      parse: requirePem,
      onChange: renew,
      logger,
      pollInterval: CERTIFICATE_POLL,
    });
  files = { cert: await watch(cert), key: await watch(key) };
  return files;
}

/** Starts to listen. @throws when the address or the certificates cannot be used */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { config, dispatch, clients, logger } = options;
  const { tls, timeouts } = config;
  const common = {
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: timeouts.idle,
    headersTimeout: timeouts.headers,
    // A large blob may take hours; what counts is that bytes keep coming.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(1000, timeouts.headers),
    noDelay: true,
  };
  let server: Server | HttpsServer;
  let certificates: Certificates | undefined;
  if (tls === undefined) server = createHttpServer(common, dispatch);
  else {
    let secure: HttpsServer | undefined;
    certificates = await watchCertificates(tls, logger, (pair) => secure?.setSecureContext(pair));
    const pair = { cert: certificates.cert.value, key: certificates.key.value };
    const handshakeTimeout = timeouts.headers;
    const minVersion = 'TLSv1.2';
    secure = createHttpsServer({ ...common, ...pair, handshakeTimeout, minVersion }, dispatch);
    server = secure;
  }
  server.timeout = timeouts.body;
  if (config.maxConnections !== Number.POSITIVE_INFINITY) {
    server.maxConnections = config.maxConnections;
  }
  limitConnections(server, config, clients);
  server.on('clientError', answerBrokenRequest);
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    deferContinue(req, res);
    dispatch(req, res);
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.listen.host, port: options.listen.port }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => logger.error({ err: error }, 'server error'));
  const { address, port, family } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host}:${port}`,
    async close() {
      certificates?.cert.close();
      certificates?.key.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const idle = setInterval(() => server.closeIdleConnections(), 100);
      server.closeIdleConnections();
      const impatience = setTimeout(() => server.closeAllConnections(), STOP_PATIENCE);
      await closed;
      clearInterval(idle);
      clearTimeout(impatience);
    },
  };
}
