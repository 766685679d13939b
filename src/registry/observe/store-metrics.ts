/** Metrics of what is stored, and of the work on it. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Status } from '../admin/operations.ts';

/** The part of the status that becomes metrics. */
export type StoreFigures = Omit<
  Status,
  'version' | 'formatVersion' | 'startedAt' | 'uptimeSeconds' | 'memory'
>;

interface Figure {
  readonly name: string;
  readonly help: string;
  readonly read: (figures: StoreFigures) => number;
}

const GAUGES: readonly Figure[] = [
  { name: 'repositories', help: 'Repositories.', read: (s) => s.repositories },
  { name: 'tags', help: 'Tags.', read: (s) => s.tags },
  { name: 'manifests', help: 'Manifests.', read: (s) => s.manifests },
  {
    name: 'blobs',
    help: 'Distinct digests that have content, manifests included.',
    read: (s) => s.blobs,
  },
  {
    name: 'blob_bytes',
    help: 'Bytes of blobs and manifests, each counted once.',
    read: (s) => s.blobBytes,
  },
  {
    name: 'blobs_quarantined',
    help: 'Damaged blobs that answer as absent until they are pushed again.',
    read: (s) => s.quarantinedBlobs,
  },
  { name: 'uploads_open', help: 'Unfinished uploads.', read: (s) => s.openUploads },
  {
    name: 'disk_free_bytes',
    help: 'Free bytes of the file system that the data directory is on.',
    read: (s) => s.space.freeBytes,
  },
  {
    name: 'disk_reserve_bytes',
    help: 'Free bytes below which pushes are refused.',
    read: (s) => s.space.reserveBytes,
  },
  {
    name: 'pushes_refused',
    help: '1 while pushes are refused for lack of space.',
    read: (s) => (s.space.pushesRefused ? 1 : 0),
  },
];

const COUNTERS: readonly Figure[] = [
  {
    name: 'collector_rounds_total',
    help: 'Finished rounds of the collector.',
    read: (s) => s.collection.rounds,
  },
  {
    name: 'collector_removed_blobs_total',
    help: 'Blobs that the collector removed.',
    read: (s) => s.collection.removedBlobs,
  },
  {
    name: 'collector_removed_bytes_total',
    help: 'Bytes of the blobs that the collector removed.',
    read: (s) => s.collection.removedBytes,
  },
  {
    name: 'scrub_checked_blobs_total',
    help: 'Blobs that scrub compared with their digest.',
    read: (s) => s.scrub.checkedBlobs,
  },
  {
    name: 'scrub_checked_bytes_total',
    help: 'Bytes that scrub read.',
    read: (s) => s.scrub.checkedBytes,
  },
  {
    name: 'scrub_damaged_blobs_total',
    help: 'Blobs that scrub found damaged or missing.',
    read: (s) => s.scrub.damagedBlobs,
  },
];

/**
 * Adds the metrics of the store.
 * @returns sets all of them at once, so that one scrape shows one state
 */
export function addStoreMetrics(registry: Registry): (figures: StoreFigures) => void {
  const registers = [registry];
  const gauges = GAUGES.map(({ name, help, read }) => ({
    metric: new Gauge({ name: `stowage_${name}`, help, registers }),
    read,
  }));
  const counters = COUNTERS.map(({ name, help, read }) => ({
    metric: new Counter({ name: `stowage_${name}`, help, registers }),
    read,
  }));
  return (figures) => {
    for (const { metric, read } of gauges) metric.set(read(figures));
    for (const { metric, read } of counters) {
      metric.reset();
      metric.inc(read(figures));
    }
  };
}
