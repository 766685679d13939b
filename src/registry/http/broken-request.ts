/** Answers, counts and notes what never became a whole request: the parser gave up on it. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type ErrorCode, OciError } from '../../oci/errors.ts';
import { createLineLimit } from '../observe/line-limit.ts';
import type { Logger } from '../observe/logger.ts';
import type { Telemetry } from '../observe/telemetry.ts';

/** What clients are told of requests that the parser gave up on. */
const BROKEN: Readonly<Record<string, readonly [status: number, phrase: string, code: ErrorCode]>> =
  {
    HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'NAME_INVALID'],
    ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'UNSUPPORTED'],
    // The connection ended before the body had its declared length.
    HPE_INVALID_EOF_STATE: [400, 'Bad Request', 'SIZE_INVALID'],
  };

const OTHER = [400, 'Bad Request', 'UNSUPPORTED'] as const;

/** Errors of the parser; others are those of the connection, and there is nobody left to answer. */
function isParserError({ code = '' }: NodeJS.ErrnoException): boolean {
  return code.startsWith('HPE_') || code in BROKEN;
}

/** Whether a part of an answer has gone out already; node keeps the answer with its connection. */
function isAnswering(socket: Socket & { readonly _httpMessage?: ServerResponse | null }): boolean {
  return socket._httpMessage?.headersSent === true;
}

/** Milliseconds for a client to read the answer before the connection is cut. */
const LAST_WORDS = 1000;
/** Pieces that a client may go on to send meanwhile. */
const MAX_LATE_PIECES = 64;

/** Takes the error that ended a connection's last request; a listener of `clientError`. */
export type BrokenRequestHandler = (error: NodeJS.ErrnoException, socket: Socket) => void;

/** Makes the handler of one server. */
export function createBrokenRequestHandler({
  telemetry,
  logger,
}: {
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}): BrokenRequestHandler {
  const limit = createLineLimit();
  /** How many pieces came on each connection after its answer. */
  const answered = new WeakMap<Socket, number>();

  function note(status: number, error: NodeJS.ErrnoException, socket: Socket): void {
    telemetry.requestBroken(status);
    const leftOut = limit.take();
    if (leftOut === undefined) return;
    const { remoteAddress: client } = socket;
    const { code, message } = error;
    const more = leftOut > 0 ? { leftOut } : {};
    logger.warn({ client, status, code, reason: message, ...more }, 'broken request');
  }

  return (error, socket) => {
    // What a client goes on to send comes as further errors.
    const late = answered.get(socket);
    if (late !== undefined) {
      answered.set(socket, late + 1);
      if (late >= MAX_LATE_PIECES) socket.destroy();
      return;
    }
    answered.set(socket, 0);
    if (!isParserError(error)) {
      socket.destroy();
      return;
    }
    const [status, phrase, code] = BROKEN[error.code ?? ''] ?? OTHER;
    note(status, error, socket);
    // In the middle of an answer, the text of another one would pass for bytes of the first.
    if (!socket.writable || isAnswering(socket)) {
      socket.destroy();
      return;
    }
    const body = new OciError(code, { status, message: phrase }).toJson();
    socket.end(
      `HTTP/1.1 ${status} ${phrase}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    setTimeout(() => socket.destroy(), LAST_WORDS).unref();
  };
}
