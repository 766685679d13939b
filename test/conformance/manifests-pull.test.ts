/** Reading manifests: bytes, headers, conditions. */
import { describe, expect, it } from 'vitest';
import {
  expectBody,
  expectDigestHeader,
  expectError,
  expectHeader,
  expectStatus,
} from './assertions.ts';
import {
  addImage,
  addPlatformIndex,
  digestOf,
  type Manifest,
  MEDIA_TYPES,
  newContent,
  unknownDigest,
} from './content.ts';
import { useRegistry } from './registry.ts';
import {
  ACCEPT_MANIFESTS,
  get,
  manifestPath,
  pushContent,
  putManifest,
  readManifest,
} from './requests.ts';

describe('beyond', () => {
  const registry = useRegistry();
  const repository = registry.repository();

  /** Pushes an image under a tag. */
  async function pushImage(
    tag: string,
    algorithm: 'sha256' | 'sha512' = 'sha256',
  ): Promise<Manifest> {
    const content = newContent();
    addImage(content, { algorithm });
    await pushContent(registry.client, repository, content);
    const manifest = content.manifests[0]!;
    const where = { reference: manifest.digest, tags: [tag] };
    if (algorithm === 'sha256') where.reference = tag;
    expectStatus(await putManifest(registry.client, repository, manifest, where), 201);
    return manifest;
  }

  it('MAN-G1 (MUST) the exact bytes come back, by tag and by digest', async () => {
    const { client } = registry;
    const content = newContent();
    addImage(content);
    const plain = content.manifests[0]!.bytes.toString();
    // Spacing, a line end and an escape that a second serialisation would lose.
    const bytes = Buffer.from(`\n${plain.replace('{', '{ \t"note":"\\u00e9/\\/",')}\r\n`);
    content.manifests[0] = { ...content.manifests[0]!, bytes, digest: digestOf(bytes) };
    content.tags.set('spacing', digestOf(bytes));
    await pushContent(client, repository, content);
    expectBody(expectStatus(await readManifest(client, repository, 'spacing'), 200), bytes);
    expectBody(expectStatus(await readManifest(client, repository, digestOf(bytes)), 200), bytes);
  });

  it.each(['GET', 'HEAD'] as const)(
    'MAN-G2 (MUST) %s has Docker-Content-Digest',
    async (method) => {
      const { digest } = await pushImage('digest-header');
      for (const reference of ['digest-header', digest]) {
        const response = await readManifest(registry.client, repository, reference, method);
        expectDigestHeader(expectStatus(response, 200), digest, true);
      }
    },
  );

  it('MAN-G3 (suite) a tag keeps the algorithm that its manifest was pushed with', async () => {
    const { client } = registry;
    const manifest = await pushImage('sha512', 'sha512');
    for (const reference of ['sha512', manifest.digest]) {
      const response = expectStatus(await readManifest(client, repository, reference), 200);
      expectDigestHeader(response, manifest.digest, true);
      expectBody(response, manifest.bytes);
    }
    // A push by tag names no algorithm, so the same bytes get the usual one.
    expectStatus(await putManifest(client, repository, manifest, { reference: 'sha256' }), 201);
    const response = await readManifest(client, repository, 'sha256');
    expectDigestHeader(response, digestOf(manifest.bytes), true);
    expectDigestHeader(await readManifest(client, repository, 'sha512'), manifest.digest, true);
  });

  it('MAN-G4 (SHOULD) Content-Type is the pushed type without parameters', async () => {
    const { client } = registry;
    const { bytes, digest } = await pushImage('type');
    const mediaType = `${MEDIA_TYPES.manifest}; charset=utf-8`;
    const where = { reference: 'type-with-parameters' };
    expectStatus(await putManifest(client, repository, { bytes, mediaType }, where), 201);
    for (const reference of ['type', 'type-with-parameters', digest]) {
      for (const method of ['GET', 'HEAD'] as const) {
        const response = await readManifest(client, repository, reference, method);
        expectHeader(response, 'content-type', MEDIA_TYPES.manifest);
      }
    }
  });

  it.each(['GET', 'HEAD'] as const)(
    'MAN-G5 (MUST) %s has the exact Content-Length',
    async (method) => {
      const { bytes, digest } = await pushImage('length');
      for (const reference of ['length', digest]) {
        const response = await readManifest(registry.client, repository, reference, method);
        expectHeader(response, 'content-length', String(bytes.length));
      }
    },
  );

  it('MAN-G6 (MUST) an unknown manifest or repository is 404', async () => {
    const { client } = registry;
    await pushImage('known');
    for (const reference of ['unknown', unknownDigest(), unknownDigest('sha512')]) {
      expectError(await readManifest(client, repository, reference), 404, 'MANIFEST_UNKNOWN');
      expectStatus(await readManifest(client, repository, reference, 'HEAD'), 404);
    }
    const elsewhere = registry.repository('nothing');
    for (const reference of ['unknown', unknownDigest()]) {
      const response = expectStatus(await readManifest(client, elsewhere, reference), 404);
      expect(['MANIFEST_UNKNOWN', 'NAME_UNKNOWN']).toContain(
        response.json<{ errors: { code: string }[] }>().errors[0]?.code,
      );
    }
  });

  it('MAN-G6 (MUST) a manifest is not found through another repository', async () => {
    const { digest } = await pushImage('here');
    const response = await readManifest(registry.client, registry.otherRepository(), digest);
    expectStatus(response, 404);
  });

  it('MAN-G7 (suite) a malformed digest is 400 or 404', async () => {
    for (const method of ['GET', 'HEAD'] as const) {
      const reference = 'sha256:baddigeststring';
      const response = await readManifest(registry.client, repository, reference, method);
      expectStatus(response, 400, 404);
    }
  });

  it.each([
    ['two lines', [MEDIA_TYPES.index, MEDIA_TYPES.manifest]],
    ['one list', `${MEDIA_TYPES.index}, ${MEDIA_TYPES.manifest}`],
    ['a list with weights', `text/html;q=0.9, ${MEDIA_TYPES.manifest};q=0.1, */*;q=0.01`],
    ['everything', '*/*'],
    ['the same twice', [MEDIA_TYPES.manifest, MEDIA_TYPES.manifest]],
    ['nothing', undefined],
  ])('MAN-G8 (our test) Accept may be %s', async (_, accept) => {
    const { bytes } = await pushImage('accept');
    const headers = accept === undefined ? {} : { accept };
    const target = manifestPath(repository, 'accept');
    const response = expectStatus(await get(registry.client, target, headers), 200);
    expectBody(response, bytes);
  });

  it('MAN-G9 (our choice) Accept never changes what a reference means', async () => {
    const { client } = registry;
    const { bytes } = await pushImage('not-accepted');
    const list = newContent();
    addPlatformIndex(
      list,
      { mediaType: MEDIA_TYPES.dockerManifestList, tag: 'list' },
      (into, one) => addImage(into, { ...one, mediaType: MEDIA_TYPES.dockerManifest }),
    );
    await pushContent(client, repository, list);
    const old = { accept: 'application/vnd.docker.distribution.manifest.v1+prettyjws' };
    const one = await get(client, manifestPath(repository, 'not-accepted'), old);
    expectBody(expectStatus(one, 200), bytes);
    const single = { accept: MEDIA_TYPES.dockerManifest };
    const response = expectStatus(await get(client, manifestPath(repository, 'list'), single), 200);
    expectHeader(response, 'content-type', MEDIA_TYPES.dockerManifestList);
    expectBody(response, list.manifests.at(-1)!.bytes);
  });

  it('MAN-G10 (our test) ETag is the digest and If-None-Match answers 304', async () => {
    const { client } = registry;
    const { digest, bytes } = await pushImage('etag');
    const etag = `"${digest}"`;
    for (const reference of ['etag', digest]) {
      const target = manifestPath(repository, reference);
      expectHeader(await get(client, target, ACCEPT_MANIFESTS), 'etag', etag);
      for (const condition of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
        for (const method of ['GET', 'HEAD']) {
          const headers = { ...ACCEPT_MANIFESTS, 'if-none-match': condition };
          const response = await client.request({ method, target, headers });
          expectStatus(response, 304);
          expectBody(response, Buffer.alloc(0));
          expectHeader(response, 'etag', etag);
        }
      }
      const other = { ...ACCEPT_MANIFESTS, 'if-none-match': `"${unknownDigest()}"` };
      expectBody(expectStatus(await get(client, target, other), 200), bytes);
    }
    const moved = await pushImage('etag');
    const target = manifestPath(repository, 'etag');
    const same = { ...ACCEPT_MANIFESTS, 'if-none-match': etag };
    expectBody(expectStatus(await get(client, target, same), 200), moved.bytes);
  });

  it('MAN-G11 (MAY) ?ns= does not get in the way', async () => {
    const { bytes } = await pushImage('ns');
    const target = `${manifestPath(repository, 'ns')}?ns=registry.example.com`;
    const response = expectStatus(await get(registry.client, target, ACCEPT_MANIFESTS), 200);
    expectBody(response, bytes);
    const scope = response.get('oci-namespace');
    if (scope !== undefined) expect(scope).toBe('registry.example.com');
  });

  it('MAN-G1 (MUST) a tag can be moved, and both manifests stay', async () => {
    const { client } = registry;
    const first = await pushImage('moved');
    const second = await pushImage('moved');
    expectBody(await readManifest(client, repository, 'moved'), second.bytes);
    expectBody(await readManifest(client, repository, first.digest), first.bytes);
  });
});
