import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryEngine } from '../../../src/storage/kv/memory.ts';
import { openKeyValueStore } from '../../../src/storage/kv/store.ts';
import type { KeyRange, KeyValueEngine, Transaction } from '../../../src/storage/kv/types.ts';
import { ENGINE_PLACES } from '../support/engines.ts';
import { holdCommits, turn } from '../support/held-engine.ts';

/** Prefixes of one another, with the characters that stand next to the space. */
const KEYS = ['a', 'a ', 'a 1', 'a 2', 'a!', 'ab', 'b', 'b 1', 'c'];

type Writes = ReadonlyMap<string, string | null>;
type Step =
  | { readonly kind: 'transact'; readonly writes: Writes; readonly throws: boolean }
  | { readonly kind: 'turn' | 'release' | 'fail' };

const write = fc.tuple(fc.constantFrom(...KEYS), fc.option(fc.string({ maxLength: 3 })));
const transact = fc.record({
  kind: fc.constant('transact' as const),
  writes: fc.array(write, { maxLength: 4 }).map((pairs): Writes => new Map(pairs)),
  throws: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: transact },
  { weight: 2, arbitrary: fc.constant({ kind: 'turn' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'release' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'fail' as const }) },
);
const range: fc.Arbitrary<KeyRange> = fc
  .tuple(fc.constantFrom(...KEYS), fc.constantFrom(...KEYS, '~'), fc.option(fc.nat(4)))
  .map(([from, to, limit]) => ({ from, to, ...(limit !== null && { limit }) }));

const decode = (value: Uint8Array): { text: string } => ({ text: Buffer.from(value).toString() });

/** A plain map, and the batches that were written on top of it and are not durable. */
class Model {
  durable = new Map<string, string>();
  /** The batch being committed, if one is, and then the one being gathered. */
  batches: Map<string, string | null>[] = [];
  isCommitting = false;

  /** As a transaction sees it. */
  get current(): Map<string, string> {
    const all = new Map(this.durable);
    for (const batch of this.batches) apply(all, batch);
    return all;
  }

  /** As plain reads show it: the durable values, without those that are about to disappear. */
  get shown(): Map<string, string> {
    const latest = new Map(this.batches.flatMap((batch) => [...batch]));
    const committing = this.isCommitting ? this.batches[0] : undefined;
    const isGoing = (key: string): boolean =>
      latest.get(key) === null || committing?.get(key) === null;
    return new Map([...this.durable].filter(([key]) => !isGoing(key)));
  }

  stage(writes: Writes): void {
    if (writes.size === 0) return;
    if (this.batches.length === (this.isCommitting ? 1 : 0)) this.batches.push(new Map());
    const gathering = this.batches.at(-1)!;
    for (const [key, value] of writes) gathering.set(key, value);
  }
}

function apply(values: Map<string, string>, batch: Writes): void {
  for (const [key, value] of batch) {
    if (value === null) values.delete(key);
    else values.set(key, value);
  }
}

/** What a range of a map holds. */
function select(values: ReadonlyMap<string, string>, { from, to, limit }: KeyRange): string[] {
  const keys = [...values.keys()].filter((key) => key >= from && key < to);
  return keys.sort().slice(0, limit);
}

async function check(inner: KeyValueEngine, steps: readonly Step[], ranges: readonly KeyRange[]) {
  const engine = holdCommits(inner);
  const kv = openKeyValueStore(engine);
  const model = new Model();
  const outcomes: {
    readonly promise: Promise<unknown>;
    readonly refused: boolean;
    readonly batch: object | undefined;
  }[] = [];
  const lost = new Set<object>();

  function expectReads(): void {
    const { shown } = model;
    for (const key of KEYS) {
      expect(kv.read(key, decode)?.text).toBe(shown.get(key));
      expect(kv.bytes(key)?.toString()).toBe(shown.get(key));
      expect(kv.has(key)).toBe(shown.has(key));
    }
    for (const one of ranges) {
      expect([...kv.keys(one)]).toEqual(select(shown, one));
      const entries = [...kv.entries(one)].map(([key, value]) => [key, decode(value).text]);
      expect(entries).toEqual(select(shown, one).map((key) => [key, shown.get(key)]));
    }
  }
  function expectTransaction(tx: Transaction): void {
    const { current } = model;
    for (const key of KEYS) {
      const value = tx.get(key);
      expect(value && decode(value).text).toBe(current.get(key));
      expect(tx.has(key)).toBe(current.has(key));
    }
    for (const one of ranges) expect(tx.keys(one)).toEqual(select(current, one));
  }
  /** A gathered batch goes to the engine at the end of a turn, when the last one has ended. */
  function noteCommitting(): void {
    model.isCommitting = model.batches.length > 0;
    expect(engine.held !== undefined).toBe(model.isCommitting);
  }

  for (const one of steps) {
    if (one.kind === 'transact') {
      const promise = kv.transact((tx) => {
        expectTransaction(tx);
        for (const [key, value] of one.writes) {
          if (value === null) tx.remove(key);
          else tx.put(key, Buffer.from(value));
        }
        if (one.throws) throw new RangeError('on purpose');
      });
      promise.catch(() => undefined);
      if (!one.throws) model.stage(one.writes);
      outcomes.push({ promise, refused: one.throws, batch: model.batches.at(-1) });
    } else if (one.kind === 'turn') {
      await turn();
      noteCommitting();
    } else if (engine.held !== undefined) {
      if (one.kind === 'release') {
        apply(model.durable, model.batches.shift()!);
        await engine.release();
      } else {
        for (const batch of model.batches.splice(0)) lost.add(batch);
        await engine.fail(new Error('disk full'));
      }
      noteCommitting();
    }
    expectReads();
  }
  for (await turn(); engine.held !== undefined; await turn()) {
    noteCommitting();
    apply(model.durable, model.batches.shift()!);
    await engine.release();
  }
  expectReads();
  for (const { promise, refused, batch } of outcomes) {
    if (batch !== undefined && lost.has(batch)) await expect(promise).rejects.toThrow('disk full');
    else if (refused) await expect(promise).rejects.toBeInstanceOf(RangeError);
    else await promise;
  }
}

describe('the metadata store against a plain map', () => {
  const runs = Number(process.env.MODEL_RUNS ?? 200);

  it('decisions 3: any transactions, commits and failures of commits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.array(range, { maxLength: 3 }),
        (steps, ranges) => check(createMemoryEngine(), steps, ranges),
      ),
      { numRuns: runs },
    );
  });

  it.each(ENGINE_PLACES.map((place) => place()))('a long history on $name', async (place) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 60, maxLength: 100, size: 'max' }),
        fc.array(range, { minLength: 4, maxLength: 4 }),
        async (steps, ranges) => {
          const engine = await place.open();
          try {
            await check(engine, steps, ranges);
          } finally {
            await engine.close();
            await place.remove();
          }
        },
      ),
      { numRuns: 3 },
    );
  });
});
