/** Reads the small forms that are posted to the token service, with a limit on size and on time. */
import type { IncomingMessage } from 'node:http';
import { OciError } from '../../oci/errors.ts';

/** How much a client may send and how long it may take. */
export interface FormLimits {
  /** Bytes. */
  readonly maxBytes: number;
  /** Milliseconds for the whole body. */
  readonly timeout: number;
}

const FORM = 'application/x-www-form-urlencoded';

function tooLarge(maxBytes: number): OciError {
  return new OciError('SIZE_INVALID', {
    status: 413,
    message: `the form is larger than ${maxBytes} bytes`,
  });
}

function readBody(req: IncomingMessage, limits: FormLimits): Promise<Buffer> {
  const { maxBytes, timeout } = limits;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (error: OciError | undefined): void => {
      clearTimeout(timer);
      req.off('data', onData).off('end', onEnd).off('close', onCut).off('error', onCut);
      // Without a listener an error of the socket would end the process.
      req.on('error', () => undefined);
      if (error === undefined) {
        resolve(Buffer.concat(chunks));
      } else {
        req.pause();
        reject(error);
      }
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > maxBytes) settle(tooLarge(maxBytes));
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle(undefined);
    const onCut = (): void => {
      settle(new OciError('UNSUPPORTED', { status: 400, message: 'the form was cut short' }));
    };
    const timer = setTimeout(() => {
      settle(new OciError('UNSUPPORTED', { status: 408, message: 'the form took too long' }));
    }, timeout);
    req.on('data', onData).on('end', onEnd).on('close', onCut).on('error', onCut);
  });
}

/**
 * Reads a form (`application/x-www-form-urlencoded`).
 * @throws OciError 400 when the body ends early, 408 when it takes too long, 413 when it is too large,
 *   415 when it is no form; after any of them the connection cannot be used again
 */
export async function readForm(req: IncomingMessage, limits: FormLimits): Promise<URLSearchParams> {
  const [type = ''] = (req.headers['content-type'] ?? FORM).split(';', 1);
  if (type.trim().toLowerCase() !== FORM) {
    throw new OciError('UNSUPPORTED', { status: 415, message: 'the body has to be a form' });
  }
  if (Number(req.headers['content-length'] ?? 0) > limits.maxBytes) throw tooLarge(limits.maxBytes);
  const body = await readBody(req, limits);
  return new URLSearchParams(body.toString('utf8'));
}
