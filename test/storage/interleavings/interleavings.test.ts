/**
 * Pushes, HEADs, mounts, deletes, collection, crashes and restarts in every order that a schedule can
 * bring about. Nothing is left to chance: commits, writes, syncs, reads and removals happen when the
 * schedule says so, time passes when it says so, and one seed gives one schedule.
 *
 * MODEL_RUNS sets the number of schedules for the long form, MODEL_SEED repeats one.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { type Step, step, TIMES } from './schedule.ts';
import { Violation } from './universe.ts';
import { createWorld } from './world.ts';

// Hashing on a thread would end at times of its own.
vi.mock('../../../src/lib/hashing.ts', async () => await import('./hasher.ts'));

const RUNS = Number(process.env.MODEL_RUNS ?? 300);
const SEED = Number(process.env.MODEL_SEED ?? (process.env.MODEL_RUNS ? Date.now() : 42));

async function run(steps: readonly Step[], undo: number): Promise<void> {
  const world = createWorld(undo);
  const trace: string[] = [];
  try {
    await world.boot();
    for (const one of steps) {
      trace.push(`${JSON.stringify(one)} of [${world.waiting}]`);
      await world.step(one);
    }
    trace.push('end');
    await world.end();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    throw new Violation(`${error.message}\n${trace.join('\n')}`, { cause: error });
  } finally {
    vi.clearAllTimers();
  }
}

describe('interleavings of pushes, deletes, collection and crashes', () => {
  beforeAll(() => {
    // Nothing happens by itself, and no work ever takes so long that it has to rest.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  });
  afterAll(() => {
    vi.useRealTimers();
  });

  it.each([
    ['deletes are for good', 0],
    ['deletes can be taken back', TIMES.undo],
  ])(
    'decisions 3: no acknowledged content is lost, none shows that is not, none leaks: %s',
    { timeout: 3_600_000 },
    async (_, undo) => {
      const schedule = fc.array(step, { minLength: 1, maxLength: 80, size: 'max' });
      await fc.assert(
        fc.asyncProperty(schedule, (steps) => run(steps, undo)),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );
});
