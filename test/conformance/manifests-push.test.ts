/** Pushing manifests: what is stored, what is refused, what the answers say. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  errorEntries,
  expectBody,
  expectDigestHeader,
  expectError,
  expectHeader,
  expectStatus,
  unsupported,
} from './assertions.ts';
import {
  addArtifact,
  addImage,
  addIndex,
  addLayer,
  addPlatformIndex,
  type Content,
  digestOf,
  type Manifest,
  MEDIA_TYPES,
  newContent,
  unknownDigest,
} from './content.ts';
import { startsStowage, useRegistry } from './registry.ts';
import {
  ACCEPT_MANIFESTS,
  blobPath,
  get,
  head,
  pushBlob,
  pushContent,
  putManifest,
  readManifest,
} from './requests.ts';

const ARTIFACT_TYPE = 'application/vnd.example.stowage.test.v1';
const MIB = 1024 * 1024;

/** The last manifest that was added: the one that names the others. */
const top = (content: Content): Manifest => content.manifests.at(-1)!;

describe('beyond', () => {
  const registry = useRegistry();
  const repository = registry.repository();

  /** Pushes everything but the last manifest and gives that. */
  async function pushParts(content: Content, into = repository): Promise<Manifest> {
    const last = top(content);
    await pushContent(registry.client, into, {
      ...content,
      manifests: content.manifests.slice(0, -1),
      tags: new Map(),
    });
    return last;
  }

  async function expectNotStored(digest: string, tag?: string, place = repository): Promise<void> {
    for (const reference of tag === undefined ? [digest] : [digest, tag]) {
      expectStatus(await readManifest(registry.client, place, reference, 'HEAD'), 404);
    }
  }

  /** An image manifest with `change` made to its text. */
  function changed(change: (text: string) => string | Buffer): Content {
    const content = newContent();
    addImage(content);
    const bytes = Buffer.from(change(top(content).bytes.toString()));
    content.manifests[0] = { ...top(content), bytes, digest: digestOf(bytes) };
    return content;
  }

  describe('answers', () => {
    it.each(['sha256', 'sha512'] as const)(
      'MAN-P1 (MUST) by %s: 201, Location, Docker-Content-Digest',
      async (algorithm) => {
        const { client } = registry;
        const content = newContent();
        addImage(content, { algorithm });
        const manifest = await pushParts(content);
        const where = { reference: manifest.digest };
        const response = await putManifest(client, repository, manifest, where);
        expectDigestHeader(expectStatus(response, 201), manifest.digest, true);
        const served = await get(client, response.location(), ACCEPT_MANIFESTS);
        expectBody(expectStatus(served, 200), manifest.bytes);
      },
    );

    it('MAN-P1 (MUST) by tag: 201, Location, Docker-Content-Digest', async () => {
      const { client } = registry;
      const content = newContent();
      addImage(content);
      const manifest = await pushParts(content);
      // The same again changes nothing.
      for (const reference of ['by-tag', 'by-tag', manifest.digest]) {
        const response = await putManifest(client, repository, manifest, { reference });
        expectDigestHeader(expectStatus(response, 201), manifest.digest, true);
        const served = await get(client, response.location(), ACCEPT_MANIFESTS);
        expectBody(expectStatus(served, 200), manifest.bytes);
      }
    });

    it('MAN-P9 (MUST) a subject is acknowledged by OCI-Subject', async (context) => {
      const { client } = registry;
      for (const subject of [unknownDigest(), unknownDigest('sha512')]) {
        const content = newContent();
        addArtifact(content, {
          artifactType: ARTIFACT_TYPE,
          subject: { mediaType: MEDIA_TYPES.manifest, digest: subject, size: 100 },
        });
        const manifest = await pushParts(content);
        const where = { reference: manifest.digest };
        const response = expectStatus(await putManifest(client, repository, manifest, where), 201);
        if (response.get('oci-subject') === undefined) unsupported(context, 'no referrers API');
        expectHeader(response, 'oci-subject', subject);
      }
    });
  });

  describe('bytes', () => {
    it.each<[string, (text: string) => string | Buffer]>([
      ['unknown fields', (text) => text.replace('{', '{"x-unknown":{"deep":[1,2.50,1e2]},')],
      ['spacing', (text) => `  ${JSON.stringify(JSON.parse(text), undefined, 3)}\r\n\t`],
      ['escapes', (text) => text.replace('{', '{"x":"\\u00fC \\/ \\ud83d\\ude00",')],
      ['characters of four bytes', (text) => text.replace('{', '{"x":"\u{1f600} ü",')],
      ['a key that stands twice', (text) => text.replace('{', '{"x":1,"x":2,')],
      ['numbers beyond 2^53', (text) => text.replace('{', '{"x":12345678901234567890,')],
    ])('MAN-P2 (MUST) %s are stored byte for byte', async (_, change) => {
      const { client } = registry;
      const manifest = await pushParts(changed(change));
      const where = { reference: manifest.digest };
      expectStatus(await putManifest(client, repository, manifest, where), 201);
      const response = await readManifest(client, repository, manifest.digest);
      expectBody(expectStatus(response, 200), manifest.bytes);
    });

    it.each<[string, (text: string) => Buffer]>([
      [
        'a byte order mark',
        (text) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]),
      ],
      ['invalid UTF-8', (text) => Buffer.from(text.replace('{', '{"x":"\xff\xfe",'), 'latin1')],
      [
        'half a surrogate',
        (text) => Buffer.from(text.replace('{', '{"x":"\xed\xa0\x80",'), 'latin1'),
      ],
    ])('MAN-P13 (our test) %s is refused or kept, never altered', async (_, change) => {
      const { client } = registry;
      const manifest = await pushParts(changed(change));
      const where = { reference: manifest.digest };
      const response = await putManifest(client, repository, manifest, where);
      if (response.status !== 201) {
        expectError(response, 400, 'MANIFEST_INVALID');
        await expectNotStored(manifest.digest);
        return;
      }
      expectBody(await readManifest(client, repository, manifest.digest), manifest.bytes);
    });

    it.each(['sha256', 'sha512'] as const)(
      'MAN-P3 (suite, decisions 1) bytes that are not those of the %s in the path are refused',
      async (algorithm) => {
        const { client } = registry;
        const content = newContent();
        addImage(content);
        const manifest = await pushParts(content);
        const reference = unknownDigest(algorithm);
        const response = await putManifest(client, repository, manifest, { reference });
        expectError(response, 400, 'DIGEST_INVALID');
        await expectNotStored(manifest.digest);
        await expectNotStored(reference);
      },
    );
  });

  describe('references', () => {
    it('MAN-P4 (MAY) every missing reference is MANIFEST_BLOB_UNKNOWN', async (context) => {
      const { client } = registry;
      const content = newContent();
      addImage(content, { layers: 3, tag: 'missing' });
      const [first, ...missing] = [...content.blobs.keys()];
      await pushBlob(client, repository, content.blobs.get(first!)!);
      const manifest = top(content);
      const response = await putManifest(client, repository, manifest, { reference: 'missing' });
      if (!startsStowage && response.status === 201) context.skip('missing references are allowed');
      expectError(response, 400, 'MANIFEST_BLOB_UNKNOWN');
      const text = JSON.stringify(errorEntries(response));
      for (const digest of missing) expect(text, response.describe()).toContain(digest);
      expect(text).not.toContain(first);
      expect(errorEntries(response)).toHaveLength(missing.length);
      await expectNotStored(manifest.digest, 'missing');
    });

    it('MAN-P4 (MAY) an index whose manifests are missing is refused', async (context) => {
      const { client } = registry;
      const content = newContent();
      addPlatformIndex(content);
      const manifest = top(content);
      const where = { reference: manifest.digest };
      const response = await putManifest(client, repository, manifest, where);
      if (!startsStowage && response.status === 201) context.skip('missing references are allowed');
      expectError(response, 400, 'MANIFEST_BLOB_UNKNOWN');
      expect(errorEntries(response)).toHaveLength(2);
      await expectNotStored(manifest.digest);
    });

    it('MAN-P4 (decisions 4) references are looked up in the own repository', async (context) => {
      const { client } = registry;
      const place = registry.repository('elsewhere');
      const content = newContent();
      addImage(content, { layers: 1 });
      await pushContent(client, registry.otherRepository(), content);
      const manifest = top(content);
      const where = { reference: manifest.digest };
      const response = await putManifest(client, place, manifest, where);
      if (!startsStowage && response.status === 201) context.skip('missing references are allowed');
      expectError(response, 400, 'MANIFEST_BLOB_UNKNOWN');
      await expectNotStored(manifest.digest, undefined, place);
      for (const digest of content.blobs.keys()) {
        expectStatus(await head(client, blobPath(place, digest)), 404);
      }
    });

    it('MAN-P5 (MUST) a missing subject is accepted', async () => {
      const { client } = registry;
      const subject = { mediaType: MEDIA_TYPES.manifest, digest: unknownDigest(), size: 1234 };
      const image = newContent();
      addImage(image, { subject, tag: 'orphan-image' });
      await pushContent(client, repository, image);
      const index = newContent();
      addIndex(index, [], { subject, tag: 'orphan-index' });
      await pushContent(client, repository, index);
      expectBody(await readManifest(client, repository, 'orphan-index'), top(index).bytes);
    });

    it.each<[string, (content: Content) => void]>([
      [
        'layers with addresses elsewhere',
        (content) => {
          const mediaType = MEDIA_TYPES.foreignLayerGzip;
          const urls = ['https://store.example.com/layer'];
          const foreign = { mediaType, digest: unknownDigest(), size: 1000, urls };
          addImage(content, { layers: [addLayer(content).descriptor, foreign] });
        },
      ],
      [
        'layers of a type that is not distributed',
        (content) => {
          const mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
          addImage(content, { layers: [{ mediaType, digest: unknownDigest(), size: 1000 }] });
        },
      ],
      ['no layers', (content) => void addImage(content, { layers: 0 })],
      [
        'no manifests',
        (content) => void addIndex(content, [], { extra: { x: randomBytes(4).toString('hex') } }),
      ],
      [
        'an index in an index',
        (content) => void addIndex(content, [addPlatformIndex(content), addPlatformIndex(content)]),
      ],
      ['an artifact type', (content) => void addArtifact(content, { artifactType: ARTIFACT_TYPE })],
      ['embedded content', (content) => void addImage(content, { embed: true })],
    ])('MAN-P6 (suite) a manifest with %s is accepted', async (_, build) => {
      const { client } = registry;
      const content = newContent();
      build(content);
      await pushContent(client, repository, content);
      const manifest = top(content);
      expectBody(await readManifest(client, repository, manifest.digest), manifest.bytes);
    });

    it('MAN-P6 (our choice) embedded content need not be pushed', async (context) => {
      const { client } = registry;
      const content = newContent();
      addImage(content, { embed: true });
      const manifest = top(content);
      const where = { reference: manifest.digest };
      const response = await putManifest(client, repository, manifest, where);
      if (!startsStowage && response.status !== 201) context.skip('it must be pushed as well');
      expectStatus(response, 201);
    });
  });

  describe('size', () => {
    /** An image manifest of exactly `size` bytes. */
    async function manifestOf(size: number): Promise<Manifest> {
      const content = newContent();
      addImage(content, { layers: 1, annotations: { filler: '' } });
      const missing = size - top(content).bytes.length;
      const text = top(content)
        .bytes.toString()
        .replace('"filler":"', `$&${'f'.repeat(missing)}`);
      const bytes = Buffer.from(text);
      content.manifests[0] = { ...top(content), bytes, digest: digestOf(bytes) };
      expect(bytes).toHaveLength(size);
      return pushParts(content);
    }

    it('MAN-P7 (SHOULD) 4 MiB are accepted', async () => {
      const { client } = registry;
      const manifest = await manifestOf(4 * MIB);
      expectStatus(await putManifest(client, repository, manifest, { reference: 'large' }), 201);
      expectBody(await readManifest(client, repository, 'large'), manifest.bytes);
    });

    it.runIf(startsStowage)('MAN-P7 (our choice) one byte more is 413 SIZE_INVALID', async () => {
      const manifest = await manifestOf(4 * MIB + 1);
      const where = { reference: 'too-large' };
      const response = await putManifest(registry.client, repository, manifest, where);
      expectError(response, 413, 'SIZE_INVALID');
      await expectNotStored(manifest.digest, 'too-large');
    });
  });
});
