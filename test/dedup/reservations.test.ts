import { describe, expect, it } from 'vitest';
import type { DedupContext } from '../../src/dedup/context.ts';
import { createReservations } from '../../src/dedup/ingest/reservations.ts';
import { createIngestSession } from '../../src/dedup/ingest/session.ts';
import { GO_ON, openTestLayers } from './support/layers.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Whether something has happened, after what is under way had its turn. */
async function isDone(work: Promise<unknown>): Promise<boolean> {
  let done = false;
  work.then(() => {
    done = true;
  });
  await turn();
  return done;
}

describe('reservations of parts', () => {
  it('make others wait for those they share, and for nothing else', async () => {
    const reservations = createReservations();
    const first = await reservations.claim(['a', 'b'], GO_ON);
    expect(await isDone(reservations.claim(['c'], GO_ON))).toBe(true);
    const second = reservations.claim(['b', 'd'], GO_ON);
    expect(await isDone(second)).toBe(false);
    // Who waits has nothing reserved.
    expect(await isDone(reservations.claim(['d'], GO_ON).then((one) => one.end()))).toBe(true);
    first.end();
    expect(await isDone(second)).toBe(true);
  });

  it('can be let go in part', async () => {
    const reservations = createReservations();
    const first = await reservations.claim(['a', 'b'], GO_ON);
    const [forA, forB] = ['a', 'b'].map((hash) => reservations.claim([hash], GO_ON));
    first.keep(['b']);
    expect(await isDone(forA!)).toBe(true);
    expect(await isDone(forB!)).toBe(false);
    first.end();
    expect(await isDone(forB!)).toBe(true);
  });

  it('are given to one of those who wait', async () => {
    const reservations = createReservations();
    const first = await reservations.claim(['a'], GO_ON);
    const order: number[] = [];
    const others = [1, 2, 3].map(async (number) => {
      const one = await reservations.claim(['a'], GO_ON);
      order.push(number);
      await turn();
      order.push(number);
      one.end();
    });
    first.end();
    await Promise.all(others);
    expect(order).toEqual([1, 1, 2, 2, 3, 3]);
  });

  it('need not be waited for any longer by who is told to end', async () => {
    const reservations = createReservations();
    await reservations.claim(['a'], GO_ON);
    const stop = new AbortController();
    const waiting = reservations.claim(['a'], stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

it('an ingest that ends while it waits for parts holds nothing afterwards', async () => {
  const store = await openTestLayers();
  const reservations = createReservations();
  const pins = new Map<number, number>();
  const session = createIngestSession(
    { kv: store.segments.kv, segments: store.segments.store, pins } as unknown as DedupContext,
    { recipe: 1, writer: await store.segments.store.begin(GO_ON), reservations, signal: GO_ON },
  );
  const other = await reservations.claim(['a'], GO_ON);
  const search = session.find(['a']);
  search.catch(() => undefined);
  await turn();
  // Let go in the same moment: the search has what it waits for when it hears that all is over.
  other.end();
  session.end();
  await expect(search).rejects.toThrow('the ingest has ended');
  expect(await isDone(reservations.claim(['a'], GO_ON))).toBe(true);
  expect(pins.size).toBe(0);
  await store.close();
});

it('decisions 7: a search for many parts lets others have their turns', async () => {
  const store = await openTestLayers();
  const reservations = createReservations();
  const session = createIngestSession(
    {
      kv: store.segments.kv,
      segments: store.segments.store,
      pins: new Map(),
    } as unknown as DedupContext,
    { recipe: 1, writer: await store.segments.store.begin(GO_ON), reservations, signal: GO_ON },
  );
  let turns = 0;
  let isOver = false;
  const hashes = Array.from({ length: 50_000 }, (_, i) => `part-${i}`);
  const search = session.find(hashes).finally(() => {
    isOver = true;
  });
  for (; !isOver; turns++) await turn();
  expect((await search).length).toBe(hashes.length);
  expect(turns).toBeGreaterThan(10);
  session.end();
  await store.close();
});
