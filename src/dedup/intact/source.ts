/** The bytes of a layer as they were pushed, for its ingest. */
import type { Digest } from '../../oci/digest.ts';
import {
  type Content,
  contentInMemory,
  DAMAGE,
  findContent,
  openContent,
  quarantine,
  unreadable,
} from '../../storage/content.ts';
import type { StoreContext } from '../../storage/context.ts';
import { readAt } from '../../storage/target/read.ts';
import type { FileReader } from '../../storage/target/types.ts';
import type { LayerSource } from '../ingest/ingest.ts';

/** Bytes read at a time. */
const CHUNK = 256 * 1024;

/** The bytes of a layer could not be read; where that is the disk's fault they are out of service. */
export class LayerUnreadableError extends Error {
  override readonly name = 'LayerUnreadableError';
}

async function* readFile(
  store: StoreContext,
  content: Content,
  { reader, signal }: { readonly reader: FileReader; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, content.size));
  for (let position = 0; position < content.size; ) {
    signal.throwIfAborted();
    const wanted = Math.min(buffer.length, content.size - position);
    let bytes = 0;
    let damage: string | undefined;
    try {
      bytes = await readAt(reader, buffer.subarray(0, wanted), position);
      if (bytes === 0) damage = DAMAGE.shortFile;
    } catch (error) {
      damage = unreadable(error);
    }
    if (damage !== undefined) {
      await quarantine(store, content, damage);
      throw new LayerUnreadableError(damage);
    }
    yield buffer.subarray(0, bytes);
    position += bytes;
  }
}

/**
 * The bytes of a layer that is there as it was pushed. A chunk holds until the next is asked for.
 * @returns undefined when it is not
 */
export function intactSource(store: StoreContext, digest: Digest): LayerSource | undefined {
  const content = findContent(store, digest);
  if (content === undefined || content.record.recipe === true) return undefined;
  return async function* read(signal) {
    const ready = contentInMemory(store, content);
    if (ready !== undefined) {
      yield ready;
      return;
    }
    const reader = await openContent(store, content);
    if (reader === undefined) throw new LayerUnreadableError('it is gone');
    try {
      yield* readFile(store, content, { reader, signal });
    } finally {
      reader.release();
    }
  };
}
