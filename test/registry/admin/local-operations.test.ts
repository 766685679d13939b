import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDirectory } from '../../../src/registry/admin/local-operations.ts';
import type { Job, Operations } from '../../../src/registry/admin/operations.ts';
import * as schemas from '../../../src/registry/admin/schemas.ts';
import { loadConfig } from '../../../src/registry/config/load.ts';
import { findTag } from '../../../src/storage/manifests.ts';
import { makeTar } from '../../support/tar.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { LAYER_SIZE, openFixture } from './store-fixture.ts';

const HOUR = 3_600_000;
const NOW = '2026-01-02T03:04:05.000Z';

async function ended<R extends { state: string }>(job: Pick<Job<R>, 'report'>): Promise<R> {
  for (;;) {
    const report = await job.report();
    if (report !== null && report.state !== 'running') return report;
    await pause(5);
  }
}

async function collect(operations: Operations, dryRun = false) {
  await operations.collection.start({ dryRun });
  return await ended(operations.collection);
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('operations on a store: lists', () => {
  it('lists repositories with their counts, page by page', async () => {
    await using fixture = await openFixture();
    const { operations, pushImage } = fixture;
    await pushImage('b', 'one', ['v1', 'v2']);
    await pushImage('b', 'two', ['v3']);
    await pushImage('a/x', 'one', []);
    await pushImage('c', 'one', ['v1']);
    expect(await operations.repositories()).toEqual({
      items: [
        { name: 'a/x', tags: 0, manifests: 1 },
        { name: 'b', tags: 3, manifests: 2 },
        { name: 'c', tags: 1, manifests: 1 },
      ],
      next: null,
    });
    const first = await operations.repositories({ limit: 2 });
    expect([first.items.length, first.next]).toEqual([2, 'b']);
    const second = await operations.repositories({ limit: 2, last: 'b' });
    expect([second.items.map(({ name }) => name), second.next]).toEqual([['c'], null]);
  });

  it('counts beyond one step', async () => {
    await using fixture = await openFixture();
    const tags = Array.from({ length: 450 }, (_, i) => `t${i}`);
    await fixture.pushImage('a', 'one', tags);
    const { items } = await fixture.operations.repositories();
    expect(items).toEqual([{ name: 'a', tags: 450, manifests: 1 }]);
  });

  it('lists tags with digest, size and time', async () => {
    await using fixture = await openFixture();
    const { operations, pushImage, advance } = fixture;
    const one = await pushImage('a', 'one', ['v1']);
    advance(HOUR);
    await pushImage('a', 'two', ['v2']);
    const { items } = await operations.tags('a');
    expect(items[0]).toEqual({
      name: 'v1',
      digest: one.digest,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      bytes: one.size + LAYER_SIZE + 2,
      pushedAt: NOW,
    });
    expect(items[1]!.pushedAt).toBe('2026-01-02T04:04:05.000Z');
    expect(await operations.tags('a', { limit: 1 })).toMatchObject({ next: 'v1' });
    expect((await operations.tags('a', { last: 'v1' })).items).toHaveLength(1);
  });

  it('knows what is not there', async () => {
    await using fixture = await openFixture();
    const { operations, pushImage } = fixture;
    await pushImage('a', 'one', ['v1']);
    const digest = `sha256:${'0'.repeat(64)}`;
    const cases: [Promise<unknown>, string][] = [
      [operations.tags('no/such'), 'NAME_UNKNOWN'],
      [operations.deleteTag('no/such', 'v1'), 'NAME_UNKNOWN'],
      [operations.deleteRepository('no/such'), 'NAME_UNKNOWN'],
      [operations.deleted('no/such'), 'NAME_UNKNOWN'],
      [operations.restore('no/such', 'v1'), 'NAME_UNKNOWN'],
      [operations.deleteTag('a', 'v2'), 'MANIFEST_UNKNOWN'],
      [operations.deleteManifest('a', digest), 'MANIFEST_UNKNOWN'],
      [operations.restore('a', 'v2'), 'MANIFEST_UNKNOWN'],
      [operations.restore('a', 'v1'), 'MANIFEST_UNKNOWN'],
      [operations.restore('a', digest), 'MANIFEST_UNKNOWN'],
    ];
    for (const [promise, code] of cases) expect(await errorOf(promise)).toMatchObject({ code });
  });
});

describe('decisions 3: deleted manifests and tags can be restored for a set time', () => {
  it('deletes a tag and brings it back', async () => {
    await using fixture = await openFixture();
    const { operations, pushImage, store } = fixture;
    const { digest } = await pushImage('a', 'one', ['v1', 'v2']);
    expect(await operations.deleteTag('a', 'v1')).toEqual({
      tags: 1,
      manifests: 0,
      restorableUntil: '2026-01-03T03:04:05.000Z',
    });
    expect(findTag(store.context, 'a', 'v1')).toBeUndefined();
    expect(await operations.deleted('a')).toEqual([
      {
        kind: 'tag',
        reference: 'v1',
        digest,
        tags: [],
        deletedAt: NOW,
        restorableUntil: '2026-01-03T03:04:05.000Z',
      },
    ]);
    expect(await operations.restore('a', 'v1')).toEqual({ tags: 1, manifests: 0 });
    expect(findTag(store.context, 'a', 'v1')?.digest).toBe(digest);
    expect(await operations.deleted('a')).toEqual([]);
  });

  it('deletes a manifest with its tags, and brings all back by digest', async () => {
    await using fixture = await openFixture();
    const { operations, pushImage } = fixture;
    const { digest } = await pushImage('a', 'one', ['v1', 'v2']);
    const deletion = await operations.deleteManifest('a', digest);
    expect(deletion).toMatchObject({ tags: 2, manifests: 1 });
    expect((await operations.tags('a')).items).toEqual([]);
    const [item] = await operations.deleted('a');
    expect(item).toMatchObject({ kind: 'manifest', reference: digest, tags: ['v1', 'v2'] });
    expect(await operations.restore('a', digest)).toEqual({ tags: 2, manifests: 1 });
    expect((await operations.tags('a')).items.map(({ name }) => name)).toEqual(['v1', 'v2']);
  });

  it('brings a manifest back by one of its tags', async () => {
    await using fixture = await openFixture();
    const { operations, pushImage } = fixture;
    const { digest } = await pushImage('a', 'one', ['v1', 'v2']);
    await operations.deleteManifest('a', digest);
    expect(await operations.restore('a', 'v2')).toEqual({ tags: 2, manifests: 1 });
  });

  it('brings a tag back whose manifest was deleted after it', async () => {
    await using fixture = await openFixture();
    const { operations, pushImage, advance } = fixture;
    const { digest } = await pushImage('a', 'one', ['v1', 'v2']);
    await operations.deleteTag('a', 'v1');
    advance(HOUR);
    await operations.deleteManifest('a', digest);
    expect(await operations.restore('a', 'v1')).toEqual({ tags: 2, manifests: 1 });
    expect((await operations.tags('a')).items.map(({ name }) => name)).toEqual(['v1', 'v2']);
  });

  it('leaves a tag where it has been set meanwhile', async () => {
    await using fixture = await openFixture();
    const { operations, pushImage, store } = fixture;
    const one = await pushImage('a', 'one', ['v1']);
    await operations.deleteManifest('a', one.digest);
    const two = await pushImage('a', 'two', ['v1']);
    expect(await errorOf(operations.restore('a', 'v1'))).toMatchObject({
      code: 'MANIFEST_UNKNOWN',
    });
    expect(await operations.restore('a', one.digest)).toEqual({ tags: 0, manifests: 1 });
    expect(findTag(store.context, 'a', 'v1')?.digest).toBe(two.digest);
  });

  it('shows the latest first, and nothing after its time', async () => {
    await using fixture = await openFixture();
    const { operations, pushImage, advance } = fixture;
    await pushImage('a', 'one', ['v1', 'v2']);
    await operations.deleteTag('a', 'v2');
    advance(HOUR);
    await operations.deleteTag('a', 'v1');
    const references = async () => (await operations.deleted('a')).map((item) => item.reference);
    expect(await references()).toEqual(['v1', 'v2']);
    advance(23 * HOUR);
    expect(await references()).toEqual(['v1']);
  });

  it('says so when there is no way back', async () => {
    await using fixture = await openFixture({ settings: { undo: 0 } });
    const { operations, pushImage } = fixture;
    await pushImage('a', 'one', ['v1']);
    expect(await operations.deleteTag('a', 'v1')).toMatchObject({ restorableUntil: null });
    expect(await operations.deleted('a')).toEqual([]);
  });

  it('deletes a repository whole, however large, damaged manifests and all', async () => {
    await using fixture = await openFixture();
    const { operations, pushImage, store } = fixture;
    for (let i = 0; i < 40; i++) await pushImage('a', `layer ${i}`, [`v${i}`]);
    await pushImage('b', 'one', ['v1']);
    const { items } = await operations.tags('a', { limit: 1 });
    const { keys } = await import('../../../src/storage/metadata/keys.ts');
    const damaged = { size: 1, at: 0, damaged: 'test' };
    const bytes = Buffer.from(JSON.stringify(damaged));
    await store.context.kv.transact((tx) => tx.put(keys.content(items[0]!.digest), bytes));
    expect(await operations.deleteRepository('a')).toMatchObject({ tags: 40, manifests: 40 });
    expect((await operations.tags('a')).items).toEqual([]);
    expect((await operations.tags('b')).items).toHaveLength(1);
  });
});

describe('decisions 9: collection on a store', () => {
  it('counts in a dry run, then frees', async () => {
    await using fixture = await openFixture();
    const { operations, pushBlob, pushImage } = fixture;
    await pushImage('a', 'kept', ['v1']);
    await pushBlob('a', Buffer.alloc(50_000, 'x'));
    const before = await operations.status();
    const dry = await collect(operations, true);
    expect(dry).toMatchObject({ state: 'finished', dryRun: true, removedBlobs: 1 });
    expect((await operations.status()).blobs).toBe(before.blobs);
    const wet = await collect(operations);
    expect(wet).toMatchObject({
      state: 'finished',
      dryRun: false,
      removedBlobs: 1,
      removedBytes: 50_000,
      error: null,
    });
    expect(wet.progress.done).toBe(wet.progress.total);
    const after = await operations.status();
    expect(after.blobs).toBe(before.blobs - 1);
    expect(after.blobBytes).toBe(before.blobBytes - 50_000);
  });

  it('waits for a round of the other kind, and does not report that one as its own', async () => {
    await using fixture = await openFixture();
    const { operations, pushBlob } = fixture;
    await pushBlob('a', Buffer.alloc(50_000, 'x'));
    const wet = await operations.collection.start({ dryRun: false });
    const dry = await operations.collection.start({ dryRun: true });
    expect(wet).toMatchObject({ state: 'running', dryRun: false });
    expect(dry).toMatchObject({ state: 'running', dryRun: true, phase: 'waiting' });
    const report = await ended(operations.collection);
    expect(report).toMatchObject({ dryRun: true, removedBlobs: 0, state: 'finished' });
  });

  it('adds up what the rounds did', async () => {
    await using fixture = await openFixture();
    const { operations, pushBlob } = fixture;
    await collect(operations, true);
    expect((await operations.status()).collection).toMatchObject({ rounds: 0, removedBlobs: 0 });
    for (let i = 1; i <= 3; i++) {
      await pushBlob('a', Buffer.alloc(1000 * i, 'x'));
      await collect(operations);
      await operations.status();
    }
    const { collection } = await operations.status();
    expect(collection).toMatchObject({ rounds: 3, removedBlobs: 3, removedBytes: 6000 });
    expect(collection.last).toMatchObject({ removedBytes: 3000 });
  });
});

async function largestFile(folder: string): Promise<string> {
  const entries = await readdir(join(folder, 'blobs'), { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path)).length === LAYER_SIZE) return path;
  }
  throw new Error('no layer on disk');
}

describe('decisions 1: scrub on a store', () => {
  it('reads everything and finds nothing wrong', async () => {
    await using fixture = await openFixture();
    const { operations, pushImage } = fixture;
    await pushImage('a', 'one', ['v1']);
    expect(await operations.scrub.report()).toBeNull();
    expect(await operations.scrub.start()).toMatchObject({ state: 'running' });
    const report = await ended(operations.scrub);
    expect(report).toMatchObject({ state: 'finished', checkedBlobs: 3, damagedBlobs: 0 });
    expect(report.checkedBytes).toBeGreaterThan(LAYER_SIZE);
    expect(report.quarantine).toEqual([]);
  });

  it('lists what is in quarantine, until it is pushed again', async () => {
    await using fixture = await openFixture();
    const { operations, pushImage, folder } = fixture;
    const { layer } = await pushImage('a', 'one', ['v1']);
    await writeFile(await largestFile(folder), Buffer.alloc(LAYER_SIZE, 'bad'));
    await operations.scrub.start();
    const report = await ended(operations.scrub);
    expect(report.damagedBlobs).toBe(1);
    expect(report.quarantine).toEqual([
      { digest: layer, reason: expect.stringContaining('digest'), at: NOW },
    ]);
    const status = await operations.status();
    expect(status.quarantinedBlobs).toBe(1);
    expect(status.scrub.damagedBlobs).toBe(1);
    await pushImage('a', 'one', ['v1']);
    expect((await operations.scrub.report())!.quarantine).toEqual([]);
    expect((await operations.status()).quarantinedBlobs).toBe(0);
  });
});

describe('decisions 3: layers that are taken apart', () => {
  it('are told as the description says', async () => {
    await using fixture = await openFixture({ dedup: true });
    const { operations, layers, pushBlob } = fixture;
    const layer = gzipSync(makeTar([{ path: 'a', bytes: randomBytes(40_000) }]));
    await pushBlob('a', layer);
    await pushBlob('a', Buffer.from('no layer'));
    await layers.settled();
    const report = await operations.dedup.report();
    expect(schemas.dedupReport.parse(report)).toEqual(report);
    expect(report).toMatchObject({
      policy: 'dedup',
      state: 'idle',
      logicalBytes: layer.length + 8,
      intactBytes: 8,
      layers: { intact: 1, both: 0, recipeOnly: 1, queued: 0, refused: { format: 1 } },
      ingested: { layers: 1, bytes: layer.length },
    });
    const stored = Object.values(report.stored).reduce((sum, bytes) => sum + bytes, 0);
    const { live, dead } = layers.figures().segments;
    expect(stored).toBe(live + dead);
    expect(report.ratio).toBeCloseTo(report.logicalBytes / (stored + 8), 6);
    expect((await operations.status()).dedup).toEqual(report);
  });

  it('are written back only when the policy does not allow them', async () => {
    await using fixture = await openFixture({ dedup: true });
    const { operations } = fixture;
    expect(await operations.dedup.undo.report()).toBeNull();
    await operations.dedup.undo.start();
    expect(await ended(operations.dedup.undo)).toMatchObject({
      state: 'finished',
      restoredLayers: 0,
    });
  });
});

describe('decisions 7: the state of a store', () => {
  it('is told as the description says', async () => {
    await using fixture = await openFixture({ settings: { reserve: 2 ** 50 } });
    const { operations, pushImage, store } = fixture;
    await pushImage('a', 'one', ['v1', 'v2']);
    store.uploads.start({ repository: 'a', subject: '', algorithm: 'sha256' });
    await collect(operations);
    await operations.scrub.start();
    await ended(operations.scrub);
    const status = await operations.status();
    expect(schemas.status.parse(status)).toEqual(status);
    expect(status).toMatchObject({
      formatVersion: 3,
      repositories: 1,
      tags: 2,
      manifests: 1,
      blobs: 3,
      openUploads: 1,
      space: { reserveBytes: 2 ** 50, pushesRefused: true },
    });
    expect(status.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(status.space.freeBytes).toBeLessThanOrEqual(status.space.totalBytes);
    expect(status.memory.residentBytes).toBeGreaterThan(1e6);
    expect(Date.parse(status.startedAt)).toBeLessThan(Date.now());
  });

  it('can be looked at by one process at a time', async () => {
    const folder = await makeTemporary('directory');
    try {
      const environment = { STOWAGE_DATA__DIR: folder };
      const { config } = await loadConfig({ environment, directory: folder });
      const opened = await openDirectory(config);
      expect((await opened.operations.status()).repositories).toBe(0);
      expect(await errorOf(openDirectory(config))).toMatchObject({
        name: 'DataDirectoryLockedError',
      });
      await opened.close();
      const again = await openDirectory(config);
      await again.close();
    } finally {
      await removeTemporary(folder);
    }
  });
});
