/** A status to make metrics and answers of. */
import type { Status } from '../../../src/registry/admin/operations.ts';

/** A registry in which every figure is another one, so that none can be mistaken for its neighbour. */
export const STATUS: Status = {
  version: '1.2.3',
  formatVersion: 1,
  startedAt: '2026-01-02T03:04:05.000Z',
  uptimeSeconds: 90_061,
  repositories: 11,
  tags: 12,
  manifests: 13,
  blobs: 14,
  blobBytes: 15_000_000,
  quarantinedBlobs: 1,
  openUploads: 2,
  space: {
    totalBytes: 100_000_000_000,
    freeBytes: 40_000_000_000,
    reserveBytes: 1_073_741_824,
    pushesRefused: false,
  },
  collection: {
    rounds: 21,
    removedBlobs: 22,
    removedBytes: 23_000,
    last: {
      state: 'finished',
      startedAt: '2026-01-02T04:00:00.000Z',
      finishedAt: '2026-01-02T04:00:02.000Z',
      progress: { unit: 'blobs', done: 14, total: 14, ratePerSecond: 7, etaSeconds: 0 },
      error: null,
      dryRun: false,
      phase: 'orphans',
      removedBlobs: 3,
      removedBytes: 4096,
      removedManifests: 1,
      removedUploads: 0,
      removedRepositories: 0,
    },
  },
  scrub: { checkedBlobs: 31, checkedBytes: 32_000, damagedBlobs: 1, last: null },
  memory: { residentBytes: 80_000_000, heapUsedBytes: 20_000_000 },
};
