/** A Stowage that serves, read like any other registry. */
import { expect, test } from 'vitest';
import { createRegistrySource } from '../../../../src/analysis/sources/registry/source.ts';
import { serveApplication } from '../../../registry/http/application.ts';
import { collect, readLayer } from '../../support/collect.ts';
import { smallImage, smallIndex } from '../../support/small-images.ts';

test('images of a running Stowage, with their layers byte for byte', async () => {
  await using served = await serveApplication();
  const arm = smallImage('app', { architecture: 'arm64' });
  const amd = smallImage('app');
  const index = smallIndex([
    { manifest: amd, platform: { os: 'linux', architecture: 'amd64' } },
    { manifest: arm, platform: { os: 'linux', architecture: 'arm64' } },
  ]);
  const put = async (path: string, bytes: Buffer, type: string): Promise<void> => {
    const headers = { 'content-type': type };
    const answer = await fetch(`${served.url}${path}`, {
      method: 'PUT',
      body: new Uint8Array(bytes),
      headers,
    });
    expect(answer.status).toBe(201);
  };
  for (const image of [amd, arm]) {
    for (const { digest, bytes } of image.blobs) {
      const begun = await fetch(`${served.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
      const location = new URL(begun.headers.get('location')!, served.url);
      location.searchParams.set('digest', digest);
      await put(`${location.pathname}${location.search}`, bytes, 'application/octet-stream');
    }
    await put(`/v2/team/app/manifests/${image.digest}`, image.bytes, image.mediaType);
  }
  await put('/v2/team/app/manifests/v1', index.bytes, index.mediaType);
  const source = createRegistrySource({ registry: served.url, plainHttp: false, kind: 'stowage' });
  const { images, problems } = await collect(source);
  expect(source.kind).toBe('stowage');
  expect(problems).toEqual([]);
  expect(images.map(({ digest }) => digest)).toEqual([amd.digest, arm.digest]);
  for (const [i, image] of [amd, arm].entries()) {
    for (const [j, layer] of images[i]!.layers.entries()) {
      expect(await readLayer(source, layer)).toEqual(image.blobs[j + 1]!.bytes);
    }
  }
  await source.close();
});
