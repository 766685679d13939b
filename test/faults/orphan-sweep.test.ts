import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { deleteBlob } from '../../src/storage/blobs.ts';
import { bytesOf, LARGE, pullBlob, pushBlob } from '../storage/support/content.ts';
import { memoryPlace, openTestStore } from '../storage/support/stores.ts';

it('decisions 3: a file is not taken for a leftover while its removal waits for its commit', async () => {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const seen = Promise.withResolvers<void>();
  let fails = false;
  const place = memoryPlace({
    engine: (inner) => ({
      ...inner,
      async commit(batch) {
        if (fails) {
          begun.resolve();
          await gate.promise;
          throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        }
        await inner.commit(batch);
      },
    }),
    target: (inner) => ({
      ...inner,
      async *files() {
        yield* inner.files();
        seen.resolve();
      },
    }),
  });
  const test = await openTestStore(place, { settings: { lease: 1000 } });
  const bytes = bytesOf('about to go', LARGE);
  const digest = await pushBlob(test.store, 'a', bytes);
  // Else the repository goes too, and the collector waits there.
  await pushBlob(test.store, 'a', bytesOf('stays', 100));
  // Only files of an earlier run can be leftovers.
  await test.reopen();
  fails = true;
  const deleting = deleteBlob(test.store.context, 'a', digest);
  await begun.promise;
  const running = test.store.collector.run({ dryRun: false });
  // The collector has passed all files, or it waits for the commit as well.
  await Promise.race([seen.promise, sleep(500)]);
  gate.resolve();
  await expect(deleting).rejects.toThrow('ENOSPC');
  await running;
  fails = false;
  // It was not deleted, so it is whole.
  expect(await pullBlob(test.store, 'a', digest)).toEqual(bytes);
  await test.close();
});
