/**
 * What the specification's "Resumable Push" needs when the server goes away in between. Only run
 * against a Stowage that the suite starts.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { expectBody, expectDigestHeader, expectStatus } from './assertions.ts';
import { addImage, digestOf, newContent } from './content.ts';
import { openRaw, requestHead } from './raw.ts';
import { type OwnRegistry, startOwn, startsStowage } from './registry.ts';
import {
  blobPath,
  closeUpload,
  get,
  patchUpload,
  pushContent,
  readManifest,
  startUpload,
  uploadStatus,
} from './requests.ts';
import { settings } from './settings.ts';

const MIB = 1024 * 1024;

describe.runIf(startsStowage)('beyond: restarts', () => {
  const repository = `${settings.repo1}/restart`;
  let folder: string;
  let own: OwnRegistry;

  const start = async (): Promise<void> => {
    own = await startOwn({ dataDir: join(folder, 'data') });
  };
  beforeEach(async () => {
    folder = await makeTemporary('restart');
    await start();
  });
  afterEach(async () => {
    await own.stop();
    await removeTemporary(folder);
  });

  /** Ends the server and starts it again over the same data, on another port. */
  async function restart(how: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (how === 'SIGKILL') await own.server.kill();
    await own.stop();
    await start();
  }

  /** The same address at the server that runs now. */
  const rebase = (location: URL): URL =>
    new URL(location.pathname + location.search, own.client.origin);

  it.each([
    ['SIGTERM', 'sha512'],
    ['SIGKILL', 'sha256'],
  ] as const)('CH-12 (our test) an upload goes on after %s (%s)', async (how, algorithm) => {
    const uploads = await Promise.all(
      [1000, 2 * MIB + 17].map(async (size) => {
        const bytes = randomBytes(size);
        const { location } = await startUpload(own.client, repository);
        return { bytes, half: Math.floor(size / 2), location };
      }),
    );
    for (const one of uploads) {
      const chunk = { bytes: one.bytes.subarray(0, one.half), start: 0 };
      const patched = await patchUpload(own.client, one.location, chunk);
      one.location = expectStatus(patched, 202).location();
    }
    await restart(how);
    for (const one of uploads) {
      const status = await uploadStatus(own.client, rebase(one.location));
      expect(status.last).toBe(one.half - 1);
      const chunk = { bytes: one.bytes.subarray(one.half), start: one.half };
      const patched = await patchUpload(own.client, status.location, chunk);
      one.location = expectStatus(patched, 202).location();
    }
    await restart(how);
    for (const { bytes, location } of uploads) {
      const status = await uploadStatus(own.client, rebase(location));
      expect(status.last).toBe(bytes.length - 1);
      const digest = digestOf(bytes, algorithm);
      const response = await closeUpload(own.client, status.location, digest);
      expectDigestHeader(expectStatus(response, 201), digest, true);
      expectBody(await get(own.client, blobPath(repository, digest)), bytes);
    }
  });

  it('CH-12 (our test) a PATCH under way at SIGKILL goes on where the bytes end', async () => {
    const bytes = randomBytes(8 * MIB);
    const { client } = own;
    const { location } = await startUpload(client, repository);
    const authorization = await client.authorization(repository);
    const raw = await openRaw(client, 'PATCH under way');
    const headers = { 'Content-Length': String(bytes.length) };
    const target = location;
    await raw.write(requestHead(client, { method: 'PATCH', target, headers, authorization }));
    await raw.write(bytes.subarray(0, 5 * MIB));
    await expect.poll(async () => (await uploadStatus(client, location)).last).toBeGreaterThan(0);
    await restart('SIGKILL');
    const status = await uploadStatus(own.client, rebase(location));
    const start = status.last > 0 ? status.last + 1 : 0;
    expect(start).toBeLessThanOrEqual(5 * MIB);
    const rest = { bytes: bytes.subarray(start), start };
    const patched = expectStatus(await patchUpload(own.client, status.location, rest), 202);
    const digest = digestOf(bytes);
    expectStatus(await closeUpload(own.client, patched.location(), digest), 201);
    expectBody(await get(own.client, blobPath(repository, digest)), bytes);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'decisions 2: what was acknowledged is there after %s, and an empty upload goes on (CH-12)',
    async (how) => {
      const bytes = randomBytes(1000);
      const { location } = await startUpload(own.client, repository);
      const content = newContent();
      addImage(content, { tag: 'latest' });
      await pushContent(own.client, repository, content);
      await restart(how);
      const response = expectStatus(await readManifest(own.client, repository, 'latest'), 200);
      expectBody(response, content.manifests[0]!.bytes);
      for (const [digest, blob] of content.blobs) {
        expectBody(await get(own.client, blobPath(repository, digest)), blob);
      }
      const status = await uploadStatus(own.client, rebase(location));
      const closed = await closeUpload(own.client, status.location, digestOf(bytes), { bytes });
      expectStatus(closed, 201);
    },
  );
});
