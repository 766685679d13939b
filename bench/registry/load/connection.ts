/**
 * One keep-alive HTTP/1.1 connection, as cheap as it can be: the load generator shares the machine
 * with the server, and only what it needs of RFC 9112 is here. No pipelining; answers must carry a
 * Content-Length.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const READ_BUFFER_BYTES = 256 * 1024;
const MAX_HEAD_BYTES = 64 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');

/** Where a server listens. */
export interface Endpoint {
  /** Base URL, `http:` or `https:`. */
  readonly url: string;
  /** PEM of the authority that signed the server's certificate. */
  readonly ca?: string | undefined;
}

/** The head of an answer. */
export interface Answer {
  readonly status: number;
  /** Status line and headers as received. */
  readonly head: string;
  /** The same in lower case, for finding header names. */
  readonly lower: string;
  /** Value of Content-Length; 0 when the header is absent. */
  readonly length: number;
  /** The body of an error, as text. */
  error: string;
}

/** Sends parts of a request body; each call resolves when more may be sent. */
export type Feed = (write: (part: Buffer) => Promise<void>) => Promise<void>;

/** One request and what to do with its answer. */
export interface Exchange {
  /** Request line and headers, blank line included. */
  readonly head: string;
  readonly body?: Buffer | Feed | undefined;
  /** True for HEAD: the answer has a Content-Length but no body. */
  readonly bodiless?: boolean;
  /** Takes parts of the body of an answer that is no error; the bytes are valid during the call only. */
  readonly onBody?: ((part: Buffer) => void) | undefined;
}

/** A connection to one server. */
export interface Connection {
  /** @throws Error when the connection breaks or the answer cannot be parsed */
  exchange(exchange: Exchange): Promise<Answer>;
  close(): void;
}

/** Value of a header of an answer, or undefined. @param name - in lower case */
export function headerOf(answer: Answer, name: string): string | undefined {
  const start = answer.lower.indexOf(`\r\n${name}:`);
  if (start < 0) return undefined;
  const from = start + name.length + 3;
  const end = answer.head.indexOf('\r\n', from);
  return answer.head.slice(from, end < 0 ? undefined : end).trim();
}

function parseHead(head: string): Answer {
  const lower = head.toLowerCase();
  const answer = { status: Number(head.slice(9, 12)), head, lower, length: 0, error: '' };
  if (lower.includes('\r\ntransfer-encoding:')) {
    throw new Error(`an answer without Content-Length cannot be read here: ${head}`);
  }
  answer.length = Number(headerOf(answer, 'content-length') ?? 0);
  return answer;
}

interface Pending {
  readonly exchange: Exchange;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  answer: Answer | undefined;
  /** Bytes of the answer's body still to come. */
  remaining: number;
}

/** Opens a connection. @throws Error when the server refuses it or its certificate is not trusted */
export function connect(endpoint: Endpoint): Promise<Connection> {
  const { protocol, hostname, port } = new URL(endpoint.url);
  let pending: Pending | undefined;
  /** Start of an answer's head that came in several parts. */
  let partial: Buffer | undefined;

  const fail = (error: Error): void => {
    pending?.reject(error);
    pending = undefined;
  };

  const finish = (): void => {
    const done = pending!;
    pending = undefined;
    done.resolve(done.answer!);
  };

  /** Takes the head off the front of `part`; gives what follows, or undefined when it goes on. */
  const takeHead = (part: Buffer, current: Pending): Buffer | undefined => {
    const bytes = partial === undefined ? part : Buffer.concat([partial, part]);
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) {
      if (bytes.length > MAX_HEAD_BYTES) throw new Error('the head of an answer is too long');
      partial = Buffer.from(bytes);
      return undefined;
    }
    partial = undefined;
    current.answer = parseHead(bytes.toString('latin1', 0, end));
    current.remaining = current.exchange.bodiless === true ? 0 : current.answer.length;
    return bytes.subarray(end + HEAD_END.length);
  };

  const receive = (part: Buffer): void => {
    const current = pending;
    if (current === undefined) throw new Error('the server sent bytes that nobody asked for');
    let body: Buffer | undefined = part;
    if (current.answer === undefined) {
      body = takeHead(part, current);
      if (body === undefined) return;
    }
    if (body.length > current.remaining) throw new Error('the server sent more than it announced');
    current.remaining -= body.length;
    if (current.answer!.status >= 400) current.answer!.error += body.toString('latin1');
    else if (body.length > 0) current.exchange.onBody?.(body);
    if (current.remaining === 0) finish();
  };

  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
    callback(bytes: number, buffer: Uint8Array): boolean {
      try {
        receive((buffer as Buffer).subarray(0, bytes));
      } catch (error) {
        fail(error as Error);
        socket.destroy();
      }
      return true;
    },
  };
  const address = { host: hostname, port: Number(port), onread };
  const socket: Socket =
    protocol === 'https:'
      ? connectTls({ ...address, ca: endpoint.ca, servername: 'localhost' })
      : connectTcp(address);
  socket.setNoDelay(true);

  const write = (part: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.write(part, (error) => (error ? reject(error) : resolve()));
    });

  const connection: Connection = {
    exchange(exchange) {
      return new Promise((resolve, reject) => {
        if (pending !== undefined) throw new Error('one exchange at a time');
        if (socket.destroyed) throw new Error('the server closed the connection');
        pending = { exchange, resolve, reject, answer: undefined, remaining: 0 };
        if (exchange.body === undefined) {
          socket.write(exchange.head, 'latin1');
        } else if (typeof exchange.body === 'function') {
          socket.write(exchange.head, 'latin1');
          exchange.body(write).catch(fail);
        } else {
          socket.cork();
          socket.write(exchange.head, 'latin1');
          socket.write(exchange.body);
          socket.uncork();
        }
      });
    },
    close: () => socket.destroy(),
  };

  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.on('close', () => fail(new Error('the connection was closed during an exchange')));
    socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      socket.removeListener('error', reject);
      socket.on('error', fail);
      resolve(connection);
    });
  });
}
