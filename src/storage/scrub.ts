/**
 * The scrub reads everything again within a set time, compares it with its digest and quarantines
 * what is damaged (decisions 1). It remembers how far it has come, so that a server that is started
 * anew every day still gets through.
 */

import { isInDemand } from '../lib/demand.ts';
import type { Hasher } from '../lib/hashing.ts';
import type { Mutable } from '../lib/mutable.ts';
import { sleep } from '../lib/sleep.ts';
import { algorithmOf, type Digest, digestOf } from '../oci/digest.ts';
import {
  type Content,
  contentInMemory,
  DAMAGE,
  findContent,
  openContent,
  quarantine,
  unreadable,
} from './content.ts';
import type { StoreContext } from './context.ts';
import { after } from './kv/types.ts';
import { change } from './metadata/changes.ts';
import { keys, lastPart, ranges } from './metadata/keys.ts';
import { decode, type QuarantineRecord, type ScrubRecord } from './metadata/records.ts';
import { readTotals } from './metadata/totals.ts';
import { limitRate } from './rate.ts';
import { readAt } from './target/read.ts';

/** How a pass has gone so far. */
export interface ScrubReport {
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly finished?: number;
  readonly error?: string;
  /** Contents and bytes read, and how many there are about. */
  readonly contents: number;
  readonly totalContents: number;
  readonly bytes: number;
  readonly totalBytes: number;
  /** Contents found damaged in this pass. */
  readonly damaged: number;
}

/** What the passes since the start have read and found. */
export interface ScrubTotals {
  readonly contents: number;
  readonly bytes: number;
  readonly damaged: number;
}

/** Content that waits for being pushed again. */
export interface QuarantineEntry {
  readonly digest: Digest;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** How the scrub is set up. */
export interface ScrubOptions {
  readonly hasher: Hasher;
  /** Milliseconds within which everything is read once; 0: only when asked for. */
  readonly period: number;
  /** Bytes a second that a pass may read when it was asked for. */
  readonly rate: number;
}

/** Reads everything again. */
export interface Scrub {
  /** Begins a pass at the set rate, or joins the one that was asked for before. */
  run(): Promise<ScrubReport>;
  /**
   * Looks at the intact bytes of one content now.
   * @returns false when they are damaged, and out of service then
   */
  check(digest: Digest): Promise<boolean>;
  /** The pass that runs, else the last one; undefined before the first. */
  report(): ScrubReport | undefined;
  /** The sum over all passes, the running ones included. */
  totals(): ScrubTotals;
  readonly running: boolean;
  /** What is quarantined now. */
  quarantined(): Iterable<QuarantineEntry>;
  close(): Promise<void>;
}

/** Contents between two notes of how far the pass has come, and milliseconds between two passes. */
const NOTE_EVERY = 500;
const BREATH = 60_000;
/** A slow pass goes a little faster than it must, to be done in time. */
const HASTE = 1.1;
/** How many times slower a pass goes that was asked for, while clients are served. */
const STAND_BACK = 4;
/** What looking at one content costs beside its bytes, expressed in bytes. */
const COST = 1024;

/** Starts the scrub. */
export function startScrub(context: StoreContext, options: ScrubOptions): Scrub {
  const { kv, clock } = context;
  const stop = new AbortController();
  const { signal } = stop;
  let report: Mutable<ScrubReport> | undefined;
  let asked: Promise<ScrubReport> | undefined;
  let slow: Promise<void> | undefined;
  const sums = { contents: 0, bytes: 0, damaged: 0 };

  /** What is wrong with a content, or undefined. */
  async function problem(
    content: Content,
    spend: (bytes: number) => Promise<void>,
  ): Promise<string | undefined> {
    const { digest, size, record } = content;
    const algorithm = algorithmOf(digest);
    // What it is made of is read behind the contents.
    if (record.recipe === true) return undefined;
    if (record.file === undefined) {
      context.contentCache.delete(digest);
      const bytes = contentInMemory(context, content);
      await spend(size);
      if (bytes === undefined) return DAMAGE.missingBytes;
      return digestOf(bytes, algorithm) === digest ? undefined : DAMAGE.wrongBytes;
    }
    const reader = await openContent(context, content);
    if (reader === undefined) {
      return kv.has(keys.quarantined(digest)) ? DAMAGE.missingFile : undefined;
    }
    try {
      if ((await reader.size()) !== size) return DAMAGE.wrongLength;
      const hex = await options.hasher.hash({
        algorithm,
        read: (buffer, position) => readAt(reader, buffer, position),
        size,
        signal,
        onChunk: spend,
      });
      return `${algorithm}:${hex}` === digest ? undefined : DAMAGE.wrongBytes;
    } catch (error) {
      signal.throwIfAborted();
      return unreadable(error);
    } finally {
      reader.release();
    }
  }

  /** Looks at a content, and takes it out of service when it is damaged. */
  async function isSound(
    digest: Digest,
    spend: (bytes: number) => Promise<void>,
  ): Promise<boolean> {
    const content = findContent(context, digest);
    const wrong = content && (await problem(content, spend));
    if (content === undefined || wrong === undefined) return true;
    await quarantine(context, content, wrong);
    return false;
  }

  /** What there is to be read. */
  function amount(): Pick<ScrubReport, 'totalContents' | 'totalBytes'> {
    const { contents, bytes, recipeBytes } = readTotals(kv);
    const beside = context.hooks.scrubbed?.bytes() ?? 0;
    return { totalContents: contents, totalBytes: bytes - recipeBytes + beside };
  }

  /** Reads what layers are made of that are kept as recipes. */
  async function scrubBeside(now: Mutable<ScrubReport>, rate: () => number): Promise<void> {
    const found = await context.hooks.scrubbed?.scrub(rate, signal);
    if (found === undefined) return;
    for (const sum of [now, sums]) {
      sum.bytes += found.bytes;
      sum.damaged += found.damaged;
    }
  }

  function note(record: ScrubRecord): Promise<unknown> {
    return change(kv, (changes) => changes.put(keys.scrub, record));
  }

  /** @param rate - bytes a second */
  async function pass(rate: () => number, from: ScrubRecord): Promise<ScrubReport> {
    const now: Mutable<ScrubReport> = {
      started: from.started,
      contents: 0,
      bytes: 0,
      damaged: 0,
      ...amount(),
    };
    report = now;
    const pay = limitRate(rate, signal);
    const spend = (bytes: number): Promise<void> => {
      now.bytes += bytes;
      sums.bytes += bytes;
      return pay(bytes);
    };
    let record = from;
    const { to } = ranges.contents();
    let next = from.last === undefined ? ranges.contents().from : after(keys.content(from.last));
    try {
      for (;;) {
        const [key] = kv.keys({ from: next, to, limit: 1 });
        if (key === undefined) break;
        const digest = lastPart(key);
        if (!(await isSound(digest, spend))) {
          now.damaged++;
          sums.damaged++;
        }
        now.contents++;
        sums.contents++;
        next = after(key);
        record = { ...record, last: digest };
        if (now.contents % NOTE_EVERY === 0) await note(record);
        // Tiny contents cost time although they have no bytes to speak of.
        await pay(COST);
        signal.throwIfAborted();
      }
      await scrubBeside(now, rate);
      await note({ started: clock(), completed: clock() });
    } catch (error) {
      now.error = (error as Error).message;
      if (signal.aborted) await note(record).catch(() => undefined);
      else context.logger.error({ err: error }, 'scrub failed');
    }
    now.finished = clock();
    if (now.error === undefined) context.logger.info({ ...now }, 'scrub finished');
    return now;
  }

  async function forever(): Promise<void> {
    const { period } = options;
    while (!signal.aborted) {
      const record = kv.read(keys.scrub, decode<ScrubRecord>) ?? { started: clock() };
      const rate = (): number => {
        const { totalBytes, totalContents } = amount();
        return Math.max(1, ((totalBytes + totalContents * COST) * HASTE * 1000) / period);
      };
      if (asked === undefined) await pass(rate, record);
      await sleep(Math.min(BREATH, period), signal);
    }
  }

  if (options.period > 0) {
    slow = sleep(Math.min(BREATH, options.period), signal)
      .then(forever)
      .catch((error: unknown) => {
        if (!signal.aborted) context.logger.error({ err: error }, 'scrub stopped');
      });
  }
  return {
    run() {
      asked ??= pass(() => (isInDemand() ? options.rate / STAND_BACK : options.rate), {
        started: clock(),
      }).finally(() => {
        asked = undefined;
      });
      return asked;
    },
    check: (digest) => isSound(digest, async () => undefined),
    report: () => report,
    totals: () => ({ ...sums }),
    get running() {
      return report !== undefined && report.finished === undefined;
    },
    *quarantined() {
      for (const [key, value] of kv.entries(ranges.quarantined())) {
        yield { digest: lastPart(key), ...decode<QuarantineRecord>(value) };
      }
    },
    async close() {
      stop.abort(new Error('the store is being closed'));
      await asked;
      await slow;
    },
  };
}
