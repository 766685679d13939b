/** The open uploads of a store: beginning, finding again, finishing, cancelling, expiring. */

import type { Hasher } from '../../lib/hashing.ts';
import { algorithmOf, type Digest, type DigestAlgorithm, digestOf } from '../../oci/digest.ts';
import { addLink } from '../blobs.ts';
import { commit, type StoreContext } from '../context.ts';
import { StoreRefusal } from '../errors.ts';
import { addContent, type ContentSource } from '../metadata/changes.ts';
import { keys } from '../metadata/keys.ts';
import type { FileId } from '../target/types.ts';
import { FileMissingError } from '../target/types.ts';
import { makeSessionId, type SessionOwner, sessionTime } from './session-id.ts';
import type { Sidecars } from './sidecar.ts';
import { Upload } from './upload.ts';

/** Milliseconds of quiet after which an upload's file is closed, and between two looks. */
const IDLE_AFTER = 30_000;

/** How an upload is begun. */
export interface UploadRequest extends SessionOwner {
  /** What the bytes are hashed with on the way; another digest at the end costs a second reading. */
  readonly algorithm: DigestAlgorithm;
}

/** The open uploads. */
export interface Uploads {
  /**
   * Begins an upload.
   * @throws StoreRefusal `too-many-uploads`
   */
  start(request: UploadRequest): Upload;
  /**
   * An open upload of this repository and principal, also one from before a restart.
   * @throws StoreRefusal `too-many-uploads`
   */
  find(id: string, owner: SessionOwner): Upload | undefined;
  /**
   * Makes a blob of an upload that nobody writes to; resolves when it is durable. The upload is over
   * afterwards, except when the metadata could not be written: then it can be finished again.
   * @throws StoreRefusal `digest-mismatch`, which ends the upload, or `upload-busy`
   */
  finish(upload: Upload, digest: Digest): Promise<void>;
  /**
   * Ends an upload and removes its bytes. Nothing happens when it is over already.
   * @throws StoreRefusal `upload-busy` while it is being made a blob
   */
  cancel(upload: Upload): Promise<void>;
  /** Ends uploads that have been quiet for too long; returns their number. */
  expire(): Promise<number>;
  /** Uploads open now. */
  readonly open: number;
  /** Files of the target that uploads write to. */
  files(): ReadonlySet<FileId>;
  close(): Promise<void>;
}

/** What uploads need beside the store's context. */
export interface UploadsOptions {
  readonly sidecars: Sidecars;
  readonly hasher: Hasher;
  /** Secret of the data directory, for the ids. */
  readonly secret: Uint8Array;
}

/** Opens the uploads of a store, those of earlier runs included. */
export async function openUploads(
  context: StoreContext,
  { sidecars, hasher, secret }: UploadsOptions,
): Promise<Uploads> {
  const { clock, settings } = context;
  const open = new Map<string, Upload>();
  const finishing = new Set<Upload>();
  /** Ids of earlier runs that check out but are good for nothing any more, and their times. */
  const over = new Map<string, number>();
  /** Ids from before this time may be unknown here and still be good. */
  const startedAt = clock();

  function noteOver(id: string, owner: SessionOwner): void {
    const time = sessionTime(secret, owner, id);
    if (time !== undefined && time < startedAt) over.set(id, time);
  }

  for (const [id, sidecar] of await sidecars.load()) {
    if (context.kv.has(keys.file(sidecar.file))) {
      // It became a blob just before the process ended.
      noteOver(id, sidecar);
      await sidecars.remove(id);
      continue;
    }
    try {
      const reader = await context.target.open(sidecar.file);
      const length = await reader.size();
      reader.release();
      const size = sidecar.boot === sidecars.boot ? length : Math.min(length, sidecar.synced);
      const resumed = { sidecar, size };
      open.set(id, new Upload(context, sidecars, { ...sidecar, id, resumed }));
    } catch (error) {
      if (!(error instanceof FileMissingError)) throw error;
      await sidecars.remove(id);
    }
  }

  const idler = setInterval(() => {
    const before = clock() - IDLE_AFTER;
    for (const upload of open.values()) if (upload.touched < before) void upload.idle();
  }, IDLE_AFTER).unref();

  function end(upload: Upload, keepFile: boolean): Promise<void> {
    open.delete(upload.id);
    noteOver(upload.id, upload);
    return upload.dispose(keepFile);
  }

  function requireRoom(): void {
    if (open.size < settings.uploads.maxSessions) return;
    throw new StoreRefusal('too-many-uploads', 'too many uploads are open');
  }

  async function hexOf(upload: Upload, algorithm: DigestAlgorithm): Promise<string | undefined> {
    const known = upload.takeHash(algorithm);
    if (known !== undefined) return known;
    const small = upload.bytesInMemory();
    if (small !== undefined) return digestOf(small, algorithm).slice(algorithm.length + 1);
    const read = (buffer: Uint8Array, position: number) => upload.read(buffer, position);
    return await hasher.hash({ algorithm, read, size: upload.size });
  }

  /** Small content goes to the metadata store, also when a PATCH had to put it into a file. */
  async function smallBytes(upload: Upload): Promise<Buffer | undefined> {
    const ready = upload.bytesInMemory();
    if (ready !== undefined || upload.size > settings.inlineMax) return ready;
    const bytes = Buffer.alloc(upload.size);
    let position = 0;
    while (position < bytes.length) {
      const read = await upload.read(bytes.subarray(position), position);
      if (read === 0) return undefined;
      position += read;
    }
    return bytes;
  }

  async function sourceOf(upload: Upload): Promise<ContentSource> {
    const inline = await smallBytes(upload);
    if (inline !== undefined) return { inline };
    try {
      await upload.sync();
    } catch (error) {
      // The kernel may have dropped the bytes, and would call the next sync a success.
      await end(upload, false);
      throw error;
    }
    await context.faultPoint('upload.synced');
    return { file: upload.file!, size: upload.size };
  }

  return {
    start({ repository, subject, algorithm }) {
      requireRoom();
      let id: string;
      do id = makeSessionId(secret, { repository, subject }, clock());
      while (open.has(id));
      const upload = new Upload(context, sidecars, { id, repository, subject, algorithm });
      open.set(id, upload);
      return upload;
    },
    find(id, owner) {
      const known = open.get(id);
      if (known !== undefined) {
        const own = known.repository === owner.repository && known.subject === owner.subject;
        if (own) known.touched = clock();
        return own ? known : undefined;
      }
      const time = sessionTime(secret, owner, id);
      if (time === undefined || time >= startedAt || over.has(id)) return undefined;
      if (clock() - time > settings.uploads.expire) return undefined;
      requireRoom();
      const upload = new Upload(context, sidecars, { ...owner, id, algorithm: 'sha256' });
      open.set(id, upload);
      return upload;
    },
    async finish(upload, digest) {
      const writer = upload.open({ takesBytes: false });
      finishing.add(upload);
      try {
        const algorithm = algorithmOf(digest);
        const hex = await hexOf(upload, algorithm);
        if (`${algorithm}:${hex}` !== digest) {
          await end(upload, false);
          throw new StoreRefusal('digest-mismatch', 'the bytes do not have this digest');
        }
        const source = await sourceOf(upload);
        const keepFile = await commit(context, (changes) => {
          const { repository, size, head } = upload;
          const added = addContent(changes, digest, source, clock());
          addLink(context, changes, repository, { digest, size });
          if (added) context.hooks.blobAdded?.(changes, { digest, size, repository, head });
          return added && 'file' in source;
        });
        await context.faultPoint('upload.committed');
        // It is over before anybody else can get at it, and the client need not wait until the
        // leftovers are gone.
        end(upload, keepFile).catch((error: unknown) => {
          context.logger.warn({ err: error, upload: upload.id }, 'upload not cleaned up');
        });
      } finally {
        finishing.delete(upload);
        await writer.end(false).catch(() => undefined);
      }
    },
    async cancel(upload) {
      if (finishing.has(upload))
        throw new StoreRefusal('upload-busy', 'the upload is being finished');
      await end(upload, false);
    },
    async expire() {
      const before = clock() - settings.uploads.expire;
      for (const [id, time] of over) if (time < before) over.delete(id);
      let ended = 0;
      for (const upload of [...open.values()]) {
        if (upload.busy || upload.touched >= before) continue;
        await end(upload, false);
        ended++;
      }
      return ended;
    },
    get open() {
      return open.size;
    },
    files() {
      const files = new Set<FileId>();
      for (const { file } of open.values()) if (file !== undefined) files.add(file);
      return files;
    },
    async close() {
      clearInterval(idler);
      for (const upload of open.values()) {
        while (upload.busy) await new Promise((resolve) => setTimeout(resolve, 10));
        await upload.suspend().catch((error: unknown) => {
          context.logger.warn({ err: error, upload: upload.id }, 'upload not synced');
        });
      }
    },
  };
}
