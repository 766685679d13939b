import { describe, expect, it } from 'vitest';
import { createIngestGate, NoSpaceError } from '../../src/dedup/ingest/gate.ts';
import { retryPause } from '../../src/dedup/ingest/queue.ts';
import { sleep } from '../../src/lib/sleep.ts';
import { GO_ON } from './support/layers.ts';

/** A gate and what it goes by. */
function makeGate() {
  const world = { isBusy: false, hasSpace: true };
  const gate = createIngestGate({
    isBusy: () => world.isBusy,
    hasSpace: () => world.hasSpace,
  });
  return { world, gate };
}

/** Whether something is settled within a moment that is longer than the gate's own pauses. */
async function isDoneSoon(work: Promise<unknown>): Promise<boolean> {
  const late = new Promise<false>((resolve) => setTimeout(() => resolve(false), 400));
  return await Promise.race([work.then(() => true as const), late]);
}

describe('decisions 7: ingest makes way', () => {
  it('one layer goes on while clients are served, the others wait for their turn', async () => {
    const { world, gate } = makeGate();
    const [first, second] = [gate.enter(), gate.enter()];
    await Promise.all([first.wait(GO_ON), second.wait(GO_ON)]);
    world.isBusy = true;
    expect(gate.isOpen()).toBe(false);
    expect(await isDoneSoon(first.wait(GO_ON))).toBe(true);
    const waiting = second.wait(GO_ON);
    expect(await isDoneSoon(waiting)).toBe(false);
    first.leave();
    await waiting;
    second.leave();
    expect(gate.isOpen()).toBe(true);
  });

  it('the one that goes on takes its time while clients are served', async () => {
    const { world, gate } = makeGate();
    const turn = gate.enter();
    let hasSlept = false;
    setImmediate(() => {
      hasSlept = true;
    });
    for (let piece = 0; piece < 100; piece++) await turn.wait(GO_ON);
    expect(hasSlept).toBe(false);
    world.isBusy = true;
    const began = performance.now();
    for (let piece = 0; piece < 4; piece++) await turn.wait(GO_ON);
    // Timers may fire a millisecond early.
    expect(performance.now() - began).toBeGreaterThan(4 * 199);
    // What was used for other things counts.
    await sleep(250, GO_ON);
    expect(await isDoneSoon(turn.wait(GO_ON))).toBe(true);
  });

  it('goes on together when clients are gone', async () => {
    const { world, gate } = makeGate();
    world.isBusy = true;
    gate.enter();
    const waiting = gate.enter().wait(GO_ON);
    expect(await isDoneSoon(waiting)).toBe(false);
    world.isBusy = false;
    await waiting;
  });

  it('waits no longer when it is told to end', async () => {
    const { world, gate } = makeGate();
    world.isBusy = true;
    gate.enter();
    const stop = new AbortController();
    const waiting = gate.enter().wait(stop.signal);
    stop.abort(new Error('the end'));
    await expect(waiting).rejects.toThrow('the end');
  });

  it('decisions 2: ends below the reserve, and begins nothing there', async () => {
    const { world, gate } = makeGate();
    const turn = gate.enter();
    world.hasSpace = false;
    expect(gate.isOpen()).toBe(false);
    await expect(turn.wait(GO_ON)).rejects.toThrow(NoSpaceError);
    turn.leave();
    expect(gate.isOpen()).toBe(false);
    world.hasSpace = true;
    expect(gate.isOpen()).toBe(true);
  });

  it('tries a layer again after twice as long each time, an hour at most', () => {
    expect([1, 2, 3, 6, 7, 8, 1000].map(retryPause)).toEqual([
      60_000, 120_000, 240_000, 1_920_000, 3_600_000, 3_600_000, 3_600_000,
    ]);
  });
});
