/** Reads a layer from a registry; a connection that is cut or stands still is taken up again. */
import { SourceError } from '../errors.ts';
import type { SourceLayer } from '../types.ts';
import type { RegistryClient } from './client.ts';
import { TransientError, UnreachableError } from './errors.ts';
import type { Answer } from './exchange.ts';
import { pullScope } from './names.ts';

/** Bytes that have to come within the stall time; less is as good as nothing. */
const PROGRESS = 64 * 1024;

/** First byte of what an answer to a range holds; undefined when it does not say. */
function firstByte(answer: Answer): number | undefined {
  const match = /^bytes (\d{1,15})-/.exec(answer.headers['content-range'] ?? '');
  return match === null ? undefined : Number(match[1]);
}

/**
 * Waits for the next piece, counting only the time in which the other side lets us wait: a reader
 * that takes its time does not make a connection a slow one.
 */
async function* pieces(answer: Answer, stall: number): AsyncGenerator<Buffer, void, void> {
  const { body } = answer;
  let waited = 0;
  let came = 0;
  const iterator = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const from = performance.now();
      const timer = setTimeout(
        () => body.destroy(new TransientError(`hardly anything came within ${stall} ms`)),
        Math.max(stall - waited, 1),
      );
      const next = await iterator.next().finally(() => clearTimeout(timer));
      if (next.done === true) return;
      waited += performance.now() - from;
      came += next.value.length;
      if (came >= PROGRESS) {
        came = 0;
        waited = 0;
      }
      yield next.value;
    }
  } finally {
    body.destroy();
  }
}

/**
 * The bytes of a layer from its begin.
 * @throws SourceError
 * @throws the signal's reason
 */
export async function* streamLayer(
  client: RegistryClient,
  repository: string,
  layer: SourceLayer,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const { size } = layer;
  const url = new URL(`/v2/${repository}/blobs/${layer.digest}`, client.base);
  const { attempts, stall } = client.patience;
  let position = 0;
  let failures = 0;
  /** Where the layer stood at the last failure that counted as the first. */
  let lastFailure = 0;
  for (;;) {
    signal.throwIfAborted();
    const range = position === 0 ? {} : { range: `bytes=${position}-` };
    const answer = await client.open({
      url,
      scope: pullScope(repository),
      headers: range,
      signal,
    });
    if (answer.status === 404) {
      answer.body.destroy();
      throw new SourceError(`layer ${layer.id} is not in ${repository} any more`);
    }
    const begin = answer.status === 206 ? firstByte(answer) : 0;
    if (begin === undefined || begin > position) {
      answer.body.destroy();
      throw new SourceError(`${url.host} sends another part of ${layer.id} than was asked for`);
    }
    // Who knows no ranges sends all of it again.
    let skip = position - begin;
    try {
      for await (const piece of pieces(answer, stall)) {
        const fresh = piece.subarray(Math.min(skip, piece.length));
        skip -= piece.length - fresh.length;
        if (fresh.length === 0) continue;
        position += fresh.length;
        if (size !== undefined && position > size) {
          throw new SourceError(
            `layer ${layer.id} is longer than the ${size} bytes it should have`,
          );
        }
        yield fresh;
      }
      if (size === undefined || position === size) return;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SourceError || signal.aborted) throw error;
    }
    if (position - lastFailure >= PROGRESS) failures = 0;
    lastFailure = position;
    failures++;
    if (failures >= attempts) {
      const all = size === undefined ? '' : ` of ${size}`;
      throw new UnreachableError(
        `layer ${layer.id} breaks off at byte ${position}${all} (tried ${failures} times)`,
      );
    }
  }
}
