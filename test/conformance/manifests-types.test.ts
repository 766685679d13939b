/** Pushing manifests: media types, and tags as parameters. */
import { describe, expect, it } from 'vitest';
import {
  expectBody,
  expectDigestHeader,
  expectError,
  expectHeader,
  expectStatus,
  unsupported,
} from './assertions.ts';
import {
  addImage,
  addPlatformIndex,
  digestOf,
  type Manifest,
  MEDIA_TYPES,
  newContent,
} from './content.ts';
import { startsStowage, useRegistry } from './registry.ts';
import { get, manifestPath, pushContent, putManifest, readManifest, tagsPath } from './requests.ts';

describe('beyond', () => {
  const registry = useRegistry();
  const repository = registry.repository();

  /** An image manifest with `change` made to its text, everything it needs pushed, itself not. */
  async function imageWith(
    change: (text: string) => string = (text) => text,
    place = repository,
  ): Promise<Manifest> {
    const content = newContent();
    addImage(content);
    await pushContent(registry.client, place, { ...content, manifests: [] });
    const [manifest] = content.manifests;
    const bytes = Buffer.from(change(manifest!.bytes.toString()));
    return { ...manifest!, bytes, digest: digestOf(bytes) };
  }

  async function expectNotStored(digest: string, tag?: string, place = repository): Promise<void> {
    for (const reference of tag === undefined ? [digest] : [digest, tag]) {
      expectStatus(await readManifest(registry.client, place, reference, 'HEAD'), 404);
    }
  }

  describe('media types', () => {
    /** PUT with a Content-Type of one's own, or none. */
    function put(bytes: Buffer, reference: string, type: string | undefined) {
      return registry.client.request({
        method: 'PUT',
        target: manifestPath(repository, reference),
        headers: type === undefined ? {} : { 'content-type': type },
        body: bytes,
      });
    }

    const withoutField = (text: string): string =>
      text.replace(/"mediaType":"[^"]*manifest[^"]*",/, '');

    it('MAN-P8 (SHOULD) parameters of Content-Type are ignored', async () => {
      const manifest = await imageWith();
      const type = `${MEDIA_TYPES.manifest} ; charset="utf-8"`;
      expectStatus(await put(manifest.bytes, manifest.digest, type), 201);
      const response = await readManifest(registry.client, repository, manifest.digest);
      expectHeader(response, 'content-type', MEDIA_TYPES.manifest);
    });

    it('MAN-P8 (SHOULD) without the mediaType field Content-Type decides', async () => {
      const manifest = await imageWith(withoutField);
      expectStatus(await put(manifest.bytes, manifest.digest, MEDIA_TYPES.manifest), 201);
      const response = await readManifest(registry.client, repository, manifest.digest);
      expectHeader(response, 'content-type', MEDIA_TYPES.manifest);
      expectBody(response, manifest.bytes);
    });

    it('MAN-P8 (our test) a mediaType field that differs is MANIFEST_INVALID', async () => {
      const manifest = await imageWith();
      for (const type of [MEDIA_TYPES.index, MEDIA_TYPES.dockerManifest]) {
        expectError(await put(manifest.bytes, manifest.digest, type), 400, 'MANIFEST_INVALID');
      }
      await expectNotStored(manifest.digest);
    });

    it('MAN-P8 (our test) without Content-Type the field decides, or it is 400', async () => {
      const manifest = await imageWith();
      const response = await put(manifest.bytes, manifest.digest, undefined);
      if (response.status !== 201) return expectError(response, 400, 'MANIFEST_INVALID');
      const read = await readManifest(registry.client, repository, manifest.digest);
      expectHeader(read, 'content-type', MEDIA_TYPES.manifest);
    });

    it('MAN-P8 (our test) with neither it is MANIFEST_INVALID', async () => {
      const manifest = await imageWith(withoutField);
      const response = await put(manifest.bytes, manifest.digest, undefined);
      expectError(response, 400, 'MANIFEST_INVALID');
      await expectNotStored(manifest.digest);
    });

    it.each([
      ['OCI', MEDIA_TYPES.manifest, MEDIA_TYPES.index],
      ['Docker', MEDIA_TYPES.dockerManifest, MEDIA_TYPES.dockerManifestList],
    ])('MAN-P11, MAN-P12 (our test) %s manifests and lists are taken', async (_, image, list) => {
      const { client } = registry;
      const content = newContent();
      addPlatformIndex(content, { mediaType: list }, (into, one) =>
        addImage(into, { ...one, mediaType: image }),
      );
      await pushContent(client, repository, content);
      for (const { digest, bytes, mediaType } of content.manifests) {
        const accept = { accept: [image, list] };
        const response = await get(client, manifestPath(repository, digest), accept);
        expectHeader(expectStatus(response, 200), 'content-type', mediaType);
        expectBody(response, bytes);
      }
    });

    it.each(['prettyjws', 'json'])(
      'MAN-P11 (our test) Docker schema 1 (%s) is refused',
      async (suffix) => {
        const mediaType = `application/vnd.docker.distribution.manifest.v1+${suffix}`;
        const fields = {
          schemaVersion: 1,
          name: repository,
          tag: 'schema1',
          fsLayers: [],
          history: [],
        };
        const bytes = Buffer.from(JSON.stringify(fields));
        expectError(await put(bytes, 'schema1', mediaType), 400, 'MANIFEST_INVALID');
        await expectNotStored(digestOf(bytes), 'schema1');
      },
    );
  });

  describe('tag parameters', () => {
    const tagsOf = async (place: string): Promise<string[]> => {
      const response = expectStatus(await get(registry.client, tagsPath(place)), 200, 404);
      return response.status === 404 ? [] : response.json<{ tags: string[] }>().tags;
    };

    it('MAN-P10 (MAY) a push by digest may carry tags, each named in OCI-Tag', async (context) => {
      const { client } = registry;
      const place = registry.repository('tag-params');
      const manifest = await imageWith(undefined, place);
      const tags = Array.from({ length: 12 }, (_, i) => `tag-${String(i).padStart(2, '0')}`);
      const where = { reference: manifest.digest, tags: [...tags, tags[0]!] };
      const response = expectStatus(await putManifest(client, place, manifest, where), 201);
      const accepted = response.all('oci-tag').flatMap((line) => line.split(/\s*,\s*/));
      if (accepted.length === 0) unsupported(context, 'tag parameters are ignored');
      expect([...new Set(accepted)].sort()).toEqual(tags);
      expect(await tagsOf(place)).toEqual(tags);
      for (const tag of tags) {
        const read = expectStatus(await readManifest(client, place, tag, 'HEAD'), 200);
        expectDigestHeader(read, manifest.digest, true);
      }
    });

    it.runIf(startsStowage)('MAN-P10 (our test) one invalid tag refuses them all', async () => {
      const { client } = registry;
      const place = registry.repository('tag-params-bad');
      const manifest = await imageWith(undefined, place);
      const where = { reference: manifest.digest, tags: ['good', '-bad'] };
      expectStatus(await putManifest(client, place, manifest, where), 400);
      expect(await tagsOf(place)).toEqual([]);
      await expectNotStored(manifest.digest, 'good', place);
    });

    it.runIf(startsStowage)('MAN-P10 (MAY) too many tags are 414, and none is made', async () => {
      const { client } = registry;
      const place = registry.repository('tag-params-many');
      const manifest = await imageWith(undefined, place);
      const tags = Array.from({ length: 1000 }, (_, i) => `t${i}`);
      const where = { reference: manifest.digest, tags };
      const response = await putManifest(client, place, manifest, where);
      expectError(response, 414, 'NAME_INVALID');
      expect(await tagsOf(place)).toEqual([]);
    });
  });
});
