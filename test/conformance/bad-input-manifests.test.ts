/** Manifests that are none, or too much: status, code, and nothing left behind. */
import { describe, it } from 'vitest';
import { expectError, expectStatus } from './assertions.ts';
import { addImage, digestOf, MEDIA_TYPES, newContent, unknownDigest } from './content.ts';
import { expectNothingLeft } from './leftovers.ts';
import { openRaw, requestHead } from './raw.ts';
import { startsStowage, useRegistry } from './registry.ts';
import { manifestPath, pushBlob, putManifest } from './requests.ts';

const MIB = 1024 * 1024;

/** A descriptor whose content nobody looks for, since it is embedded. */
const EMBEDDED = {
  mediaType: MEDIA_TYPES.empty,
  digest: digestOf('{}'),
  size: 2,
  data: Buffer.from('{}').toString('base64'),
};

/** An image manifest that needs nothing to be pushed, with some fields made wrong. */
function image(change: Record<string, unknown> = {}): Buffer {
  const fields = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: EMBEDDED,
    layers: [],
  };
  return Buffer.from(JSON.stringify({ ...fields, ...change }));
}

/** The same for an index. */
function index(change: Record<string, unknown>): Buffer {
  const fields = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [] };
  return Buffer.from(JSON.stringify({ ...fields, ...change }));
}

/** `text` put into a string field of an otherwise fine manifest. */
function withRawString(text: string): Buffer {
  const plain = image({ annotations: { x: 'HERE' } }).toString('latin1');
  return Buffer.from(plain.replace('HERE', text), 'latin1');
}

describe('beyond', () => {
  const registry = useRegistry();
  let count = 0;
  const fresh = (): string => registry.repository(`bad-manifest-${count++}`);

  async function expectRefused(
    bytes: Buffer,
    mediaType: string = MEDIA_TYPES.manifest,
  ): Promise<void> {
    const { client } = registry;
    const place = fresh();
    // Elsewhere the embedded configuration may have to be there; it shall not be the reason.
    if (!startsStowage) await pushBlob(client, place, Buffer.from('{}'));
    for (const reference of ['latest', digestOf(bytes)]) {
      const response = await putManifest(client, place, { bytes, mediaType }, { reference });
      expectError(response, 400, 'MANIFEST_INVALID', { elsewhere: [415] });
    }
    await expectNothingLeft(registry, place, [digestOf(bytes)]);
  }

  describe('size', () => {
    it('bad input: 5 MiB are 413 SIZE_INVALID', async () => {
      const { client } = registry;
      const place = fresh();
      const bytes = image({ annotations: { filler: 'f'.repeat(5 * MIB) } });
      const manifest = { bytes, mediaType: MEDIA_TYPES.manifest };
      for (const reference of ['latest', digestOf(bytes)]) {
        const response = await putManifest(client, place, manifest, { reference });
        expectError(response, 413, 'SIZE_INVALID');
      }
      await expectNothingLeft(registry, place, [digestOf(bytes)]);
    });

    it('bad input: 5 MiB without a Content-Length are 413 SIZE_INVALID', async () => {
      const { client } = registry;
      const place = fresh();
      const bytes = image({ annotations: { filler: 'f'.repeat(5 * MIB) } });
      const response = await client.request({
        method: 'PUT',
        target: manifestPath(place, 'latest'),
        headers: { 'content-type': MEDIA_TYPES.manifest },
        chunks: [bytes.subarray(0, MIB), bytes.subarray(MIB)],
      });
      expectError(response, 413, 'SIZE_INVALID');
      await expectNothingLeft(registry, place, [digestOf(bytes)]);
    });

    it('bad input: a body that never ends is 413 SIZE_INVALID before it ends', async () => {
      const { client } = registry;
      const place = fresh();
      const authorization = await client.authorization(place);
      const raw = await openRaw(client, 'PUT of an endless manifest');
      const headers = { 'Content-Type': MEDIA_TYPES.manifest, 'Transfer-Encoding': 'chunked' };
      const target = manifestPath(place, 'latest');
      await raw.write(requestHead(client, { method: 'PUT', target, headers, authorization }));
      for (let i = 0; i < 8; i++) await raw.writeChunk(Buffer.alloc(MIB, '{"a":'));
      const response = await raw.response();
      expectError(response!, 413, 'SIZE_INVALID');
      await expectNothingLeft(registry, place);
    });

    it('bad input: an announced 5 GiB are 413 SIZE_INVALID without being read', async () => {
      const { client } = registry;
      const place = fresh();
      const authorization = await client.authorization(place);
      const raw = await openRaw(client, 'PUT of a manifest of 5 GiB');
      const headers = {
        'Content-Type': MEDIA_TYPES.manifest,
        'Content-Length': String(5120 * MIB),
      };
      const target = manifestPath(place, 'latest');
      await raw.write(requestHead(client, { method: 'PUT', target, headers, authorization }));
      const response = await raw.response({ timeoutMs: 5000 });
      expectError(response!, 413, 'SIZE_INVALID');
      await expectNothingLeft(registry, place);
    });

    it('bad input: a body shorter than its Content-Length is not stored', async () => {
      const { client } = registry;
      const place = fresh();
      const bytes = image();
      const authorization = await client.authorization(place);
      const raw = await openRaw(client, 'PUT of half a manifest');
      const headers = { 'Content-Type': MEDIA_TYPES.manifest, 'Content-Length': '5000' };
      const target = manifestPath(place, 'latest');
      await raw.write(requestHead(client, { method: 'PUT', target, headers, authorization }));
      await raw.write(bytes);
      raw.end();
      const response = await raw.response();
      if (response !== undefined) expectError(response, 400, 'SIZE_INVALID');
      await expectNothingLeft(registry, place, [digestOf(bytes)]);
    });
  });

  describe('text', () => {
    it.each([
      ['a byte that starts nothing', '\xff'],
      ['half a character', '\xc3'],
      ['an overlong character', '\xc0\xaf'],
      ['a surrogate', '\xed\xa0\x80'],
      ['a character beyond Unicode', '\xf5\x80\x80\x80'],
    ])('bad input: invalid UTF-8, %s, is 400 MANIFEST_INVALID', async (_, text) => {
      await expectRefused(withRawString(text));
    });

    it.each([
      ['nothing', ''],
      ['spaces', '   '],
      ['no JSON', 'schemaVersion: 2'],
      ['half of it', image().toString().slice(0, -1)],
      ['two of them', image().toString().repeat(2)],
      ['null', 'null'],
      ['a number', '2'],
      ['a string', '"manifest"'],
      ['a list', '[]'],
      ['a list of one', `[${image()}]`],
      ['single quotes', "{'schemaVersion': 2}"],
      ['a comma too many', image().toString().replace('{', '{,')],
      ['a control character', withRawString('\x00').toString('latin1')],
    ])('bad input: %s is 400 MANIFEST_INVALID', async (_, text) => {
      await expectRefused(Buffer.from(text));
    });

    it.each([
      ['lists', '[', ']'],
      ['objects', '{"a":', '}'],
    ])(
      'bad input: 100,000 %s within each other are 400 MANIFEST_INVALID',
      async (_, open, close) => {
        const depth = 100_000;
        const deep = `${open.repeat(depth)}1${close.repeat(depth)}`;
        await expectRefused(Buffer.from(deep));
        await expectRefused(Buffer.from(image().toString().replace('{', `{"x":${deep},`)));
      },
    );

    it('bad input: 4 MiB of opening brackets are 400 MANIFEST_INVALID', async () => {
      await expectRefused(Buffer.alloc(4 * MIB, '['));
    });
  });

  describe('fields', () => {
    const good = { mediaType: MEDIA_TYPES.layer, digest: unknownDigest(), size: 1, data: 'AA==' };
    const layers = (...list: unknown[]): Buffer => image({ layers: list });
    it.each<[string, Buffer]>([
      ['no schemaVersion', image({ schemaVersion: undefined })],
      ['schemaVersion 1', image({ schemaVersion: 1 })],
      ['schemaVersion "2"', image({ schemaVersion: '2' })],
      ['a mediaType that is a number', image({ mediaType: 2 })],
      ['no config', image({ config: undefined })],
      ['a config that is null', image({ config: null })],
      ['a config that is a list', image({ config: [EMBEDDED] })],
      ['a config without digest', image({ config: { ...EMBEDDED, digest: undefined } })],
      ['layers that are no list', image({ layers: EMBEDDED })],
      ['a layer that is null', layers(null)],
      ['a layer that is a string', layers(good.digest)],
      ['a digest that is none', layers({ ...good, digest: 'sha256:x' })],
      ['a digest of an unknown algorithm', layers({ ...good, digest: `sha1:${'a'.repeat(40)}` })],
      ['a digest that is a path', layers({ ...good, digest: 'sha256:../../../etc/passwd' })],
      ['a digest that is a list', layers({ ...good, digest: [good.digest] })],
      ['a negative size', layers({ ...good, size: -1 })],
      ['half a byte', layers({ ...good, size: 1.5 })],
      ['a size beyond 2^53', layers({ ...good, size: 2 ** 60 })],
      ['a size that is a string', layers({ ...good, size: '1' })],
      ['no size', layers({ ...good, size: undefined })],
      ['a subject without digest', image({ subject: { mediaType: 'a/b', size: 1 } })],
      ['a subject that is a string', image({ subject: good.digest })],
      ['an artifactType that is a number', image({ artifactType: 1 })],
      ['annotations that are a list', image({ annotations: ['a'] })],
      ['an annotation that is a number', image({ annotations: { a: 1 } })],
    ])('bad input: an image with %s is 400 MANIFEST_INVALID', async (_, bytes) => {
      await expectRefused(bytes);
    });

    it.each<[string, Buffer]>([
      ['manifests that are no list', index({ manifests: {} })],
      ['an entry that is a number', index({ manifests: [1] })],
      ['an entry without digest', index({ manifests: [{ mediaType: 'a/b', size: 1 }] })],
      ['a subject of a malformed digest', index({ subject: { ...good, digest: 'x' } })],
    ])('bad input: an index with %s is 400 MANIFEST_INVALID', async (_, bytes) => {
      await expectRefused(bytes, MEDIA_TYPES.index);
    });

    it('bad input: keys that mean something to JavaScript mean nothing', async () => {
      const { client } = registry;
      const place = registry.repository('keys');
      const text = image().toString();
      if (!startsStowage) await pushBlob(client, place, Buffer.from('{}'));
      const evil = '{"__proto__":{"schemaVersion":9},"constructor":{"prototype":{"x":1}},';
      const bytes = Buffer.from(text.replace('{', evil));
      const manifest = { bytes, mediaType: MEDIA_TYPES.manifest };
      const response = await putManifest(client, place, manifest, { reference: 'latest' });
      expectStatus(response, 201, 400);
      const content = newContent();
      addImage(content, { config: EMBEDDED, layers: [] });
      const plain = await putManifest(client, place, content.manifests[0]!, { reference: 'plain' });
      expectStatus(plain, 201);
    });

    it.runIf(startsStowage)(
      'bad input: more references than any image has are 400 MANIFEST_INVALID',
      async () => {
        const one = { digest: good.digest, size: 1, data: '' };
        await expectRefused(layers(...Array.from({ length: 30_000 }, () => one)));
      },
    );
  });

  describe('media types', () => {
    it.each([
      'text/plain',
      'application/json',
      'application/octet-stream',
      'application/vnd.oci.image.config.v1+json',
      'application/vnd.oci.image.manifest.v2+json',
      'application/vnd.oci.artifact.manifest.v1+json',
      'application/vnd.oci.image.manifest.v1+json+x',
      '*/*',
      'x',
    ])('bad input: %s is no manifest: MANIFEST_INVALID', async (mediaType) => {
      const { client } = registry;
      const place = fresh();
      const bytes = image({ mediaType: undefined });
      const response = await putManifest(client, place, { bytes, mediaType }, { reference: 'x' });
      expectError(expectStatus(response, 400, 415), response.status, 'MANIFEST_INVALID');
      await expectNothingLeft(registry, place, [digestOf(bytes)]);
    });
  });
});
