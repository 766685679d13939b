/** A first look at a layer: what cannot be taken apart is told by its first bytes. */
import { SNIFF_SIZE, sniffFormat } from '../../codec/sniff.ts';
import { LayerRefusedError, type RefusalReason } from '../errors.ts';
import type { CuttableFormat } from '../section/layer-cutter.ts';
import type { LayerSource } from './ingest.ts';

/**
 * What a layer is, by its first bytes, or why it is kept as it is.
 * @param head - as many as `SNIFF_SIZE` tell all; with fewer, what begins as a tar ends may be none
 */
function lookAt(head: Uint8Array): { format: CuttableFormat } | { reason: RefusalReason } {
  const format = sniffFormat(head);
  if (format === 'zstd') return { reason: 'zstd' };
  return format === 'unknown' ? { reason: 'format' } : { format };
}

/**
 * Why a layer is kept as it is; undefined when it may be taken apart, as far as its first bytes tell.
 * @param head - 512 bytes or more, or all that there are
 */
export function refusalBy(head: Uint8Array): RefusalReason | undefined {
  const seen = lookAt(head);
  return 'reason' in seen ? seen.reason : undefined;
}

/**
 * Tells what a layer is.
 * @throws LayerRefusedError `format`, `zstd`, what the source throws
 */
export async function sniffLayer(
  source: LayerSource,
  signal: AbortSignal,
): Promise<CuttableFormat> {
  let head = Buffer.alloc(0);
  for await (const chunk of source(signal)) {
    head = Buffer.concat([head, chunk.subarray(0, SNIFF_SIZE - head.length)]);
    if (head.length === SNIFF_SIZE) break;
  }
  const seen = lookAt(head);
  if ('reason' in seen) throw new LayerRefusedError(seen.reason);
  return seen.format;
}
