/**
 * One upload: bytes that come in pieces, are hashed on the way and end as a blob.
 *
 * Small bodies stay in memory, because they end in the metadata store. As soon as there are more
 * bytes, or a PATCH has to outlive the process, they go to a file of the target. Only one writer
 * may be at work at a time.
 */
import type { Hash } from 'node:crypto';
import { type DigestAlgorithm, startDigest } from '../../oci/digest.ts';
import type { StoreContext } from '../context.ts';
import { StoreRefusal } from '../errors.ts';
import { HEAD_SIZE } from '../hooks.ts';
import { readAt } from '../target/read.ts';
import type { FileId, FileWriter } from '../target/types.ts';
import type { SessionOwner } from './session-id.ts';
import type { Sidecar, Sidecars } from './sidecar.ts';

/** Bytes gathered before they are written, and those waiting at which the sender has to pause. */
const WRITE_AT = 512 * 1024;
const PAUSE_AT = 1024 * 1024;

/**
 * Milliseconds that a new writer waits for one that still takes bytes: its client may be gone, and the
 * connection not known to be cut; and for one that only writes down what it got.
 */
const WAIT_FOR_BYTES = 500;
const WAIT_FOR_DISK = 10_000;

/** What an upload is begun with. */
export interface UploadOptions extends SessionOwner {
  readonly id: string;
  readonly algorithm: DigestAlgorithm;
  /** Where it left off when it comes from an earlier run of the server. */
  readonly resumed?: { readonly sidecar: Sidecar; readonly size: number };
}

/** Takes the bytes of one request. */
export interface UploadWriter {
  /**
   * Takes a piece; the caller must not change it any more.
   * @returns false when the caller should wait for `onDrain`
   * @throws StoreRefusal `upload-too-large`
   */
  write(chunk: Uint8Array): boolean;
  onDrain: (() => void) | undefined;
  /** Called with each piece once it is in the file and no longer needed in memory. */
  onWritten: ((chunk: Uint8Array) => void) | undefined;
  /**
   * Ends the request: resolves when all its bytes are in the upload, or rejects with the error of
   * the file system; the upload then holds what came before the failed write.
   * @param persist - whether the bytes must outlive the process
   */
  end(persist: boolean): Promise<void>;
}

/** The request that writes to an upload. */
interface Writing {
  readonly writer: UploadWriter;
  /** Whether bytes may still come. */
  takesBytes: boolean;
  /** Resolves when it has ended. */
  readonly done: PromiseWithResolvers<void>;
}

/** Resolves with `promise`, or after a time. */
function within(promise: Promise<void>, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    promise.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** An upload that is open. */
export class Upload {
  readonly id: string;
  readonly repository: string;
  readonly subject: string;
  readonly algorithm: DigestAlgorithm;
  /** Milliseconds since 1970 of its last byte or question. */
  touched: number;
  readonly #context: StoreContext;
  readonly #sidecars: Sidecars;
  /** Undefined when the bytes have to be read again, after a restart or a failed write. */
  #hash: Hash | undefined;
  /** Bytes taken and not lost. */
  #received = 0;
  /** Bytes that are in the file. */
  #written = 0;
  /** The first bytes, as far as they have come; undefined when they came to an earlier run. */
  #head: Buffer | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #file: FileWriter | undefined;
  #fileId: FileId | undefined;
  /** What its sidecar says, once it has one. */
  #sidecar: Sidecar | undefined;
  #writing: Writing | undefined;
  #working: Promise<void> | undefined;
  #failure: Error | undefined;
  #disposal: Promise<void> | undefined;

  constructor(context: StoreContext, sidecars: Sidecars, options: UploadOptions) {
    this.#context = context;
    this.#sidecars = sidecars;
    this.id = options.id;
    this.repository = options.repository;
    this.subject = options.subject;
    this.algorithm = options.algorithm;
    this.touched = context.clock();
    const { resumed } = options;
    if (resumed === undefined) {
      this.#hash = startDigest(options.algorithm);
      this.#head = Buffer.alloc(0);
    } else {
      this.#sidecar = resumed.sidecar;
      this.#fileId = resumed.sidecar.file;
      this.#received = resumed.size;
      this.#written = resumed.size;
    }
  }

  /** Bytes that the upload holds. */
  get size(): number {
    return this.#received;
  }

  /** True once it is over, whatever way; nobody may write any more. */
  get ended(): boolean {
    return this.#disposal !== undefined;
  }

  /** True while a request writes. */
  get busy(): boolean {
    return this.#writing !== undefined;
  }

  /** The file that holds the bytes, if any do. */
  get file(): FileId | undefined {
    return this.#fileId;
  }

  /**
   * Waits for another request to be done with writing: a moment while it takes bytes, since only who
   * goes on to send is in the way, and some seconds while it ends. Whether it is done tells `busy`.
   */
  async settled(): Promise<void> {
    const { done } = this.#writing ?? {};
    if (done === undefined) return;
    await within(done.promise, WAIT_FOR_BYTES);
    if (this.#writing?.takesBytes === false) await within(done.promise, WAIT_FOR_DISK);
  }

  /**
   * Begins to write.
   * @param takesBytes - false for who only ends the upload
   * @throws StoreRefusal `upload-busy` while another request writes, `upload-unknown` after the end
   */
  open({ takesBytes = true } = {}): UploadWriter {
    this.#requireOpen();
    if (this.busy) throw new StoreRefusal('upload-busy', 'another request writes to the upload');
    this.#failure = undefined;
    const writer: UploadWriter = {
      onDrain: undefined,
      onWritten: undefined,
      write: (chunk) => {
        this.#requireOpen();
        // After a failed write there would be a hole before it; `end` tells of the failure.
        if (this.#failure !== undefined) return true;
        this.requireFits(chunk.length);
        this.#hash?.update(chunk);
        this.#keepHead(chunk);
        this.#received += chunk.length;
        this.#waiting.push(chunk);
        this.#waitingBytes += chunk.length;
        if (this.#waitingBytes >= WRITE_AT) this.#work();
        return this.#waitingBytes < PAUSE_AT;
      },
      end: async (persist) => {
        writing.takesBytes = false;
        try {
          while (this.#working !== undefined) await this.#working;
          this.#requireOpen();
          this.#working = this.#settle(persist).finally(() => {
            this.#working = undefined;
          });
          await this.#working;
        } finally {
          this.touched = this.#context.clock();
          this.#writing = undefined;
          writing.done.resolve();
        }
      },
    };
    const writing: Writing = { writer, takesBytes, done: Promise.withResolvers<void>() };
    this.#writing = writing;
    return writer;
  }

  /**
   * Makes sure that more bytes would not be too many.
   * @throws StoreRefusal `upload-too-large`
   */
  requireFits(bytes: number): void {
    const { maxSize } = this.#context.settings.uploads;
    if (maxSize > 0 && this.#received + bytes > maxSize) {
      throw new StoreRefusal('upload-too-large', `blobs may have ${maxSize} bytes at most`);
    }
  }

  #requireOpen(): void {
    if (this.ended) throw new StoreRefusal('upload-unknown', 'the upload has ended');
  }

  /** Puts the bytes where they belong between two requests. */
  async #settle(persist: boolean): Promise<void> {
    const inMemory = this.#fileId === undefined;
    const small = inMemory && this.#received <= this.#context.settings.inlineMax;
    if (this.#failure === undefined && (!small || persist)) await this.#flush();
    if (this.#failure !== undefined) throw this.#failure;
    if (persist) await this.#writeSidecar();
  }

  /** Writes what waits, one write after the other, in the background. */
  #work(): void {
    if (this.#working !== undefined || this.#failure !== undefined) return;
    this.#working = this.#flush().then(() => {
      this.#working = undefined;
      if (this.#waitingBytes >= WRITE_AT) this.#work();
      this.#writing?.writer.onDrain?.();
    });
  }

  /** Writes everything that waits; a failure is kept for `end` and undoes what was not written. */
  async #flush(): Promise<void> {
    try {
      this.#file ??= await this.#openFile();
      while (this.#waiting.length > 0) {
        const chunks = this.#waiting;
        const bytes = this.#waitingBytes;
        this.#waiting = [];
        await this.#file.write(chunks, this.#written);
        this.#waitingBytes -= bytes;
        this.#written += bytes;
        for (const chunk of chunks) this.#writing?.writer.onWritten?.(chunk);
      }
    } catch (error) {
      this.#failure = error as Error;
      this.#waiting = [];
      this.#waitingBytes = 0;
      this.#received = this.#written;
      this.#head = this.#head?.subarray(0, this.#received);
      this.#hash = undefined;
      // The next writer opens the file anew, cut to what is known to be right.
      await this.#file?.close().catch(() => undefined);
      this.#file = undefined;
    }
  }

  async #openFile(): Promise<FileWriter> {
    const { target } = this.#context;
    this.#requireOpen();
    if (this.#fileId !== undefined) return await target.reopen(this.#fileId, this.#written);
    const file = await target.create();
    this.#fileId = file.id;
    return file;
  }

  /** @param synced - bytes of the file that are durable */
  async #writeSidecar(synced = 0): Promise<void> {
    const { repository, subject, algorithm } = this;
    const file = this.#fileId;
    const { boot } = this.#sidecars;
    const old = this.#sidecar;
    if (file === undefined || (old?.boot === boot && old.synced >= synced)) return;
    const sidecar = { repository, subject, algorithm, file, boot, synced };
    await this.#sidecars.write(this.id, sidecar);
    this.#sidecar = sidecar;
  }

  /** Keeps a copy of what belongs to the first bytes: the piece itself is freed when it is written. */
  #keepHead(chunk: Uint8Array): void {
    const head = this.#head;
    if (head === undefined || head.length >= HEAD_SIZE || this.#received !== head.length) return;
    this.#head = Buffer.concat([head, chunk.subarray(0, HEAD_SIZE - head.length)]);
  }

  /** The first bytes, {@link HEAD_SIZE} at most, when they are known without reading them again. */
  get head(): Uint8Array | undefined {
    const wanted = Math.min(HEAD_SIZE, this.#received);
    return this.#head?.length === wanted ? this.#head : undefined;
  }

  /** Digest in hex of all bytes, when it is known without reading them again. Ends the hash. */
  takeHash(algorithm: DigestAlgorithm): string | undefined {
    if (algorithm !== this.algorithm) return undefined;
    const hash = this.#hash;
    this.#hash = undefined;
    return hash?.digest('hex');
  }

  /** All bytes, when they are small enough for the metadata store and at hand. */
  bytesInMemory(): Buffer | undefined {
    return this.#written === 0 && this.#received <= this.#context.settings.inlineMax
      ? Buffer.concat(this.#waiting)
      : undefined;
  }

  /** Makes the file durable. */
  async sync(): Promise<void> {
    this.#file ??= await this.#openFile();
    await this.#file.sync();
  }

  /** Reads from the file. */
  async read(buffer: Uint8Array, position: number): Promise<number> {
    const reader = await this.#context.target.open(this.#fileId!);
    try {
      return await readAt(reader, buffer, position);
    } finally {
      reader.release();
    }
  }

  /** Closes the file; it is opened again when more bytes come. */
  async idle(): Promise<void> {
    if (this.busy) return;
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /**
   * Makes durable what a client was told that it holds, for the time between two runs of the server.
   * @throws the error of the file system
   */
  async suspend(): Promise<void> {
    if (this.#sidecar !== undefined) {
      await this.sync();
      await this.#writeSidecar(this.#written);
    }
    await this.idle();
  }

  /**
   * Ends the upload, at once for all who ask; resolves when nothing is left of it. Only the first
   * call counts. Whoever kept its bytes says so, else they are removed.
   * @param keepFile - the file holds a blob now
   */
  dispose(keepFile: boolean): Promise<void> {
    this.#disposal ??= this.#removeAll(keepFile);
    return this.#disposal;
  }

  async #removeAll(keepFile: boolean): Promise<void> {
    while (this.#working !== undefined) await this.#working.catch(() => undefined);
    this.#waiting = [];
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
    if (this.#sidecar !== undefined) await this.#sidecars.remove(this.id);
    if (!keepFile && this.#fileId !== undefined) await this.#context.target.remove(this.#fileId);
  }
}
