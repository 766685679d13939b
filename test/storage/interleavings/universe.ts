/** The few repositories, blobs and manifests that the schedules are about. */
import { digestOf } from '../../../src/oci/digest.ts';
import { bytesOf, imageOf, indexOf, type ManifestSource, subjectOf } from '../support/content.ts';

export const REPOSITORIES = ['a', 'b'] as const;
export const TAGS = ['latest', 'v1'] as const;

/** Content up to this size lies in the metadata store. */
export const INLINE_MAX = 600;

/** A blob. */
export interface Blob {
  readonly bytes: Buffer;
  readonly digest: string;
}

/** A manifest, and what it refers to. */
export interface Manifest extends ManifestSource {
  readonly blobs: readonly Blob[];
  readonly manifests: readonly Manifest[];
}

/** Two that lie in the metadata store, two in files. */
export const BLOBS: readonly Blob[] = [100, 600, 601, 1500].map((size, i) => {
  const bytes = bytesOf(i, size);
  return { bytes, digest: digestOf(bytes) };
});

function image(picks: readonly number[], extra: object = {}): Manifest {
  const blobs = picks.map((pick) => BLOBS[pick]!);
  const source = imageOf(
    blobs.map(({ bytes }) => bytes),
    extra,
  );
  return { ...source, blobs, manifests: [] };
}

const SMALL = image([0, 2]);
const LARGE = image([1, 3], { annotations: { bulk: 'x'.repeat(400) } });
const INDEX: Manifest = { ...indexOf([SMALL, LARGE]), blobs: [], manifests: [SMALL, LARGE] };
const SIGNATURE = image([0], subjectOf(SMALL));

export const MANIFESTS: readonly Manifest[] = [SMALL, LARGE, INDEX, SIGNATURE];

/** The bytes of every digest. */
export const BYTES: ReadonlyMap<string, Buffer> = new Map(
  [...BLOBS, ...MANIFESTS].map(({ digest, bytes }) => [digest, bytes]),
);

/** Thrown by a check that failed. */
export class Violation extends Error {
  override readonly name = 'Violation';
}
