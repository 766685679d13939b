/** Bytes of layers on their way to the scan. */
import { expect, test } from 'vitest';
import { watch } from '../../../src/analysis/run/verify.ts';

const LAYER = { id: 'x', digest: undefined, diffId: undefined, size: undefined, mediaType: '' };

test('memory of a piece is given back once the next is asked for, but not what something else lies in', async () => {
  const alone = new Uint8Array(1000).fill(1);
  const whole = new Uint8Array(1000).fill(2);
  const part = whole.subarray(0, 500);
  const shared = new Uint8Array(new SharedArrayBuffer(1000)).fill(3);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield alone;
    yield part;
    yield shared;
  }
  const lengths: number[] = [];
  const sums: number[] = [];
  const watched = watch(LAYER, pieces(), (length) => lengths.push(length));
  for await (const piece of watched.bytes) sums.push(piece.reduce((a, b) => a + b, 0));
  expect(lengths).toEqual([1000, 500, 1000]);
  // They were whole while they were read.
  expect(sums).toEqual([1000, 1000, 3000]);
  expect([alone.length, whole.length, part.length, shared.length]).toEqual([0, 1000, 500, 1000]);
});
