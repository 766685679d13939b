/** The search: inputs that reach new code are kept, and others are made from them. */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Random, startRandom } from '../support/random.ts';
import { CoverageMeter } from './coverage.ts';
import type { Input } from './input.ts';
import { mutate } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

/** Something that must not be. */
export interface Finding {
  readonly kind: 'crash' | 'hang' | 'memory';
  readonly message: string;
  /** The input that did it; of memory, the last one. */
  readonly input: Input;
}

/** What a search came to. */
export interface FuzzResult {
  readonly executions: number;
  /** Inputs that were kept, seeds included, and features of the code that were reached. */
  readonly kept: number;
  readonly features: number;
  readonly seedFeatures: number;
}

/** How to search. */
export interface FuzzOptions {
  readonly target: FuzzTarget;
  readonly seed: number;
  /** When it is over; asked before each execution. */
  isOver(executions: number): boolean;
  /** Told of each input before it runs. */
  began(input: Input): void;
  found(finding: Finding): void;
}

/** Of the inputs that are not kept, one in so many is replayed on what is compiled as well. */
const REPLAY_EACH = 16;
/** Of the choices of an input to go on from, the share that falls on the newest ones. */
const NEWEST_SHARE = 0.5;
const NEWEST = 32;
/** Executions between two looks at memory. */
const LOOK_EACH = 2048;
/** Bytes by which memory may grow, besides what is kept. */
const MOST_GROWTH = 96 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/**
 * Bytes that are in use on this thread. What is closed later, such as what zlib had when it refused an
 * input, gets its turn before.
 */
async function memoryInUse(): Promise<number> {
  await turn();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function pickInput(random: Random, corpus: readonly Input[]): Input {
  const isNewest = random.chance(NEWEST_SHARE);
  return random.pick(isNewest ? corpus.slice(-NEWEST) : corpus)!;
}

/** What tells findings apart: the message without numbers, and where it was thrown. */
function keyOf(error: Error): string {
  const [, where = ''] = error.stack?.match(/^\s+at (.*)$/m) ?? [];
  return `${error.message.replace(/\d+/g, '#').slice(0, 200)} ${where}`;
}

/** Searches. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { target, seed, isOver, began, found } = options;
  const meter = new CoverageMeter((url) => target.covers(url));
  const random = startRandom(seed);
  const corpus: Input[] = [];
  const known = new Set<string>();
  let executions = 0;

  /** @returns whether nothing was wrong */
  function attempt(input: Input, action: (input: Input) => void): boolean {
    began(input);
    try {
      action(input);
      return true;
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      const key = keyOf(error);
      if (!known.has(key)) {
        known.add(key);
        found({ kind: 'crash', message: error.stack ?? error.message, input });
      }
      return false;
    }
  }

  function execute(input: Input, isSeed: boolean): void {
    executions++;
    meter.look();
    const before = meter.size;
    const isRight = attempt(input, (one) => target.run(one));
    meter.look();
    const isNew = meter.size > before;
    if (isSeed || (isNew && isRight)) corpus.push(input);
    if (isSeed || isNew || executions % REPLAY_EACH === 0) {
      attempt(input, (one) => target.replay(one));
    }
  }

  for (const input of target.seeds()) execute(input, true);
  const seedFeatures = meter.size;
  let allowed = (await memoryInUse()) + MOST_GROWTH;
  while (!isOver(executions)) {
    const changed = mutate(random, pickInput(random, corpus), pickInput(random, corpus), target);
    const input = random.chance(0.75) ? (target.repair?.(changed) ?? changed) : changed;
    const kept = corpus.length;
    execute(input, false);
    if (corpus.length > kept) allowed += 2 * input.reduce((sum, { length }) => sum + length, 1024);
    if (executions % LOOK_EACH > 0) continue;
    const used = await memoryInUse();
    if (used <= allowed) continue;
    found({ kind: 'memory', message: `${used} bytes are in use, ${allowed} were allowed`, input });
    break;
  }
  const result = { executions, kept: corpus.length, features: meter.size, seedFeatures };
  meter.close();
  return result;
}
