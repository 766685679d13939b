/** Mounting a blob from another repository. */
import { randomBytes } from 'node:crypto';
import { describe, it } from 'vitest';
import { expectBody, expectDigestHeader, expectStatus, unsupported } from './assertions.ts';
import { digestOf, unknownDigest } from './content.ts';
import { useRegistry } from './registry.ts';
import { blobPath, closeUpload, get, head, pushBlob, uploadsPath } from './requests.ts';
import type { RegistryResponse } from './response.ts';

describe('beyond', () => {
  const registry = useRegistry();
  const source = registry.otherRepository();
  let count = 0;
  /** A repository that has nothing yet. */
  const newTarget = (): string => registry.repository(`target-${count++}`);

  function mount(
    repository: string,
    parameters: { readonly mount: string; readonly from?: string },
  ): Promise<RegistryResponse> {
    const target = `${uploadsPath(repository)}?${new URLSearchParams(parameters)}`;
    return registry.client.request({ method: 'POST', target });
  }

  /** Expects an upload session instead of a mount, and that it works. */
  async function expectSession(response: RegistryResponse, repository: string): Promise<void> {
    const { client } = registry;
    const bytes = randomBytes(100);
    const digest = digestOf(bytes);
    const location = expectStatus(response, 202).location();
    expectStatus(await closeUpload(client, location, digest, { bytes }), 201);
    expectBody(await get(client, blobPath(repository, digest)), bytes);
  }

  it.each([
    ['sha256', 500],
    ['sha256', 500_000],
    ['sha512', 500_000],
  ] as const)('MNT-1 (MUST) a %s blob of %i bytes is mounted', async (algorithm, size) => {
    const { client } = registry;
    const target = newTarget();
    const bytes = randomBytes(size);
    const digest = await pushBlob(client, source, bytes, algorithm);
    expectStatus(await head(client, blobPath(target, digest)), 404);
    const response = expectStatus(await mount(target, { mount: digest, from: source }), 201);
    expectDigestHeader(response, digest, true);
    expectBody(expectStatus(await get(client, response.location()), 200), bytes);
    expectBody(expectStatus(await get(client, blobPath(target, digest)), 200), bytes);
  });

  it('MNT-1 (MUST) a blob that is there already is mounted again', async () => {
    const target = newTarget();
    const digest = await pushBlob(registry.client, source, randomBytes(100));
    for (const from of [source, source, target]) {
      expectStatus(await mount(target, { mount: digest, from }), 201);
    }
  });

  it('MNT-2 (SHOULD) what cannot be mounted is 202 and a session', async () => {
    const target = newTarget();
    const digest = await pushBlob(registry.client, source, randomBytes(100));
    const cases = [
      { mount: unknownDigest(), from: source },
      { mount: unknownDigest('sha512'), from: source },
      { mount: digest, from: registry.otherRepository('nothing') },
    ];
    for (const parameters of cases) {
      await expectSession(await mount(target, parameters), target);
      expectStatus(await head(registry.client, blobPath(target, parameters.mount)), 404);
    }
  });

  it('MNT-2 (SHOULD) a source that can be no repository mounts nothing', async () => {
    const target = newTarget();
    const digest = await pushBlob(registry.client, source, randomBytes(100));
    for (const from of ['UPPER', '../x', '\0']) {
      const response = expectStatus(await mount(target, { mount: digest, from }), 202, 400);
      if (response.status === 202) await expectSession(response, target);
      expectStatus(await head(registry.client, blobPath(target, digest)), 404);
    }
  });

  it('MNT-3 (MAY) without a source a blob is found wherever it is', async (context) => {
    const { client } = registry;
    const target = newTarget();
    const bytes = randomBytes(100);
    const digest = await pushBlob(client, source, bytes);
    const response = expectStatus(await mount(target, { mount: digest }), 201, 202);
    if (response.status === 202) unsupported(context, 'no mount without a source repository');
    expectDigestHeader(response, digest, true);
    expectBody(expectStatus(await get(client, response.location()), 200), bytes);
  });

  it('MNT-3 (MAY) without a source an unknown blob is 202 and a session', async () => {
    const target = newTarget();
    const digest = unknownDigest();
    await expectSession(await mount(target, { mount: digest }), target);
    expectStatus(await head(registry.client, blobPath(target, digest)), 404);
  });

  it('MNT-1 (our test) the mounted blob does not depend on its source', async () => {
    const { client } = registry;
    const target = newTarget();
    const bytes = randomBytes(100);
    const digest = await pushBlob(client, source, bytes);
    expectStatus(await mount(target, { mount: digest, from: source }), 201);
    const removed = await client.request({ method: 'DELETE', target: blobPath(source, digest) });
    expectStatus(removed, 202);
    expectStatus(await head(client, blobPath(source, digest)), 404);
    expectBody(expectStatus(await get(client, blobPath(target, digest)), 200), bytes);
  });
});
