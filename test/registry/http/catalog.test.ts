import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Exchange } from '../../../src/registry/http/exchange.ts';
import { getCatalog } from '../../../src/registry/http/list-handlers.ts';
import { change } from '../../../src/storage/metadata/changes.ts';
import { openTestStore, STORE_PLACES, type TestStore } from '../../storage/support/stores.ts';

const MANY = 10_000;

let test: TestStore;
beforeEach(async () => {
  const [make] = STORE_PLACES;
  test = await openTestStore(make!());
  await change(test.store.context.kv, (changes) => {
    for (let i = 0; i < MANY; i++) changes.addRepository(`team-${i}/app`, 0);
  });
});
afterEach(() => test.close());

it('decisions 7: a walk over a catalogue of which the caller sees nothing lets others have their turn', async () => {
  let asked = 0;
  let answer: unknown;
  const access = {
    has: () => true,
    mayEver() {
      asked++;
      return false;
    },
  };
  const exchange = {
    app: { store: test.store },
    access,
    target: { path: '/v2/_catalog' },
    query: () => undefined,
    sendJson: (_: number, value: unknown) => {
      answer = value;
    },
  };
  let turns = 0;
  let over = false;
  const others = (): void => {
    turns++;
    if (!over) setImmediate(others);
  };
  setImmediate(others);
  await getCatalog(exchange as unknown as Exchange);
  over = true;
  expect(answer).toEqual({ repositories: [] });
  expect(asked).toBe(MANY);
  expect(turns).toBeGreaterThanOrEqual(4);
});
