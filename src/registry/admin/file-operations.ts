/** What can be asked about the files inside of images; a part of the operations of a registry. */

/** Something in an image. */
export interface FileTarget {
  readonly repository: string;
  /** Tag, or digest of a manifest. */
  readonly reference: string;
  /** From the root of the image; links are followed. */
  readonly path: string;
  /** Digest of the only layer that is to be looked at; default all of them, laid over one another. */
  readonly layer?: string | undefined;
  /** Of an index: which image, `os/architecture[/variant]`; default the first one. */
  readonly platform?: string | undefined;
}

/** A file, directory, link or device. */
export interface FileSummary {
  /** From the root of the image, without a slash in front. */
  readonly path: string;
  /** As archives have it; `whiteout` in a single layer is what takes away what is below. */
  readonly type: string;
  /** Permission bits with set-user-ID, set-group-ID and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file, 0 for others. */
  readonly size: number;
  /** Null when no layer says it, or when it is no time. */
  readonly modifiedAt: string | null;
  /** Target of a symbolic link, path of that of a hard link; '' for others. */
  readonly link: string;
  /** SHA-256 of the bytes of a regular file; null for others, and for those whose bytes cannot be had. */
  readonly digest: string | null;
  /** Digest of the layer that it comes from; null for a directory that no layer has an entry for. */
  readonly layer: string | null;
  /** In a single layer: what layers below have in the directory is gone. */
  readonly opaque: boolean;
}

/** What is asked of a directory. */
export interface ListRequest {
  /** Entries at most, 1 to 1000. Default 100. */
  readonly limit?: number | undefined;
  /** Path of the entry after which the page begins. */
  readonly after?: string | undefined;
  /** Also what is in directories below. Default false. */
  readonly recursive?: boolean | undefined;
}

/** A directory, or a single file without any items. */
export interface FileListing {
  /** Digest of the image's manifest. */
  readonly manifest: string;
  readonly entry: FileSummary;
  /** In the order of paths, each directory ahead of what is in it. */
  readonly items: readonly FileSummary[];
  /** `after` of the next page; null at the end. */
  readonly next: string | null;
}

/** A stretch of a file in bytes; `end` is not included. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** The bytes of a file, or a directory as a tar archive. It has to be closed. */
export interface FileDownload {
  readonly kind: 'file' | 'tar';
  /** The last component of its path; '' for the root. */
  readonly name: string;
  /** Bytes of a file; null for an archive. */
  readonly size: number | null;
  /** SHA-256 of a file; null for an archive. */
  readonly digest: string | null;
  /**
   * The bytes, each checked before it is given.
   * @param stretch - of a file; default all of it
   * @throws OciError instead of wrong bytes, the signal's reason
   */
  bytes(options: {
    readonly stretch?: Stretch | undefined;
    readonly signal: AbortSignal;
  }): AsyncIterable<Uint8Array>;
  close(): void;
}

/** What is looked for: exactly one of the three. */
export interface FindRequest {
  /** SHA-256 of a file, `sha256:...`. */
  readonly digest?: string | undefined;
  /** Name of a file or directory, without its directory. */
  readonly name?: string | undefined;
  /** Pattern of a name, or of a path when it has a slash: `*` stands for anything but `/`, `**` for anything. */
  readonly glob?: string | undefined;
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

/** A file in an image. */
export interface FoundFileSummary extends FileSummary {
  readonly repository: string;
  /** Digest of the image's manifest. */
  readonly manifest: string;
  /** Tags of it, and of indexes that it is in; at most 100. */
  readonly tags: readonly string[];
}

/** A part of what is found or different. */
export interface SearchPage<Item> {
  readonly items: readonly Item[];
  /** Where to go on; null at the end. */
  readonly next: string | null;
  /** The page is not full because the time was up. */
  readonly timeUp: boolean;
}

/** Two images of one repository. */
export interface DiffRequest {
  readonly repository: string;
  /** Tags, or digests of manifests. */
  readonly from: string;
  readonly to: string;
  readonly platform?: string | undefined;
  readonly limit?: number | undefined;
  /** `next` of the page before: a path. */
  readonly after?: string | undefined;
}

/** A path that is not the same in two images. */
export interface FileChange {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** Of a changed one: in what. */
  readonly differences: readonly ('type' | 'content' | 'mode' | 'owner' | 'link')[];
  /** In the first image, and in the second; null where it is not there. */
  readonly from: FileSummary | null;
  readonly to: FileSummary | null;
}

/**
 * What can be asked. All methods throw OciError for what cannot be had: `NAME_UNKNOWN`,
 * `MANIFEST_UNKNOWN`, `BLOB_UNKNOWN` for a path or layer that is not there, `UNSUPPORTED` with status
 * 422 and a reason in `detail` for what cannot be read, `UNAVAILABLE` for what takes too long.
 */
export interface FileOperations {
  list(target: FileTarget, request?: ListRequest): Promise<FileListing>;
  /** Opens a file, or a directory as an archive if `tar` is true; else undefined for a directory. */
  open(target: FileTarget, options: { readonly tar: boolean }): Promise<FileDownload | undefined>;
  /**
   * Finds files in all layers that have been taken apart.
   * @param mayRead - whether a repository may be shown; default all that the caller may read
   */
  find(
    request: FindRequest,
    mayRead?: (repository: string) => boolean,
  ): Promise<SearchPage<FoundFileSummary>>;
  diff(request: DiffRequest): Promise<SearchPage<FileChange>>;
}
