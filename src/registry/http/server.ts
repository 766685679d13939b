/** Listens: HTTP or TLS, limits and time-outs, certificates renewed while running, orderly stops. */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { type WatchedFile, watchFile } from '../auth/watched-file.ts';
import type { ListenAddress } from '../config/address.ts';
import type { HttpConfig } from '../config/config.ts';
import type { Logger } from '../observe/logger.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import { createBrokenRequestHandler } from './broken-request.ts';
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
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}

/** A server that listens. */
export interface Listener {
  /** `http://127.0.0.1:5000`, with the port that was given. */
  readonly url: string;
  /** Takes no new connections, lets running requests finish, closes idle connections. */
  close(): Promise<void>;
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
  const { config, dispatch, clients, telemetry, logger } = options;
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
  server.on('clientError', createBrokenRequestHandler({ telemetry, logger }));
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
