/** A first look at a layer, because most of what is no gzip file can be told by its first bytes. */
import { SNIFF_SIZE, sniffFormat } from '../../codec/sniff.ts';
import { LayerRefusedError, type RefusalReason } from '../errors.ts';
import type { LayerSource } from './ingest.ts';

/** Bytes by which a gzip file can be told. */
const ENOUGH = 2;

/**
 * Why a layer is kept as it is, as far as its first bytes tell; undefined when it may be taken apart.
 * @param head - its first bytes, two at least if there are as many
 */
export function refusalBy(head: Uint8Array): RefusalReason | undefined {
  return sniffFormat(head) === 'gzip' ? undefined : 'format';
}

/**
 * Makes sure that a layer begins as a gzip file does.
 * @throws LayerRefusedError `format`, what the source throws
 */
export async function requireGzip(source: LayerSource, signal: AbortSignal): Promise<void> {
  let head = Buffer.alloc(0);
  for await (const chunk of source(signal)) {
    head = Buffer.concat([head, chunk.subarray(0, SNIFF_SIZE)]);
    if (head.length >= ENOUGH) break;
  }
  const reason = refusalBy(head);
  if (reason !== undefined) throw new LayerRefusedError(reason);
}
