/** A first look at a layer: what cannot be taken apart is told by its first bytes. */
import { SNIFF_SIZE, sniffFormat } from '../../codec/sniff.ts';
import { LayerRefusedError } from '../errors.ts';
import type { CuttableFormat } from '../section/layer-cutter.ts';
import type { LayerSource } from './ingest.ts';

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
  const format = sniffFormat(head);
  if (format === 'zstd') throw new LayerRefusedError('zstd');
  if (format === 'unknown') throw new LayerRefusedError('format');
  return format;
}
