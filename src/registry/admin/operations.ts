/**
 * What operators can ask of a registry and have it do. The same interface is implemented over the
 * store inside the server's process and over HTTP in the commands, so that a command does not know
 * where its registry runs. All data is plain: numbers, strings, lists. Times are ISO 8601 in UTC.
 */
import type { FileOperations } from './file-operations.ts';

/** How far a long job is. */
export interface Progress {
  readonly unit: 'blobs' | 'bytes';
  readonly done: number;
  /** Null while it is not known. */
  readonly total: number | null;
  /** Units a second since the start of the job. */
  readonly ratePerSecond: number;
  /** Seconds until the end at that rate; null when that cannot be said. */
  readonly etaSeconds: number | null;
}

/** What every report of a job says. */
interface JobReport {
  readonly state: 'running' | 'finished' | 'failed';
  readonly startedAt: string;
  /** Null while it runs. */
  readonly finishedAt: string | null;
  readonly progress: Progress;
  /** Why it failed; null otherwise. */
  readonly error: string | null;
}

/** One round of the collector. */
export interface CollectionReport extends JobReport {
  /** True: nothing was removed, the figures say what would have been. */
  readonly dryRun: boolean;
  /** Which of the collector's steps is being done, or was done last. */
  readonly phase: string;
  /** Blobs taken out of a repository. */
  readonly removedBlobs: number;
  /** Bytes of those that no repository held any more. */
  readonly removedBytes: number;
  readonly removedManifests: number;
  /** Unfinished uploads that had expired. */
  readonly removedUploads: number;
  /** Repositories that had become empty. */
  readonly removedRepositories: number;
  /** Recipes of layers that had gone before. */
  readonly removedRecipes: number;
}

/** A damaged blob that answers as absent until it is pushed again. */
export interface QuarantinedBlob {
  readonly digest: string;
  readonly reason: string;
  readonly at: string;
}

/** One pass of the check of stored bytes. */
export interface ScrubReport extends JobReport {
  readonly checkedBlobs: number;
  readonly checkedBytes: number;
  /** Blobs that this pass found damaged or missing; they now answer as absent. */
  readonly damagedBlobs: number;
  /** Everything that is in quarantine now, whoever found it; at most 100. */
  readonly quarantine: readonly QuarantinedBlob[];
}

/** Work on layers since the start of the process. */
export interface LayerWork {
  /** Layers, or stretches of layers. */
  readonly layers: number;
  readonly bytes: number;
  /** Time that it took, summed up over what was done side by side. */
  readonly seconds: number;
}

/** What storing the files of layers once comes to. */
export interface DedupReport {
  /** What is configured; `mixed` when it differs between repositories. */
  readonly policy: 'dedup' | 'off' | 'mixed';
  /** Whether there is something to be ingested or dropped now; `paused` while disk space is short. */
  readonly state: 'working' | 'idle' | 'paused';
  /** Bytes of all blobs and manifests, each counted once: what would lie there without it. */
  readonly logicalBytes: number;
  /** Those that lie there as they were pushed. */
  readonly intactBytes: number;
  /** Bytes that stand for the others, by what they are for. */
  readonly stored: {
    /** Files, each once. */
    readonly baseBytes: number;
    /** How a file's compression in one layer differs from that in another. */
    readonly patchBytes: number;
    /** What lies between files. */
    readonly gapBytes: number;
    /** Which files stand where. */
    readonly structureBytes: number;
    /** Indexes and checksums of recipes. */
    readonly indexBytes: number;
    /** Which files are in a layer, so that they can be listed and read one by one. */
    readonly treeBytes: number;
    /** Headers of groups. */
    readonly overheadBytes: number;
    /** Bytes that nothing needs any more and that wait for compaction. */
    readonly wasteBytes: number;
  };
  /** The trees of layers, and what stands in the metadata store so that files are found. */
  readonly files: {
    readonly entries: number;
    readonly keys: number;
    /** Bytes of keys and values; the database needs about as much again for its pages. */
    readonly keyBytes: number;
  };
  /** Logical bytes to those that are stored, the metadata store aside; null when nothing is stored. */
  readonly ratio: number | null;
  readonly layers: {
    /** Blobs without recipe, manifests included. */
    readonly intact: number;
    /** Blobs that have a recipe and are there as they were pushed as well. */
    readonly both: number;
    readonly recipeOnly: number;
    /** Layers that wait to be ingested, and those of them whose ingest has failed before. */
    readonly queued: number;
    readonly retrying: number;
    /** Layers that are kept as they are, by the reason. */
    readonly refused: {
      readonly format: number;
      readonly zstd: number;
      readonly broken: number;
      readonly structure: number;
      readonly notWorthIt: number;
      readonly notExact: number;
    };
  };
  readonly ingested: LayerWork;
  readonly restored: LayerWork & {
    /** Restores that were broken off, because the layer was damaged. */
    readonly damaged: number;
    /** Times that a client joined the restore of another one, and that one fell behind. */
    readonly joined: number;
    readonly behind: number;
    /** Bytes that were given from memory, without a restore. */
    readonly cachedBytes: number;
  };
}

/** One undo: layers are written back as they were pushed. */
export interface UndoReport extends JobReport {
  /** Layers that lost their recipe, and bytes that were written. */
  readonly restoredLayers: number;
  readonly restoredBytes: number;
}

/** State of a registry. Counts of what happened are since the start of the process. */
export interface Status {
  readonly version: string;
  /** Version of the format on disk. */
  readonly formatVersion: number;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  /** Distinct digests that have content, manifests included. */
  readonly blobs: number;
  /** Bytes of them, each counted once. */
  readonly blobBytes: number;
  /** Blobs that are damaged and answer as absent until they are pushed again; 10,000 for more. */
  readonly quarantinedBlobs: number;
  /** Unfinished uploads. */
  readonly openUploads: number;
  readonly space: {
    /** Bytes of the file system that the data directory is on. */
    readonly totalBytes: number;
    readonly freeBytes: number;
    /** Free bytes below which pushes are refused. */
    readonly reserveBytes: number;
    readonly pushesRefused: boolean;
  };
  readonly collection: {
    readonly rounds: number;
    readonly removedBlobs: number;
    readonly removedBytes: number;
    /** The running or last round; null before the first. */
    readonly last: CollectionReport | null;
  };
  readonly scrub: {
    readonly checkedBlobs: number;
    readonly checkedBytes: number;
    readonly damagedBlobs: number;
    /** The running or last pass; null before the first. */
    readonly last: ScrubReport | null;
  };
  readonly dedup: DedupReport;
  readonly memory: {
    /** Resident memory of the process. */
    readonly residentBytes: number;
    readonly heapUsedBytes: number;
  };
}

/** Which part of a list is wanted. */
export interface PageRequest {
  /** Entries at most, 1 to 1000. Default 100. */
  readonly limit?: number | undefined;
  /** Name of the entry after which the page begins; the first page when absent. */
  readonly last?: string | undefined;
}

/** A part of a list in the order of its names. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** `last` of the request for the next page; null when this is the end. */
  readonly next: string | null;
}

/** A repository in a list. */
export interface RepositorySummary {
  readonly name: string;
  readonly tags: number;
  readonly manifests: number;
}

/** A tag in a list. */
export interface TagSummary {
  readonly name: string;
  readonly digest: string;
  /** Null when the manifest is not there. */
  readonly mediaType: string | null;
  /**
   * Bytes of the manifest and of what it refers to itself: of an image all its layers, of an index
   * only the manifests. Null when the manifest is not there.
   */
  readonly bytes: number | null;
  /** When the tag was last moved here. */
  readonly pushedAt: string;
}

/** What a deletion took away. */
export interface DeletionResult {
  readonly tags: number;
  readonly manifests: number;
  /** Until when it can be restored; null when it cannot. */
  readonly restorableUntil: string | null;
}

/** A tag or manifest that was deleted and can be restored. */
export interface DeletedItem {
  readonly kind: 'tag' | 'manifest';
  /** The tag, or the digest of the manifest: what {@link Operations.restore} takes. */
  readonly reference: string;
  readonly digest: string;
  /** Tags that come back with a manifest; none for a tag. */
  readonly tags: readonly string[];
  readonly deletedAt: string;
  readonly restorableUntil: string;
}

/** What a restoration brought back. */
export interface RestorationResult {
  readonly tags: number;
  readonly manifests: number;
}

/** A job that is started and then looked at. */
export interface Job<Report, Options = void> {
  /** Starts the job, or joins the one that runs, and tells how far it is. Does not wait for it. */
  start(options: Options): Promise<Report>;
  /** The running or last one; null before the first. */
  report(): Promise<Report | null>;
}

/**
 * Everything that operators can do.
 * All methods throw OciError for what cannot be done: `NAME_UNKNOWN` for a repository,
 * `MANIFEST_UNKNOWN` for a tag, manifest or deleted item that is not there, `DENIED` for what the
 * configuration or the caller's rights do not allow.
 */
export interface Operations {
  status(): Promise<Status>;
  repositories(page?: PageRequest): Promise<Page<RepositorySummary>>;
  tags(repository: string, page?: PageRequest): Promise<Page<TagSummary>>;
  /** Takes a tag away; the manifest that it names stays. */
  deleteTag(repository: string, tag: string): Promise<DeletionResult>;
  /** Takes a manifest away, and the tags that name it. */
  deleteManifest(repository: string, digest: string): Promise<DeletionResult>;
  /** Takes all tags and manifests of a repository away. */
  deleteRepository(repository: string): Promise<DeletionResult>;
  /** What can be restored, the latest first; at most 1000, picked from the first 5000. */
  deleted(repository: string): Promise<readonly DeletedItem[]>;
  /** Brings a deleted tag back, with its manifest, or a deleted manifest, with its tags. */
  restore(repository: string, reference: string): Promise<RestorationResult>;
  readonly collection: Job<CollectionReport, { readonly dryRun: boolean }>;
  readonly scrub: Job<ScrubReport>;
  /** The files inside of images. */
  readonly files: FileOperations;
  readonly dedup: {
    report(): Promise<DedupReport>;
    /** Writes back the layers that the policy does not allow to be taken apart. */
    readonly undo: Job<UndoReport>;
  };
}
