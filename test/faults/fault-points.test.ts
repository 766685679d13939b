import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FAULT_POINT_VARIABLE } from '../../src/registry/fault-point.ts';
import type { FaultPoint } from '../../src/storage/context.ts';
import { startRandom } from '../support/random.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { blobPath, get, getManifest, manifestPath, putManifest, remove } from './api.ts';
import {
  appendTo,
  closeUpload,
  expectAnswer,
  mountBlob,
  openUpload,
  type Pusher,
  pushBlob,
} from './blob-pushes.ts';
import { INLINE_MAX, type Manifest, makeBlob, makeImage } from './contents.ts';
import { Ledger } from './ledger.ts';
import { checkRecovery } from './recovery.ts';
import { collect, serveCheck, serveOver } from './servers.ts';
import { REPOSITORIES } from './workload.ts';

const [REPOSITORY, OTHER] = REPOSITORIES;
const LARGE = 5 * INLINE_MAX;

/** Pushes a manifest that must be taken. */
async function push({ client, ledger }: Pusher, image: Manifest, tag: string): Promise<void> {
  ledger.remember(image);
  const operation = ledger.begin(REPOSITORY, [
    { kind: 'manifest', name: image.digest, to: image.digest },
    { kind: 'tag', name: tag, to: image.digest },
  ]);
  const where = { repository: REPOSITORY, reference: tag };
  expectAnswer(await putManifest(client, where, image), 201);
  operation.done();
}

const blob = makeBlob('one', LARGE);
const small = makeBlob('two', 100);
const image = makeImage([small, blob], { label: 'small' });
const largeImage = makeImage([small, blob], { label: 'large', padding: INLINE_MAX });

/** What brings a server to a fault point, and what holds when it is there again. */
interface Case {
  readonly point: FaultPoint;
  readonly what: string;
  /** Done before the server is started that will die. */
  readonly before?: (pusher: Pusher) => Promise<void>;
  /** Leads to the fault point; the request under way is never answered. */
  readonly deed: (pusher: Pusher) => Promise<unknown>;
  /** Checked on the next server, before everything else. */
  readonly after?: (pusher: Pusher) => Promise<void>;
}

const isServed = async ({ client }: Pusher, digest = blob.digest): Promise<boolean> =>
  expectAnswer(await get(client, blobPath(REPOSITORY, digest)), 200, 404).status === 200;

async function pushParts(pusher: Pusher): Promise<void> {
  await pushBlob(pusher, REPOSITORY, small);
  await pushBlob(pusher, REPOSITORY, blob);
}

async function pushByPatch(pusher: Pusher): Promise<void> {
  const upload = await openUpload(pusher, REPOSITORY, blob);
  await appendTo(pusher, upload, LARGE / 2);
  await appendTo(pusher, upload, LARGE);
  await closeUpload(pusher, upload);
}

/** Deletes something, by the ledger. */
async function deleteOne(
  { client, ledger }: Pusher,
  kind: 'blob' | 'manifest' | 'tag',
  name: string,
): Promise<void> {
  const changes = [{ kind, name, to: undefined }];
  const tag = { kind: 'tag', name: 'v1', to: undefined } as const;
  const operation = ledger.begin(REPOSITORY, kind === 'manifest' ? [...changes, tag] : changes);
  const path = kind === 'blob' ? blobPath(REPOSITORY, name) : manifestPath(REPOSITORY, name);
  expectAnswer(await remove(client, path), 202);
  operation.done();
}

/** Blobs that nothing refers to, some of them in two repositories. */
async function pushGarbage(pusher: Pusher): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const garbage = makeBlob(`garbage ${i}`, LARGE + i);
    await pushBlob(pusher, REPOSITORY, garbage);
    if (i % 2 === 0) await mountBlob(pusher, { from: REPOSITORY, to: OTHER }, garbage);
  }
  await pushParts(pusher);
  await push(pusher, image, 'v1');
}

const CASES: readonly Case[] = [
  {
    point: 'upload.synced',
    what: 'the upload goes on',
    deed: pushByPatch,
    async after(pusher) {
      expect(await isServed(pusher)).toBe(false);
      const [upload] = pusher.ledger.uploads.values();
      expect(upload).toMatchObject({ acked: LARGE });
      const { status, headers } = await get(pusher.client, upload!.path);
      expect(status).toBe(204);
      expect(headers).toContainEqual(['Range', `0-${LARGE - 1}`]);
    },
  },
  {
    point: 'upload.synced',
    what: 'a push in one request leaves nothing',
    deed: ({ client, ledger }) => {
      ledger.begin(REPOSITORY, [{ kind: 'blob', name: blob.digest, to: blob.digest }]);
      const target = `/v2/${REPOSITORY}/blobs/uploads/?digest=${blob.digest}`;
      return client.request({ method: 'POST', target, body: blob.bytes });
    },
    after: async (pusher) => expect(await isServed(pusher)).toBe(false),
  },
  {
    point: 'upload.committed',
    what: 'the blob is there, the upload is over',
    deed: pushByPatch,
    async after(pusher) {
      expect(await isServed(pusher)).toBe(true);
      const [upload] = pusher.ledger.uploads.values();
      expect((await get(pusher.client, upload!.path)).status).toBe(404);
    },
  },
  {
    point: 'manifest.synced',
    what: 'neither manifest nor tag is there',
    before: pushParts,
    deed: (pusher) => push(pusher, largeImage, 'v1'),
    async after({ client }) {
      for (const reference of ['v1', largeImage.digest]) {
        expect((await getManifest(client, REPOSITORY, reference)).status).toBe(404);
      }
    },
  },
  {
    point: 'manifest.committed',
    what: 'manifest and tag are there',
    before: pushParts,
    deed: (pusher) => push(pusher, largeImage, 'v1'),
    async after({ client }) {
      for (const reference of ['v1', largeImage.digest]) {
        expect((await getManifest(client, REPOSITORY, reference)).status).toBe(200);
      }
    },
  },
  {
    point: 'delete.committed',
    what: 'the manifest and its tag are gone',
    async before(pusher) {
      await pushParts(pusher);
      await push(pusher, image, 'v1');
    },
    deed: (pusher) => deleteOne(pusher, 'manifest', image.digest),
    async after({ client }) {
      for (const reference of ['v1', image.digest]) {
        expect((await getManifest(client, REPOSITORY, reference)).status).toBe(404);
      }
    },
  },
  {
    point: 'delete.committed',
    what: 'the tag is gone, the manifest is there',
    async before(pusher) {
      await pushParts(pusher);
      await push(pusher, image, 'v1');
    },
    deed: (pusher) => deleteOne(pusher, 'tag', 'v1'),
    async after({ client }) {
      expect((await getManifest(client, REPOSITORY, 'v1')).status).toBe(404);
      expect((await getManifest(client, REPOSITORY, image.digest)).status).toBe(200);
    },
  },
  {
    point: 'delete.committed',
    what: 'the blob is gone',
    before: pushParts,
    deed: (pusher) => deleteOne(pusher, 'blob', blob.digest),
    after: async (pusher) => expect(await isServed(pusher)).toBe(false),
  },
  {
    point: 'collector.committed',
    what: 'what was collected stays so, everything else is whole',
    before: pushGarbage,
    deed: ({ client }) => client.request({ method: 'POST', target: '/api/v1/collection/start' }),
  },
  {
    point: 'collector.unlinked',
    what: 'what was collected stays so, everything else is whole',
    before: pushGarbage,
    deed: ({ client }) => client.request({ method: 'POST', target: '/api/v1/collection/start' }),
  },
  {
    point: 'collector.unlinked',
    what: 'a deletion that frees a file is done once',
    before: pushParts,
    deed: (pusher) => deleteOne(pusher, 'blob', blob.digest),
    after: async (pusher) => expect(await isServed(pusher)).toBe(false),
  },
];

describe('a server that dies at a named place', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await makeTemporary('fault-point');
  });
  afterEach(() => removeTemporary(folder));

  it.each(CASES)('decisions 2: $point: $what', async ({ point, before, deed, after }) => {
    const dataDir = join(folder, 'data');
    // Nothing is leased: what a collection finds unreferenced may go at once.
    const ledger = new Ledger(0);
    const random = startRandom(1);
    {
      await using first = await serveCheck(dataDir);
      await before?.({ client: first.client, ledger, random });
    }
    await using victim = await serveOver(dataDir, {
      [FAULT_POINT_VARIABLE]: point,
      STOWAGE_GC__LEASE: '0s',
      STOWAGE_DELETES__UNDO: 'off',
    });
    const answer = deed({ client: victim.client, ledger, random }).catch((error: unknown) => error);
    expect(await victim.server.exited).toEqual({ code: null, signal: 'SIGKILL', forced: false });
    await answer;

    await using next = await serveCheck(dataDir);
    await after?.({ client: next.client, ledger, random });
    const crash = { dataDir, ledger, at: Date.now(), keepsUploads: true };
    expect((await checkRecovery(next, crash)).problems).toEqual([]);
  });

  it('decisions 2: every named place is among them', () => {
    // The compiler refuses a place that is missing here, the test one that no case leads to.
    const places: Readonly<Record<FaultPoint, true>> = {
      'upload.synced': true,
      'upload.committed': true,
      'manifest.synced': true,
      'manifest.committed': true,
      'delete.committed': true,
      'collector.committed': true,
      'collector.unlinked': true,
    };
    expect(new Set(CASES.map(({ point }) => point))).toEqual(new Set(Object.keys(places)));
  });

  it('decisions 2: the variable names the passage at which the server dies', async () => {
    const dataDir = join(folder, 'data');
    await using victim = await serveOver(dataDir, { [FAULT_POINT_VARIABLE]: 'upload.synced:3' });
    const ledger = new Ledger(60_000);
    const pusher = { client: victim.client, ledger, random: startRandom(1) };
    for (const name of ['a', 'b']) await pushBlob(pusher, REPOSITORY, makeBlob(name, LARGE));
    await collect(victim);
    await expect(pushBlob(pusher, REPOSITORY, makeBlob('c', LARGE))).rejects.toThrow();
    expect(await victim.server.exited).toMatchObject({ signal: 'SIGKILL' });
  });
});
