/** What a thread that takes layers apart and its owner say to each other. */
import type { RefusalReason } from '../errors.ts';
import type { RebuildJob } from '../restore/rebuild-job.ts';
import type { CuttableFormat } from '../section/layer-cutter.ts';
import type { IngestHost, TakenApart } from './take-apart.ts';
import type { ExpectedLayer } from './verify.ts';

/** A call of the store by the thread. */
export type HostCall = {
  [Name in keyof IngestHost]: {
    readonly method: Name;
    readonly argument: Parameters<IngestHost[Name]>[0];
  };
}[keyof IngestHost];

/** What such a call returns. */
export type HostAnswer = Awaited<ReturnType<IngestHost[keyof IngestHost]>>;

/** What the thread hears. */
export type TakerMessage =
  | { readonly kind: 'begin'; readonly format: CuttableFormat }
  /** Bytes of the layer that is taken apart; none at its end. */
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array | undefined }
  | { readonly kind: 'answer'; readonly answer: HostAnswer }
  | { readonly kind: 'verify'; readonly layer: ExpectedLayer }
  /** A section of the layer that is verified; none after the last one. */
  | { readonly kind: 'section'; readonly job: RebuildJob | undefined };

/** What the thread says. */
export type ThreadMessage =
  /** One more chunk, or section, can come. */
  | { readonly kind: 'pull' }
  | { readonly kind: 'call'; readonly call: HostCall }
  /** `heap`: bytes that its heap takes now. */
  | { readonly kind: 'taken'; readonly taken: TakenApart; readonly heap: number }
  /** It has verified a layer; `problem` when it does not come back. */
  | { readonly kind: 'verified'; readonly problem: string | undefined; readonly heap: number }
  /** It has not worked; `reason` when the layer was refused. */
  | {
      readonly kind: 'failed';
      readonly reason: RefusalReason | undefined;
      readonly message: string;
    };

/** A copy that can be handed over to another thread: what bytes are a view of may belong to others. */
export function ownCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** Bytes that nobody else needs, for another thread: a copy only when they are a part of a buffer. */
export function handOver(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength;
  return isWhole ? new Uint8Array(buffer) : ownCopy(bytes);
}
