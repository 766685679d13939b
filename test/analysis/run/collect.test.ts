import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDataset } from '../../../src/analysis/dataset/dataset.ts';
import { DatasetError } from '../../../src/analysis/dataset/errors.ts';
import { collect } from '../../../src/analysis/run/collect.ts';
import { LayerFolder } from '../../../src/analysis/run/layer-folder.ts';
import { createScanner } from '../../../src/analysis/scan/scanner.ts';
import { SourceError } from '../../../src/analysis/sources/errors.ts';
import { TYPES } from '../../../src/analysis/types/taxonomy.ts';
import { unlessAborted } from '../../../src/lib/unless-aborted.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { Layer } from '../../support/images.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { makeLayer } from '../sources/support.ts';
import {
  type FakeImage,
  fakeSource,
  type Give,
  giveFrom,
  inPieces,
  lasting,
  run,
  sourceLayer,
} from './support.ts';

let folder: string;
let data: string;
beforeEach(async () => {
  folder = await makeTemporary('collect');
  data = join(folder, 'data');
});
afterEach(() => removeTemporary(folder));

function layerOf(name: string): Layer {
  return makeLayer([
    { path: 'dir/' },
    { path: `dir/${name}`, bytes: Buffer.from(`this is ${name}\n`.repeat(name.length)) },
    { path: 'dir/same', bytes: Buffer.from('the same everywhere') },
  ]);
}
const LAYERS = ['base', 'one', 'second', 'third one'].map(layerOf);
const [BASE, ONE, TWO, THREE] = LAYERS.map((layer) => sourceLayer(layer)) as [
  ReturnType<typeof sourceLayer>,
  ReturnType<typeof sourceLayer>,
  ReturnType<typeof sourceLayer>,
  ReturnType<typeof sourceLayer>,
];
const IMAGES: readonly FakeImage[] = [
  { name: 'first', layers: [BASE, ONE, BASE] },
  { name: 'second', layers: [BASE, TWO] },
  { name: 'third', layers: [BASE, THREE] },
];
const give = giveFrom(LAYERS);
const MORE_LAYER = layerOf('something more');
const MORE = sourceLayer(MORE_LAYER);
const giveMore = giveFrom([MORE_LAYER]);
const idsOf = (some: readonly { readonly id: string }[]) => some.map(({ id }) => id);

/** Never gives anything, and ends when it is told to. */
async function* hang(signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  yield new Uint8Array([0x1f]);
  await unlessAborted(new Promise<never>(() => undefined), signal);
}

describe('what is read', () => {
  test('a layer that images and sources share, once', async () => {
    const first = fakeSource('first', IMAGES.slice(0, 2), give);
    const second = fakeSource('second', IMAGES.slice(1), give);
    const report = await run([first, second], data);
    expect([...first.opened].sort()).toEqual(idsOf([BASE, ONE, TWO]).sort());
    expect(second.opened).toEqual(idsOf([THREE]));
    expect(report.problems).toEqual([]);
    expect(report.sources.map(({ title }) => title)).toEqual(['first', 'second']);
    expect([report.correct.images!.count, report.correct.layers.count]).toEqual([3, 4]);
    expect(report.correct.layers.references).toMatchObject({ sum: 6, max: 3 });
    expect(report.timings.bytesRead).toBe(LAYERS.reduce((sum, { bytes }) => sum + bytes.length, 0));
    expect(report.timings.files).toBe(12);
  });

  test('wrong bytes twice, then they are a problem; right ones the second time are none', async () => {
    const lying: Give = (layer, attempt, signal) => {
      const isWrong = layer === ONE || (layer === TWO && attempt === 1);
      return isWrong ? inPieces(LAYERS[3]!.bytes) : give(layer, attempt, signal);
    };
    const source = fakeSource('lying', IMAGES, lying);
    const report = await run([source], data);
    expect([...source.opened].sort()).toEqual(idsOf([BASE, ONE, ONE, TWO, TWO, THREE]).sort());
    expect(report.problems).toEqual([
      { what: `layer ${ONE.id}`, reason: `the bytes have the digest ${THREE.id}, not ${ONE.id}` },
      { what: 'first:v1', reason: expect.stringContaining(ONE.id) },
    ]);
    expect([report.correct.images!.count, report.correct.layers.count]).toEqual([2, 3]);
    expect(source.reading()).toBe(0);
  });

  test('digests of another algorithm are checked', async () => {
    const sha512 = (bytes: Buffer) => `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
    const [right, wrong] = [LAYERS[0]!, LAYERS[1]!].map((layer) =>
      sourceLayer(layer, { id: sha512(layer.bytes), digest: sha512(layer.bytes) }),
    ) as [typeof BASE, typeof BASE];
    const bytes = ({ id }: { readonly id: string }) =>
      id === right.id ? LAYERS[0]!.bytes : LAYERS[2]!.bytes;
    const source = fakeSource('long', [{ name: 'image', layers: [right, wrong] }], (layer) =>
      inPieces(bytes(layer)),
    );
    const keepLayers = join(folder, 'kept');
    const report = await run([source], data, { keepLayers });
    expect(report.problems[0]).toEqual({
      what: `layer ${wrong.id}`,
      reason: `the bytes have the digest ${sha512(LAYERS[2]!.bytes)}, not ${wrong.id}`,
    });
    expect(report.correct.layers.count).toBe(1);
    expect(await readdir(keepLayers)).toEqual(['sha512']);
    expect(await readdir(join(keepLayers, 'sha512'))).toEqual([right.id.slice('sha512:'.length)]);
  });

  test('a configuration that names another DiffID is a remark', async () => {
    const odd = sourceLayer(LAYERS[0]!, { diffId: digestOf(Buffer.from('other')) });
    const source = fakeSource('odd', [{ name: 'image', layers: [odd] }], give);
    const report = await run([source], data);
    expect(report.problems).toEqual([]);
    expect(report.remarks).toEqual([
      {
        layer: odd.id,
        code: 'diff-id-differs',
        message: expect.stringContaining(odd.diffId!),
        count: 1,
      },
    ]);
    expect(report.correct.layers.count).toBe(1);
  });

  test.each([
    { when: 'after the first one has failed', threads: 1, isSlow: false },
    { when: 'while the first one is read', threads: 4, isSlow: true },
  ])('a source that lists a layer $when gives what the first one cannot', async (each) => {
    const listed = Promise.withResolvers<void>();
    const broken: Give = async function* (layer, attempt, signal) {
      if (each.isSlow) await listed.promise;
      if (layer === ONE || layer === THREE) throw new SourceError('it is gone');
      yield* give(layer, attempt, signal);
    };
    const first = fakeSource('first', IMAGES, broken);
    const second = fakeSource('second', IMAGES, (layer, attempt, signal) => {
      if (layer === THREE) throw new SourceError('it is gone here too');
      return give(layer, attempt, signal);
    });
    let failed = 0;
    const listing: typeof second = {
      ...second,
      async *items(signal) {
        if (!each.isSlow) await expect.poll(() => failed).toBe(2);
        yield* second.items(signal);
        listed.resolve();
      },
    };
    const report = await run([first, listing], data, {
      threads: each.threads,
      onProgress: (_, { layersFailed }) => {
        failed = layersFailed;
      },
    });
    expect(report.problems).toContainEqual({
      what: `layer ${THREE.id}`,
      reason: 'it is gone here too',
    });
    expect(report.problems.filter(({ what }) => what.startsWith('layer'))).toHaveLength(1);
    expect([...second.opened].sort()).toEqual(idsOf([ONE, THREE]).sort());
    expect(report.correct.layers.count).toBe(3);
    expect(report.correct.images!.count).toBe(2);
  });

  test('an error of one layer is a problem of that layer, whenever it comes', async () => {
    const failing: Give = async function* (layer, attempt, signal) {
      if (layer === ONE) throw new SourceError('it is gone');
      if (layer === THREE) {
        yield LAYERS[3]!.bytes.subarray(0, 100);
        throw new SourceError('it broke off');
      }
      yield* give(layer, attempt, signal);
    };
    const source = fakeSource('failing', IMAGES, failing);
    const report = await run([source], data);
    const ofLayers = report.problems.filter(({ what }) => what.startsWith('layer'));
    expect(ofLayers).toEqual([
      { what: `layer ${ONE.id}`, reason: 'it is gone' },
      { what: `layer ${THREE.id}`, reason: 'it broke off' },
    ]);
    expect(report.correct.layers.count).toBe(2);
    // The image whose layers are all there is the only one that figures of images count.
    expect(report.correct.images!.count).toBe(1);
    expect(await readdir(join(data, 'entries'))).toHaveLength(2);
  });
});

describe('what ends a run', () => {
  test('what a source throws while it is listed', async () => {
    const source = fakeSource('gone', IMAGES, give);
    const broken = {
      ...source,
      async *items(signal: AbortSignal) {
        for await (const item of source.items(signal)) {
          yield item;
          throw new SourceError('the registry is gone');
        }
      },
    };
    await expect(run([broken], data)).rejects.toThrow('the registry is gone');
    await expect.poll(source.reading).toBe(0);
  });

  test.each(['beginLayer', 'append', 'finish'] as const)('the dataset, in %s', async (where) => {
    const dataset = await openDataset(data, { types: TYPES, threads: 1 });
    // The layer that hangs may be the first to get a thread.
    const scanner = createScanner({ threads: 2 });
    try {
      const full = () => Promise.reject(new DatasetError('the disk is full'));
      // The second layer hangs: only the end of the run ends it.
      const source = fakeSource('any', IMAGES, (layer, attempt, signal) =>
        layer === ONE ? hang(signal) : give(layer, attempt, signal),
      );
      const failing = new Proxy(dataset, {
        get(target, name) {
          if (name !== 'beginLayer') return Reflect.get(target, name, target);
          if (where === 'beginLayer') return full;
          return async (...args: Parameters<typeof dataset.beginLayer>) => ({
            ...(await dataset.beginLayer(...args)),
            [where]: full,
          });
        },
      });
      const kept = join(folder, 'kept');
      const { signal } = new AbortController();
      await expect(
        collect([source], {
          dataset: failing,
          scanner,
          atOnce: 2,
          kept: new LayerFolder(kept),
          signal,
        }),
      ).rejects.toThrow('the disk is full');
      await expect.poll(source.reading).toBe(0);
      expect(dataset.counts.layers).toBe(0);
      const left = await readdir(kept, { recursive: true });
      expect(left.filter((name) => name.startsWith('.unfinished'))).toEqual([]);
    } finally {
      await scanner.close();
      await dataset.close();
    }
  });

  test('a signal, whatever is under way: reads that hang, layers that wait for a thread', async () => {
    const stop = new AbortController();
    const source = fakeSource('slow', IMAGES, async function* (_, __, signal) {
      queueMicrotask(() => stop.abort(new Error('enough')));
      yield* hang(signal);
    });
    const ended = run([source], data, { signal: stop.signal, keepLayers: join(folder, 'kept') });
    await expect(ended).rejects.toThrow('enough');
    await expect.poll(source.reading).toBe(0);
    const left = await readdir(join(folder, 'kept'), { recursive: true });
    expect(left).toEqual([]);
  });
});

describe('layers that are kept', () => {
  let keepLayers: string;
  const pathOf = ({ id }: { readonly id: string }) => join(keepLayers, ...id.split(':'));
  beforeEach(async () => {
    keepLayers = join(folder, 'kept');
    await run([fakeSource('first', IMAGES, give)], join(folder, 'before'), { keepLayers });
  });

  test('what killed runs left unfinished goes, what others are writing stays', async () => {
    // A process that has ended, this one's number from an earlier run, and one that runs.
    const ended = spawnSync('true').pid;
    for (const pid of [ended, process.pid, process.ppid]) {
      await writeFile(join(keepLayers, `.unfinished-${pid}-99`), 'half');
    }
    await run([fakeSource('more', [{ name: 'more', layers: [MORE] }], giveMore)], data, {
      keepLayers,
    });
    expect(await readdir(keepLayers)).toEqual([`.unfinished-${process.ppid}-99`, 'sha256']);
  });

  test('are there as they were fetched, and are not fetched again', async () => {
    for (const [i, layer] of [BASE, ONE, TWO, THREE].entries()) {
      expect(await readFile(pathOf(layer))).toEqual(LAYERS[i]!.bytes);
    }
    expect(await readdir(keepLayers)).toEqual(['sha256']);
    const source = fakeSource('first', IMAGES, give);
    const again = await run([source], data, { keepLayers });
    expect(source.opened).toEqual([]);
    const once = await run([fakeSource('first', IMAGES, give)], join(folder, 'without'));
    expect(lasting(again)).toEqual(lasting(once));
  });

  test.each([
    ['other bytes', LAYERS[0]!.bytes],
    ['a part', LAYERS[1]!.bytes.subarray(0, 50)],
    ['nothing', Buffer.alloc(0)],
  ])('and hold %s, are fetched again', async (_, bytes) => {
    await writeFile(pathOf(ONE), bytes);
    const source = fakeSource('first', IMAGES, give);
    const report = await run([source], data, { keepLayers });
    expect(source.opened).toEqual([ONE.id]);
    expect(report.problems).toEqual([]);
    expect(await readFile(pathOf(ONE))).toEqual(LAYERS[1]!.bytes);
  });

  test('wait for a thread when a signal ends the run', async () => {
    const stop = new AbortController();
    const odd = sourceLayer(LAYERS[0]!, { id: 'registry:odd', digest: undefined });
    const images = [{ name: 'odd', layers: [odd] }, ...IMAGES];
    const source = fakeSource('first', images, (_, __, signal) => hang(signal));
    const ended = run([source], data, {
      keepLayers,
      signal: stop.signal,
      onProgress: (_, { layersFound }) => {
        if (layersFound === 3) stop.abort(new Error('enough'));
      },
    });
    await expect(ended).rejects.toThrow('enough');
    await expect.poll(source.reading).toBe(0);
  });
});

describe('a run that goes on', () => {
  test.each([1, 2, 3])('after %i layers gives what one run gives', async (layers) => {
    const stop = new AbortController();
    const first = fakeSource('all', IMAGES, give);
    const broken = run([first], data, {
      signal: stop.signal,
      onProgress: (_, { layersDone }) => {
        if (layersDone === layers) stop.abort(new Error('killed'));
      },
    });
    await expect(broken).rejects.toThrow('killed');
    const second = fakeSource('all', IMAGES, give);
    const resumed = await run([second], data);
    expect(second.opened.length).toBeLessThanOrEqual(4 - layers);
    const once = await run([fakeSource('all', IMAGES, give)], join(folder, 'once'));
    expect(lasting(resumed)).toEqual(lasting(once));
  });

  test('knows a source whose note comes late as the same, and the report tells the note', async () => {
    const images = IMAGES.slice(0, 1);
    const source = {
      ...fakeSource('a sample', images, give),
      note: undefined as string | undefined,
    };
    const late = {
      ...source,
      get note() {
        return source.note;
      },
      async *items(signal: AbortSignal) {
        yield* source.items(signal);
        source.note = '2 of 3 names';
      },
    };
    for (const _ of ['once', 'again']) {
      const report = await run([late], data);
      const titled = { kind: 'registry', title: 'a sample', note: '2 of 3 names' };
      expect(report.sources).toEqual([titled]);
    }
    expect(source.opened).toHaveLength(2);
  });
});
