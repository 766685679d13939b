/** The order in which sections are read and rebuilt. */
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { openLayers } from '../../../src/dedup/layers.ts';
import { noise } from '../../codec/support/content.ts';
import { makeTar } from '../../support/tar.ts';
import { GO_ON, localRebuilders, localTakers, openTestLayers } from '../support/layers.ts';

it('the first section is rebuilt first, however slow the disk is with it', async () => {
  const layer = gzipSync(makeTar([{ path: 'file', bytes: noise(13_000_000) }]), { level: 0 });
  const store = await openTestLayers();
  const digest = await store.add(layer);
  const { kv, store: segments } = store.segments;
  const rebuilders = localRebuilders(2);
  const order: number[] = [];
  let isFirst = true;
  const layers = openLayers(
    {
      kv,
      segments: {
        ...segments,
        async *readMany(ids, signal) {
          // Nobody reads the index in one go with a section.
          const isSlow = isFirst && [...ids].length > 1;
          if (isSlow) isFirst = false;
          for (let i = 0; isSlow && i < 200; i++) await turn();
          yield* segments.readMany(ids, signal);
        },
      },
      rebuilders: {
        ...rebuilders,
        rebuild(job) {
          order.push(job.startBit);
          return rebuilders.rebuild(job);
        },
      },
      takers: localTakers(),
    },
    { source: () => undefined },
  );
  const blocks: Buffer[] = [];
  for await (const block of layers.restore(digest, { signal: GO_ON })) blocks.push(block);
  expect(Buffer.concat(blocks).equals(layer)).toBe(true);
  expect(order.length).toBeGreaterThan(2);
  expect(order[0]).toBe(0);
  await layers.close();
  await store.close();
});
