import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

const MODULE = new URL('../../src/lib/thread-priority.ts', import.meta.url).href;

it.skipIf(process.platform !== 'linux')(
  'is taken from one thread, not from the process',
  async () => {
    const before = getPriority();
    const worker = new Worker(
      `
    const { readFileSync } = require('node:fs');
    const { parentPort } = require('node:worker_threads');
    import('${MODULE}').then(async ({ standBack }) => {
      await standBack();
      parentPort.postMessage(readFileSync('/proc/thread-self/stat', 'latin1'));
    });
  `,
      { eval: true },
    );
    const [stat] = (await once(worker, 'message')) as [string];
    // Fields by their numbers in proc(5), which counts from 1; the name may have spaces.
    const fieldOf = (text: string, field: number): number =>
      Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[field - 3]);
    const NICE = 19;
    const POLICY = 41;
    const SCHED_IDLE = 5;
    expect([fieldOf(stat, NICE), fieldOf(stat, POLICY)]).toEqual([10, SCHED_IDLE]);
    const own = readFileSync('/proc/self/stat', 'latin1');
    expect([fieldOf(own, NICE), fieldOf(own, POLICY)]).toEqual([before, 0]);
    expect(getPriority()).toBe(before);
    await worker.terminate();
  },
);
