/**
 * The answers of `/api/v1/` as schemas: the OpenAPI description is made of them, and the client
 * checks what it gets. What the fields mean is said at the types in operations.ts.
 */
import { z } from 'zod';
import type {
  CollectionReport,
  DedupReport,
  DeletedItem,
  DeletionResult,
  Page,
  RepositorySummary,
  RestorationResult,
  ScrubReport,
  Status,
  TagSummary,
  UndoReport,
} from './operations.ts';

const count = (description: string) => z.int().min(0).describe(description);
const bytes = (description: string) => z.int().min(0).describe(`Bytes: ${description}`);
const time = (description: string) =>
  z.string().meta({ format: 'date-time' }).describe(`${description} ISO 8601, UTC.`);

const progress = z
  .object({
    unit: z.enum(['blobs', 'bytes']),
    done: count('Units done.'),
    total: count('Units in all; null while not known.').nullable(),
    ratePerSecond: z.number().min(0).describe('Units a second since the start.'),
    etaSeconds: z.number().min(0).nullable().describe('Seconds to go at that rate.'),
  })
  .describe('How far a job is.');

const job = {
  state: z.enum(['running', 'finished', 'failed']),
  startedAt: time('Start.'),
  finishedAt: time('End; null while it runs.').nullable(),
  progress,
  error: z.string().nullable().describe('Why it failed.'),
};

/** Schema of {@link CollectionReport}. */
export const collectionReport: z.ZodType<CollectionReport> = z
  .object({
    ...job,
    dryRun: z
      .boolean()
      .describe('True: nothing was removed, the figures say what would have been.'),
    phase: z.string().describe('Which step is being done, or was done last.'),
    removedBlobs: count('Blobs taken out of a repository.'),
    removedBytes: bytes('of those that no repository held any more.'),
    removedManifests: count('Manifests removed.'),
    removedUploads: count('Expired uploads removed.'),
    removedRepositories: count('Repositories removed that had become empty.'),
    removedRecipes: count('Recipes of layers that had gone before.'),
  })
  .describe('One round of the collector.');

/** Schema of {@link ScrubReport}. */
export const scrubReport: z.ZodType<ScrubReport> = z
  .object({
    ...job,
    checkedBlobs: count('Blobs compared with their digest.'),
    checkedBytes: bytes('read.'),
    damagedBlobs: count('Blobs found damaged or missing; they now answer as absent.'),
    quarantine: z
      .array(z.object({ digest: z.string(), reason: z.string(), at: time('When it was found.') }))
      .describe('Everything that is in quarantine now, at most 100.'),
  })
  .describe('One pass of the check of stored bytes.');

const work = {
  layers: count('Layers, or stretches of layers, since the start.'),
  bytes: bytes('of them.'),
  seconds: z.number().min(0).describe('Time that it took.'),
};

/** Schema of {@link DedupReport}. */
export const dedupReport: z.ZodType<DedupReport> = z
  .object({
    policy: z.enum(['dedup', 'off', 'mixed']).describe('What is configured.'),
    state: z
      .enum(['working', 'idle', 'paused'])
      .describe('Whether layers are to be worked on now; paused while disk space is short.'),
    logicalBytes: bytes('of all blobs and manifests, each counted once.'),
    intactBytes: bytes('of those that lie there as they were pushed.'),
    stored: z
      .object({
        baseBytes: bytes('files, each once.'),
        patchBytes: bytes('how a file was compressed differently.'),
        gapBytes: bytes('what lies between files.'),
        structureBytes: bytes('which files stand where.'),
        indexBytes: bytes('indexes and checksums of recipes.'),
        treeBytes: bytes('which files are in a layer.'),
        overheadBytes: bytes('headers of groups.'),
        wasteBytes: bytes('what waits for compaction.'),
      })
      .describe('What stands for the other bytes.'),
    files: z
      .object({
        entries: count('Entries in the trees of layers.'),
        keys: count('Keys by which they are found.'),
        keyBytes: bytes('keys and values in the metadata store.'),
      })
      .describe('What makes single files of layers known.'),
    ratio: z.number().min(0).nullable().describe('Logical bytes to stored ones; null for nothing.'),
    layers: z.object({
      intact: count('Blobs without recipe, manifests included.'),
      both: count('Blobs with a recipe that are there as they were pushed as well.'),
      recipeOnly: count('Blobs that are kept as a recipe only.'),
      queued: count('Layers that wait to be ingested.'),
      retrying: count('Those of them whose ingest has failed before.'),
      refused: z
        .object({
          format: count('Neither gzip files nor tars.'),
          zstd: count('Compressed with zstd.'),
          broken: count('Broken gzip files.'),
          structure: count('More blocks or members than is sensible.'),
          notWorthIt: count('Would take more room than now.'),
          notExact: count('Did not come back exactly.'),
        })
        .describe('Layers that are kept as they are.'),
    }),
    ingested: z.object(work),
    restored: z.object({
      ...work,
      damaged: count('Restores broken off because of damage.'),
      joined: count('Times that a client joined the restore of another one.'),
      behind: count('Times that a client fell behind the restore that it shared.'),
      cachedBytes: bytes('given from memory, without a restore.'),
    }),
  })
  .describe('What storing the files of layers once comes to.');

/** Schema of {@link UndoReport}. */
export const undoReport: z.ZodType<UndoReport> = z
  .object({
    ...job,
    restoredLayers: count('Layers that lost their recipe.'),
    restoredBytes: bytes('written.'),
  })
  .describe('Writing layers back as they were pushed.');

/** Schema of {@link Status}. */
export const status: z.ZodType<Status> = z
  .object({
    version: z.string(),
    formatVersion: count('Version of the format on disk.'),
    startedAt: time('Start of the process.'),
    uptimeSeconds: z.number().min(0),
    repositories: count('Repositories.'),
    tags: count('Tags.'),
    manifests: count('Manifests.'),
    blobs: count('Distinct digests that have content, manifests included.'),
    blobBytes: bytes('of them, each counted once.'),
    quarantinedBlobs: count(
      'Damaged blobs that answer as absent until pushed again; 10,000 for more.',
    ),
    openUploads: count('Unfinished uploads.'),
    space: z.object({
      totalBytes: bytes('of the file system of the data directory.'),
      freeBytes: bytes('free there.'),
      reserveBytes: bytes('free space below which pushes are refused.'),
      pushesRefused: z.boolean(),
    }),
    collection: z.object({
      rounds: count('Finished rounds since the start.'),
      removedBlobs: count('Blobs removed since the start.'),
      removedBytes: bytes('removed since the start.'),
      last: collectionReport.nullable(),
    }),
    scrub: z.object({
      checkedBlobs: count('Blobs checked since the start.'),
      checkedBytes: bytes('read since the start.'),
      damagedBlobs: count('Blobs found damaged since the start.'),
      last: scrubReport.nullable(),
    }),
    dedup: dedupReport,
    memory: z.object({
      residentBytes: bytes('resident memory of the process.'),
      heapUsedBytes: bytes('used of the JavaScript heap.'),
    }),
  })
  .describe('State of the registry.');

const next = z.string().nullable().describe('`last` of the next page; null at the end.');

/** Schema of a {@link Page} of {@link RepositorySummary}. */
export const repositoryPage: z.ZodType<Page<RepositorySummary>> = z.object({
  items: z.array(
    z.object({ name: z.string(), tags: count('Tags.'), manifests: count('Manifests.') }),
  ),
  next,
});

/** Schema of a {@link Page} of {@link TagSummary}. */
export const tagPage: z.ZodType<Page<TagSummary>> = z.object({
  items: z.array(
    z.object({
      name: z.string(),
      digest: z.string(),
      mediaType: z.string().nullable().describe('Null when the manifest is not there.'),
      bytes: bytes('of the manifest and of what it refers to itself.').nullable(),
      pushedAt: time('When the tag was last moved here.'),
    }),
  ),
  next,
});

/** Schema of {@link DeletionResult}. */
export const deletionResult: z.ZodType<DeletionResult> = z.object({
  tags: count('Tags taken away.'),
  manifests: count('Manifests taken away.'),
  restorableUntil: time('Until when it can be restored; null when it cannot.').nullable(),
});

/** Schema of the list of {@link DeletedItem}. */
export const deletedItems: z.ZodType<readonly DeletedItem[]> = z.array(
  z.object({
    kind: z.enum(['tag', 'manifest']),
    reference: z.string().describe('Tag, or digest of the manifest.'),
    digest: z.string(),
    tags: z.array(z.string()).describe('Tags that come back with a manifest; none for a tag.'),
    deletedAt: time('When it was deleted.'),
    restorableUntil: time('Until when it can be restored.'),
  }),
);

/** Schema of {@link RestorationResult}. */
export const restorationResult: z.ZodType<RestorationResult> = z.object({
  tags: count('Tags brought back.'),
  manifests: count('Manifests brought back.'),
});

/** Schema of an error answer. */
export const errorAnswer = z
  .object({
    errors: z.array(
      z.object({ code: z.string(), message: z.string(), detail: z.unknown().optional() }),
    ),
  })
  .describe('What went wrong, as in the OCI distribution API.');
