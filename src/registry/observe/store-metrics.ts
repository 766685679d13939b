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

/** A figure that is told apart by one label. */
interface LabelledFigure extends Omit<Figure, 'read'> {
  readonly label: string;
  readonly read: (figures: StoreFigures) => Readonly<Record<string, number>>;
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
  {
    name: 'blob_intact_bytes',
    help: 'Bytes of blobs and manifests that lie there as they were pushed.',
    read: (s) => s.dedup.intactBytes,
  },
  {
    name: 'file_entries',
    help: 'Entries in the trees of layers.',
    read: (s) => s.dedup.files.entries,
  },
  {
    name: 'file_index_keys',
    help: 'Keys by which files are found.',
    read: (s) => s.dedup.files.keys,
  },
  {
    name: 'file_index_bytes',
    help: 'Bytes of these keys and their values in the metadata store.',
    read: (s) => s.dedup.files.keyBytes,
  },
];

const LABELLED: readonly LabelledFigure[] = [
  {
    name: 'dedup_stored_bytes',
    help: 'Bytes that stand for layers that are taken apart, by what they are for.',
    label: 'kind',
    read({ dedup: { stored } }) {
      return {
        base: stored.baseBytes,
        patch: stored.patchBytes,
        gap: stored.gapBytes,
        structure: stored.structureBytes,
        index: stored.indexBytes,
        tree: stored.treeBytes,
        overhead: stored.overheadBytes,
        waste: stored.wasteBytes,
      };
    },
  },
  {
    name: 'dedup_layers',
    help: 'Blobs by how they are kept; queued ones are among those that are intact.',
    label: 'state',
    read({ dedup: { layers } }) {
      const { intact, both, recipeOnly, queued, retrying } = layers;
      return { intact, both, recipe: recipeOnly, queued, retrying };
    },
  },
  {
    name: 'dedup_refused_layers',
    help: 'Layers that are kept as they were pushed, by the reason.',
    label: 'reason',
    read({ dedup: { layers } }) {
      const { notWorthIt, notExact, ...others } = layers.refused;
      return { ...others, not_worth_it: notWorthIt, not_exact: notExact };
    },
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
  {
    name: 'dedup_ingested_layers_total',
    help: 'Layers that were taken apart.',
    read: (s) => s.dedup.ingested.layers,
  },
  {
    name: 'dedup_ingested_bytes_total',
    help: 'Bytes of the layers that were taken apart.',
    read: (s) => s.dedup.ingested.bytes,
  },
  {
    name: 'dedup_ingest_seconds_total',
    help: 'Time that taking layers apart took, those side by side added up.',
    read: (s) => s.dedup.ingested.seconds,
  },
  {
    name: 'dedup_restored_layers_total',
    help: 'Layers and stretches of layers that were restored.',
    read: (s) => s.dedup.restored.layers,
  },
  {
    name: 'dedup_restored_bytes_total',
    help: 'Bytes that were restored.',
    read: (s) => s.dedup.restored.bytes,
  },
  {
    name: 'dedup_restore_seconds_total',
    help: 'Time that restoring took, without that of clients; those side by side added up.',
    read: (s) => s.dedup.restored.seconds,
  },
  {
    name: 'dedup_restores_damaged_total',
    help: 'Restores that were broken off because the layer was damaged.',
    read: (s) => s.dedup.restored.damaged,
  },
  {
    name: 'dedup_restores_joined_total',
    help: 'Times that a client joined the restore of another one.',
    read: (s) => s.dedup.restored.joined,
  },
  {
    name: 'dedup_restores_behind_total',
    help: 'Times that a client fell behind the restore that it shared.',
    read: (s) => s.dedup.restored.behind,
  },
  {
    name: 'dedup_cached_bytes_total',
    help: 'Bytes of layers that were given from memory, without a restore.',
    read: (s) => s.dedup.restored.cachedBytes,
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
  const labelled = LABELLED.map(({ name, help, label, read }) => ({
    metric: new Gauge({ name: `stowage_${name}`, help, labelNames: [label], registers }),
    label,
    read,
  }));
  return (figures) => {
    for (const { metric, label, read } of labelled) {
      for (const [value, amount] of Object.entries(read(figures))) {
        metric.set({ [label]: value }, amount);
      }
    }
    for (const { metric, read } of gauges) metric.set(read(figures));
    for (const { metric, read } of counters) {
      metric.reset();
      metric.inc(read(figures));
    }
  };
}
