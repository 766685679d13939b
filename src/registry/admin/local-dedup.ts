/** What became of layers, as {@link Operations} shows it. */

import type { UndoReport as LayerUndo } from '../../dedup/intact/undo.ts';
import type { LayerStore } from '../../dedup/layer-store.ts';
import type { Store } from '../../storage/store.ts';
import { jobFields, progressOf } from './job-fields.ts';
import type { DedupReport, Operations, UndoReport } from './operations.ts';

const POLICIES = new Map([
  [true, 'dedup'],
  [false, 'off'],
  [undefined, 'mixed'],
] as const);

/** Makes the figures of a moment. */
export function dedupReport(store: Store, layers: LayerStore): DedupReport {
  const { contents, bytes, recipeContents, recipeBytes } = store.totals();
  const { totals, segments, ingested, restored, damaged, ...now } = layers.figures();
  const { bases, structure, gaps, patches, index, trees } = totals;
  const intactBytes = bytes - recipeBytes;
  const storedBytes = intactBytes + segments.live + segments.dead;
  return {
    policy: POLICIES.get(layers.policy.everywhere)!,
    state: now.isShort ? 'paused' : now.isWorking ? 'working' : 'idle',
    logicalBytes: bytes,
    intactBytes,
    stored: {
      baseBytes: bases,
      patchBytes: patches,
      gapBytes: gaps,
      structureBytes: structure,
      indexBytes: index,
      treeBytes: trees,
      overheadBytes: segments.live - bases - patches - gaps - structure - index - trees,
      wasteBytes: segments.dead,
    },
    files: { entries: totals.files, keys: totals.fileKeys, keyBytes: totals.fileKeyBytes },
    ratio: storedBytes === 0 ? null : bytes / storedBytes,
    layers: {
      intact: contents - recipeContents - totals.copies,
      both: totals.copies,
      recipeOnly: recipeContents,
      queued: totals.queued,
      retrying: now.resting,
      refused: {
        format: totals['refused format'],
        zstd: totals['refused zstd'],
        broken: totals['refused broken'],
        structure: totals['refused structure'],
        notWorthIt: totals['refused not-worth-it'],
        notExact: totals['refused not-exact'],
      },
    },
    ingested,
    restored: { ...restored, damaged },
  };
}

function toUndo(report: LayerUndo, now: number): UndoReport {
  const { bytes, totalBytes, layers } = report;
  return {
    ...jobFields(report),
    progress: progressOf({ unit: 'bytes', done: bytes, total: totalBytes, report, now }),
    restoredLayers: layers,
    restoredBytes: bytes,
  };
}

/** The operations on layers. */
export function localDedup(store: Store, layers: LayerStore): Operations['dedup'] {
  const { clock, logger } = store.context;
  const current = (): UndoReport | null => {
    const report = layers.undo.report();
    return report === undefined ? null : toUndo(report, clock());
  };
  return {
    report: async () => dedupReport(store, layers),
    undo: {
      async start() {
        layers.undo.run().catch((error: unknown) => {
          logger.error({ err: error }, 'undo could not be started');
        });
        return current()!;
      },
      report: async () => current(),
    },
  };
}
