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
    import('${MODULE}').then(({ standBack }) => {
      standBack();
      parentPort.postMessage(readFileSync('/proc/thread-self/stat', 'latin1'));
    });
  `,
      { eval: true },
    );
    const [stat] = (await once(worker, 'message')) as [string];
    // Fields behind the name, which may have spaces: the first of them is the third of proc(5).
    const niceOf = (text: string): number =>
      Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[16]);
    expect(niceOf(stat)).toBe(10);
    expect(getPriority()).toBe(before);
    expect(niceOf(readFileSync('/proc/self/stat', 'latin1'))).toBe(before);
    await worker.terminate();
  },
);
