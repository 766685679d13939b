import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { FileStore } from '../../../src/dedup/files/file-store.ts';
import { localFiles } from '../../../src/registry/admin/local-files.ts';
import { openFixture } from './store-fixture.ts';

it('of many requests about files sixteen work at a time, whatever they ask for', async () => {
  await using test = await openFixture();
  await test.pushImage('a', 'layer', ['x']);
  let open = 0;
  const hold = Promise.withResolvers<void>();
  const files = new Proxy({} as FileStore, {
    get: () => async () => {
      open++;
      await hold.promise;
      throw new Error('enough seen');
    },
  });
  const operations = localFiles(test.store, { files });
  const target = { repository: 'a', reference: 'x', path: '/' };
  const requests = Array.from({ length: 12 }, () => [
    operations.list(target),
    operations.open(target, { tar: false }),
    operations.diff({ repository: 'a', from: 'x', to: 'x' }),
  ]).flat();
  const answers = Promise.allSettled(requests);
  for (let i = 0; i < 100; i++) await turn();
  expect(open).toBe(16);
  hold.resolve();
  expect((await answers).every(({ status }) => status === 'rejected')).toBe(true);
  expect(open).toBe(requests.length);
});
