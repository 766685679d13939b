/**
 * A target keeps bytes: numbered files that are written once, read often and removed at some time.
 * Numbers are never used twice, so a number is also the generation of what lies under it.
 */

/** Number of a file within its target. */
export type FileId = number;

/** A new file on its way to be written. One writer at a time; `close` is idempotent. */
export interface FileWriter {
  readonly id: FileId;
  /**
   * Writes `chunks` one after the other from `position` on (bytes from the file's start).
   * @throws the error of the file system, ENOSPC for one; what was written is then undefined
   */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>;
  /** Resolves when the bytes and the file's length would survive power loss. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Called with the number of bytes read, fewer than asked for only at the end of the file. */
export type ReadCallback = (error: Error | null, bytes: number) => void;

/** An open file. Must be released exactly once. */
export interface FileReader {
  /** Reads into `buffer`; the result comes by callback because this is the hottest path there is. */
  read(
    buffer: Uint8Array,
    into: { readonly offset: number; readonly length: number; readonly position: number },
    callback: ReadCallback,
  ): void;
  /** Bytes in the file. */
  size(): Promise<number>;
  release(): void;
}

/** Room on the device. */
export interface Space {
  /** Bytes that may still be written. */
  readonly free: number;
  readonly total: number;
}

/** No file of that number: it was removed. */
export class FileMissingError extends Error {
  override readonly name = 'FileMissingError';

  constructor(id: FileId) {
    super(`file ${id} is not there`);
  }
}

/** A place that keeps bytes. */
export interface Target {
  /**
   * A new, empty file whose entry in its folder is durable already, so that {@link FileWriter.sync}
   * is all that a push has to wait for.
   */
  create(): Promise<FileWriter>;
  /**
   * Opens a file again to write on, cut to `size` bytes.
   * @throws FileMissingError
   */
  reopen(id: FileId, size: number): Promise<FileWriter>;
  /**
   * Opens a file for reading; at once when it is open already.
   * @throws FileMissingError
   */
  open(id: FileId): FileReader | Promise<FileReader>;
  /** Removes a file; readers that have it open keep their bytes. Nothing happens when it is gone. */
  remove(id: FileId): Promise<void>;
  /** All files, in no order; those made or removed meanwhile may be there or not. */
  files(): AsyncIterable<FileId>;
  /** Bytes that a file takes on the device; 0 when it is not there. */
  allocated(id: FileId): Promise<number>;
  space(): Promise<Space>;
  /** Closes all files. */
  close(): Promise<void>;
}
