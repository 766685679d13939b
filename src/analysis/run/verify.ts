/** Checks that a layer was what its source calls it. */
import { algorithmOf, type Digest, finishDigest, startDigest } from '../../oci/digest.ts';
import type { LayerRemark, LayerScan } from '../scan/types.ts';
import type { SourceLayer } from '../sources/types.ts';
import { WrongBytesError } from './errors.ts';

/** Bytes on their way, and their digest where the scan does not compute the right one. */
export interface Watched {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Of all bytes, once they were read to the end; undefined when SHA-256 will do. */
  digest(): Digest | undefined;
}

/**
 * Gives the memory of a piece back, if nothing else lies in it. Left to the garbage collector, what a run
 * reads makes V8 collect all of its heap every 30 MB, which took a twelfth of the CPU time of a scan.
 */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/**
 * Watches the bytes of a layer. A piece is gone once the next one is asked for.
 * @param seen - told of the length of each piece
 */
export function watch(
  layer: SourceLayer,
  bytes: AsyncIterable<Uint8Array>,
  seen: (length: number) => void,
): Watched {
  const algorithm = layer.digest === undefined ? 'sha256' : algorithmOf(layer.digest);
  const running = algorithm === 'sha256' ? undefined : startDigest(algorithm);
  async function* pass(): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      running?.update(piece);
      seen(piece.length);
      yield piece;
      release(piece);
    }
  }
  return {
    bytes: pass(),
    digest: () => (running === undefined ? undefined : finishDigest(algorithm, running)),
  };
}

/**
 * Compares the digest. That an image's configuration names another DiffID is no reason not to count the
 * layer: it is told as a remark.
 * @returns the scan with what is to be told
 * @throws WrongBytesError
 */
export function verify(layer: SourceLayer, scan: LayerScan, other: Digest | undefined): LayerScan {
  const digest = other ?? scan.digest;
  if (layer.digest !== undefined && layer.digest !== digest) {
    throw new WrongBytesError(`the bytes have the digest ${digest}, not ${layer.digest}`);
  }
  if (layer.diffId === undefined || layer.diffId === scan.diffId) return scan;
  const remark: LayerRemark = {
    code: 'diff-id-differs',
    message: `the configuration says ${layer.diffId}, and it is ${scan.diffId}`,
    count: 1,
  };
  return { ...scan, remarks: [...scan.remarks, remark] };
}
