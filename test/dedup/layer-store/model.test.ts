/**
 * Pushes, pulls and deletes beside ingest, drops, collections, compactions and scrubs, in random
 * orders: each client knows what it has to find, whatever the others do.
 */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { deleteBlob, mountBlob } from '../../../src/storage/blobs.ts';
import { noise, text } from '../../codec/support/content.ts';
import { isLong } from '../../codec/support/effort.ts';
import { makeTar } from '../../support/tar.ts';
import { AT_ONCE, openTestLayerStore, type TestLayerStore } from '../support/layer-store.ts';

const SHARED = Array.from({ length: 8 }, (_, i) => ({ path: `s${i}`, bytes: text(3000, i + 1) }));
/** Layers that have files in common, and one that stays as it is. */
const LAYERS = [
  ...Array.from({ length: 3 }, (_, i) =>
    gzipSync(makeTar([...SHARED.slice(i), { path: `own${i}`, bytes: noise(20_000, i + 1) }])),
  ),
  noise(30_000, 99),
];
const REPOSITORIES = ['a', 'b'];
/** Milliseconds that a copy stays after its last use. */
const MIN_AGE = 100;

type Deed = 'push' | 'pull' | 'delete' | 'mount';
type Chore = 'collect' | 'age' | 'scrub' | 'drop';

const deeds = fc.array(fc.constantFrom<Deed>('push', 'pull', 'push', 'pull', 'delete', 'mount'), {
  minLength: 3,
  maxLength: 12,
});
const chores = fc.array(fc.constantFrom<Chore>('collect', 'age', 'scrub', 'drop'), {
  minLength: 3,
  maxLength: 12,
});

/** One client of one layer in one repository. @returns whether the layer is there in the end */
async function client(
  world: TestLayerStore,
  { layer, repository }: { readonly layer: Buffer; readonly repository: string },
  todo: readonly Deed[],
): Promise<boolean> {
  const digest = digestOf(layer);
  const { context } = world.store;
  let isThere = false;
  for (const deed of todo) {
    switch (deed) {
      case 'push':
        await world.push(repository, layer);
        isThere = true;
        break;
      case 'pull': {
        const bytes = await world.pull(repository, digest);
        expect(bytes !== undefined).toBe(isThere);
        if (bytes !== undefined) expect(bytes.equals(layer)).toBe(true);
        break;
      }
      case 'delete':
        if (!isThere) break;
        await deleteBlob(context, repository, digest);
        isThere = false;
        break;
      case 'mount':
        if (await mountBlob(context, { digest, from: REPOSITORIES, to: repository })) {
          isThere = true;
        }
        break;
    }
  }
  return isThere;
}

async function doChores(world: TestLayerStore, todo: readonly Chore[]): Promise<void> {
  for (const chore of todo) {
    switch (chore) {
      case 'collect': {
        const { error } = await world.store.collector.run({ dryRun: false });
        expect(error).toBeUndefined();
        break;
      }
      case 'age':
        world.test.time.now += MIN_AGE;
        await new Promise((resolve) => setImmediate(resolve));
        break;
      case 'scrub':
        expect(await world.store.scrub.run()).toMatchObject({ damaged: 0 });
        break;
      case 'drop':
        await world.layers.settled();
        break;
    }
  }
}

describe('decisions 3: whatever happens at the same time', () => {
  it('clients get what was pushed, and what was deleted leaves nothing', {
    timeout: 1_200_000,
  }, async () => {
    const pairs = LAYERS.flatMap((layer) =>
      REPOSITORIES.map((repository) => ({ layer, repository })),
    );
    const histories = fc.record({
      clients: fc.tuple(...pairs.map(() => deeds)),
      chores,
      minAge: fc.constantFrom(0, MIN_AGE),
    });
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const intactBudget = 60_000;
        const world = await openTestLayerStore({
          layers: {
            policy: { ...AT_ONCE, minAge: history.minAge, intactBudget },
            // So that compaction has something to do.
            segments: { segmentSize: 32 * 1024, rules: { minLive: 1, maxAge: 0 } },
          },
        });
        try {
          const work = pairs.map((pair, i) => client(world, pair, history.clients[i]!));
          const [results] = await Promise.all([Promise.all(work), doChores(world, history.chores)]);
          // Between commits: what is about to be removed is not shown, what replaces it not yet.
          await world.store.context.kv.settled();
          expect(world.contradictions()).toEqual([]);
          await world.reopen();
          world.test.time.now += MIN_AGE;
          await world.layers.settled();
          for (const [i, { layer, repository }] of pairs.entries()) {
            const bytes = await world.pull(repository, digestOf(layer));
            expect(bytes !== undefined).toBe(results[i]);
            if (bytes !== undefined) expect(bytes.equals(layer)).toBe(true);
            if (results[i]) await deleteBlob(world.store.context, repository, digestOf(layer));
          }
          await doChores(world, ['collect', 'collect']);
          expect(world.contradictions()).toEqual([]);
          expect([...world.store.context.kv.keys({ from: 'y', to: 'z' })]).toEqual([]);
          expect(world.layers.figures().segments).toMatchObject({ live: 0, dead: 0 });
        } finally {
          await world.close();
        }
      }),
      { numRuns: isLong ? 2000 : 40 },
    );
  });
});
