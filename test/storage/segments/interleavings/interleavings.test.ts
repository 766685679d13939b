/**
 * Stores, removals, reads, compaction, scrub, crashes and restarts in every order that a schedule can
 * bring about. Commits, writes, syncs, reads and removals happen when the schedule says so; one seed
 * gives one schedule.
 *
 * MODEL_RUNS sets the number of schedules for the long form, MODEL_SEED repeats one.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { type Step, step } from './schedule.ts';
import { createWorld, Violation } from './world.ts';

const RUNS = Number(process.env.MODEL_RUNS ?? 300);
const SEED = Number(process.env.MODEL_SEED ?? (process.env.MODEL_RUNS ? Date.now() : 42));

async function run(steps: readonly Step[]): Promise<void> {
  const world = createWorld();
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
    throw new Violation(`${(error as Error).message}\n${trace.join('\n')}`, { cause: error });
  }
}

describe('interleavings of what happens to segments', () => {
  beforeAll(() => {
    // No work ever takes so long that it has to rest.
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterAll(() => {
    vi.useRealTimers();
  });

  it('decisions 3: no entered group is lost or wrong, none is back that was let go, none leaks', {
    timeout: 3_600_000,
  }, async () => {
    const schedule = fc.array(step, { minLength: 1, maxLength: 120, size: 'max' });
    await fc.assert(fc.asyncProperty(schedule, run), { numRuns: RUNS, seed: SEED });
  });
});
