/**
 * Drops intact copies of layers that have a recipe (decisions 3). A copy stays as long as the layer was
 * used within a set time, and all copies together fit a budget; those used longest ago go first.
 *
 * A recipe is there only when it is durable and has given back the layer's bytes. The transaction that
 * drops the copy looks again, and the file is removed when it is durable. Who has the file open keeps
 * its bytes.
 */
import { sleep } from '../../lib/sleep.ts';
import type { Digest } from '../../oci/digest.ts';
import type { StoreContext } from '../../storage/context.ts';
import { type Changes, change, keepRecipeOnly } from '../../storage/metadata/changes.ts';
import { keys, lastPart, ranges } from '../../storage/metadata/keys.ts';
import type { ContentRecord } from '../../storage/metadata/records.ts';
import { startPace } from '../../storage/pace.ts';
import { keySteps } from '../../storage/steps.ts';
import type { FileId } from '../../storage/target/types.ts';
import { forgetIntactCopy } from '../catalog/intact-copies.ts';
import type { RecipeRecord } from '../catalog/records.ts';
import { readTotals } from '../catalog/totals.ts';
import type { DedupFaultPoint } from '../context.ts';
import { type DedupPolicy, mayTakeApart } from '../policy.ts';
import type { LastUse } from './last-use.ts';

/** Bounds of the pause between two rounds, milliseconds. */
const SHORTEST_PAUSE = 1000;
const LONGEST_PAUSE = 60_000;
/** Copies that are dropped together, because they share a commit. */
const AT_ONCE = 16;

/** What dropping works with. */
export interface DropParts {
  readonly store: StoreContext;
  readonly policy: DedupPolicy;
  readonly lastUse: LastUse;
  /** Whether anything is dropped without being asked for. */
  readonly isActive: boolean;
  readonly faultPoint: (name: DedupFaultPoint) => void | Promise<void>;
}

/** Drops copies. */
export interface Dropper {
  /** Drops the copy of a layer if it may go already. */
  consider(digest: Digest): void;
  /** Goes over all copies once. @throws CommitError, the signal's reason */
  round(): Promise<void>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  readonly isIdle: boolean;
  close(): Promise<void>;
}

/**
 * Lets the intact bytes of a layer go, as a part of a transaction; its entry among the copies goes too
 * when there is no such copy any more.
 * @returns whether bytes went
 */
function dropCopy(changes: Changes, policy: DedupPolicy, digest: Digest): boolean {
  const content = changes.record<ContentRecord>(keys.content(digest));
  const recipe = changes.record<RecipeRecord>(keys.recipe(digest));
  if (content === undefined || content.recipe === true || recipe === undefined) {
    forgetIntactCopy(changes, digest);
    return false;
  }
  if (recipe.size !== content.size || !mayTakeApart(policy, changes.tx, digest)) return false;
  keepRecipeOnly(changes, digest, content);
  forgetIntactCopy(changes, digest);
  return true;
}

/** Starts to drop copies, at intervals and when asked. */
export function startDropper(parts: DropParts): Dropper {
  const { store, policy, lastUse, isActive, faultPoint } = parts;
  const { kv, clock } = store;
  const stop = new AbortController();
  const { signal } = stop;
  const underWay = new Set<Promise<unknown>>();
  let running: Promise<void> | undefined;

  function track<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(
      () => undefined,
      (error: unknown) => {
        if (!signal.aborted) store.logger.warn({ err: error }, 'intact copies not dropped');
      },
    );
    underWay.add(settled);
    void settled.then(() => underWay.delete(settled));
    return work;
  }

  const isDue = (digest: Digest): boolean => clock() - lastUse.of(digest) >= policy.minAge;
  const isOverBudget = (): boolean => readTotals(kv).copyBytes > policy.intactBudget;

  /** Drops copies, but not those that `mayGo` wants to keep at the last moment. */
  async function drop(
    digests: readonly Digest[],
    mayGo: (digest: Digest) => boolean,
  ): Promise<void> {
    for (let at = 0; at < digests.length; at += AT_ONCE) {
      const freed: FileId[] = [];
      const drops = digests.slice(at, at + AT_ONCE).map(async (digest) => {
        const result = await change(kv, (changes) => {
          if (mayGo(digest)) dropCopy(changes, policy, digest);
        });
        freed.push(...result.freed);
      });
      const results = await Promise.allSettled(drops);
      await faultPoint('drop.committed');
      await store.removeFiles(freed);
      await faultPoint('drop.unlinked');
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    }
  }

  /** Goes over all copies and drops some of them. */
  async function sweep(mayGo: (digest: Digest) => boolean): Promise<void> {
    const pace = startPace(signal);
    for await (const found of keySteps(kv, ranges.intactCopies(), { pace, signal })) {
      await drop(found.map(lastPart).filter(mayGo), mayGo);
    }
  }

  /** Drops those used longest ago until the rest fits the budget. */
  async function fitBudget(): Promise<void> {
    if (!isOverBudget()) return;
    await sweep((digest) => isOverBudget() && !lastUse.isKnown(digest));
    for (const digest of [...lastUse.known()]) {
      signal.throwIfAborted();
      if (!isOverBudget()) return;
      if (kv.has(keys.intactCopy(digest))) await drop([digest], () => true);
    }
  }

  function round(): Promise<void> {
    running ??= track(sweep(isDue).then(fitBudget)).finally(() => {
      running = undefined;
    });
    return running;
  }

  async function forever(): Promise<void> {
    const pause = Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, policy.minAge / 4));
    while (!signal.aborted) {
      await round().catch(() => undefined);
      await sleep(pause, signal);
    }
  }

  const rounds = isActive ? forever().catch(() => undefined) : undefined;
  return {
    consider(digest) {
      if (!isActive || signal.aborted || !isDue(digest)) return;
      void track(drop([digest], isDue)).catch(() => undefined);
    },
    round,
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    get isIdle() {
      return underWay.size === 0;
    },
    async close() {
      stop.abort(new Error('the store is being closed'));
      await Promise.all([rounds, ...underWay]);
    },
  };
}
