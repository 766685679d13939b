/**
 * Takes deduplication back: layers that may not be taken apart, because the policy has changed, are
 * written back as they were pushed, and lose their recipes.
 */
import type { Mutable } from '../../lib/mutable.ts';
import type { Digest } from '../../oci/digest.ts';
import type { StoreContext } from '../../storage/context.ts';
import { type ContentSource, change, keepIntact } from '../../storage/metadata/changes.ts';
import { keys, lastPart, ranges } from '../../storage/metadata/keys.ts';
import { type ContentRecord, decode } from '../../storage/metadata/records.ts';
import { startPace } from '../../storage/pace.ts';
import type { SpaceWatch } from '../../storage/space.ts';
import { keySteps } from '../../storage/steps.ts';
import type { FileWriter } from '../../storage/target/types.ts';
import type { DedupFaultPoint } from '../context.ts';
import { NoSpaceError } from '../ingest/gate.ts';
import type { Layers } from '../layers.ts';
import { type DedupPolicy, mayTakeApart } from '../policy.ts';
import { giveBackBlock } from '../restore/shared-block.ts';

/** How far an undo is. */
export interface UndoReport {
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly finished?: number;
  readonly error?: string;
  /** Layers that have lost their recipe, and bytes written back. */
  readonly layers: number;
  readonly bytes: number;
  /** Bytes that are to be written back. */
  readonly totalBytes: number;
}

/** What an undo works with. */
export interface UndoParts {
  readonly store: StoreContext;
  readonly layers: Pick<Layers, 'restore' | 'removeRecipe'>;
  readonly policy: DedupPolicy;
  readonly space: SpaceWatch;
  readonly faultPoint: (name: DedupFaultPoint) => void | Promise<void>;
}

/** Writes layers back. */
export interface Undo {
  /** Begins, or joins the undo that runs; resolves with its final report. */
  run(): Promise<UndoReport>;
  /** The undo that runs, else the last one; undefined before the first. */
  report(): UndoReport | undefined;
  close(): Promise<void>;
}

/** Prepares the undo of one process. */
export function createUndo(parts: UndoParts): Undo {
  const { store, layers, policy, space, faultPoint } = parts;
  const { kv, clock, target, settings } = store;
  const stop = new AbortController();
  const { signal } = stop;
  let report: Mutable<UndoReport> | undefined;
  let running: Promise<UndoReport> | undefined;

  const contentOf = (digest: Digest): ContentRecord | undefined =>
    kv.read(keys.content(digest), decode<ContentRecord>);

  /** Layers with recipes that may not be taken apart. */
  async function* unwanted(): AsyncGenerator<Digest> {
    for await (const found of keySteps(kv, ranges.recipes(), { pace: startPace(signal), signal })) {
      for (const digest of found.map(lastPart)) {
        if (kv.has(keys.content(digest)) && !mayTakeApart(policy, kv, digest)) yield digest;
      }
    }
  }

  /** Bytes that have to be written. */
  async function amount(): Promise<number> {
    let bytes = 0;
    for await (const digest of unwanted()) {
      const content = contentOf(digest);
      if (content?.recipe === true) bytes += content.size;
    }
    return bytes;
  }

  async function write(digest: Digest, writer: FileWriter): Promise<number> {
    let size = 0;
    for await (const block of layers.restore(digest, { signal })) {
      await writer.write([block], size);
      size += block.length;
      giveBackBlock(block);
    }
    await writer.sync();
    await faultPoint('undo.synced');
    return size;
  }

  /** Enters where a layer lies now. @returns false when it has changed meanwhile */
  async function enter(digest: Digest, source?: ContentSource): Promise<boolean> {
    const { result } = await change(kv, (changes) => {
      const record = changes.record<ContentRecord>(keys.content(digest));
      if (record === undefined || mayTakeApart(policy, changes.tx, digest)) return false;
      if ((record.recipe === true) !== (source !== undefined)) return false;
      if (source !== undefined) {
        if (record.damaged !== undefined) return false;
        keepIntact(changes, digest, { record, source });
      }
      layers.removeRecipe(changes, digest);
      return true;
    });
    if (result) await faultPoint('undo.committed');
    return result;
  }

  async function writeBack(digest: Digest, size: number): Promise<boolean> {
    if (!(await space.allows(size))) throw new NoSpaceError();
    if (size <= settings.inlineMax) {
      const blocks: Buffer[] = [];
      for await (const block of layers.restore(digest, { signal })) blocks.push(block);
      return await enter(digest, { inline: Buffer.concat(blocks) });
    }
    const writer = await target.create();
    let isEntered = false;
    try {
      const file = writer.id;
      isEntered = await enter(digest, { file, size: await write(digest, writer) });
      return isEntered;
    } finally {
      await writer.close();
      if (!isEntered) await target.remove(writer.id);
    }
  }

  async function work(now: Mutable<UndoReport>): Promise<void> {
    now.totalBytes = await amount();
    if (!(await space.allows(now.totalBytes))) throw new NoSpaceError();
    for await (const digest of unwanted()) {
      const content = contentOf(digest);
      if (content === undefined || content.damaged !== undefined) continue;
      const isLost = content.recipe === true;
      const isDone = isLost ? await writeBack(digest, content.size) : await enter(digest);
      if (!isDone) continue;
      now.layers++;
      if (isLost) now.bytes += content.size;
    }
  }

  async function run(): Promise<UndoReport> {
    const now: Mutable<UndoReport> = { started: clock(), layers: 0, bytes: 0, totalBytes: 0 };
    report = now;
    try {
      await work(now);
    } catch (error) {
      now.error = (error as Error).message;
      if (!signal.aborted) store.logger.error({ err: error }, 'undo failed');
    }
    now.finished = clock();
    return now;
  }

  return {
    run() {
      running ??= run().finally(() => {
        running = undefined;
      });
      return running;
    },
    report: () => report,
    async close() {
      stop.abort(new Error('the store is being closed'));
      await running;
    },
  };
}
