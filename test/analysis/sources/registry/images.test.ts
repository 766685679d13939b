/** Which images a registry gives, and what is wrong with the others. */
import { afterEach, expect, test } from 'vitest';
import {
  createRegistrySource,
  type RegistrySourceOptions,
} from '../../../../src/analysis/sources/registry/source.ts';
import type { ImageSource } from '../../../../src/analysis/sources/types.ts';
import { collect, HASTY, readLayer } from '../../support/collect.ts';
import { type HubOptions, type HubServer, startHubServer } from '../../support/hub-server.ts';
import { type Stored, schema1, smallImage, smallIndex } from '../../support/small-images.ts';

const open: { source?: ImageSource; server?: HubServer } = {};

afterEach(async () => {
  await open.source?.close();
  await open.server?.[Symbol.asyncDispose]();
});

async function serve(
  options: HubOptions,
  sourceOptions: Partial<RegistrySourceOptions> = {},
): Promise<{ source: ImageSource; server: HubServer }> {
  const server = await startHubServer(options);
  const source = createRegistrySource({
    registry: server.url,
    plainHttp: false,
    patience: HASTY,
    ...sourceOptions,
  });
  Object.assign(open, { source, server });
  return { source, server };
}

const withTags = (tags: Record<string, Stored>, name = 'team/app') => ({
  repositories: [{ name, tags }],
});
const LINUX = (architecture: string, variant = '') => ({ os: 'linux', architecture, variant });

test('all of a catalogue over many pages, each image once for its repository, the first tag wins', async () => {
  const names = Array.from({ length: 7 }, (_, i) => `r${i}`);
  const shared = smallImage('shared');
  const { source, server } = await serve({
    repositories: names.map((name) => ({
      name,
      tags: { a: smallImage(name), b: smallImage(name), c: shared },
    })),
    listPage: 2,
  });
  const { images, problems } = await collect(source);
  expect(problems).toEqual([]);
  expect(images.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual(
    names.flatMap((name) => [`${name}:a`, `${name}:c`]),
  );
  const one = images[1]!;
  expect(one).toMatchObject({
    digest: shared.digest,
    platform: LINUX('amd64'),
    created: Date.UTC(2026, 0, 1),
    pulls: undefined,
  });
  expect(one.layers.map(({ digest }) => digest)).toEqual(
    shared.blobs.slice(1).map(({ digest }) => digest),
  );
  expect(one.layers.every(({ diffId }) => diffId?.startsWith('sha256:'))).toBe(true);
  // What is known by its digest is not pulled again, also for another tag or repository.
  expect(server.counts.pulls).toBe(names.length + 1);
  const bytes = await readLayer(source, one.layers[0]!);
  expect(bytes).toEqual(shared.blobs[1]!.bytes);
});

test('repositories by glob and name, tags by glob, name and limit', async () => {
  const tags = {
    'v1.0': smallImage('a'),
    'v1.1': smallImage('b'),
    'v2.0': smallImage('c'),
    latest: smallImage('d'),
  };
  const { server } = await serve({
    repositories: ['team/app', 'team/web', 'other'].map((name) => ({ name, tags })),
  });
  const select = async (options: Partial<RegistrySourceOptions>): Promise<string[]> => {
    const source = createRegistrySource({
      registry: server.url,
      plainHttp: false,
      patience: HASTY,
      ...options,
    });
    const { images, problems } = await collect(source);
    await source.close();
    return [
      ...images.map(({ repository, tag }) => `${repository}:${tag}`),
      ...problems.map(({ what }) => `! ${what}`),
    ];
  };
  expect(await select({ repositories: ['team/*'], tags: { patterns: ['latest'] } })).toEqual([
    'team/app:latest',
    'team/web:latest',
  ]);
  expect(await select({ repositories: ['other'], tags: { patterns: ['v1.*'] } })).toEqual([
    'other:v1.0',
    'other:v1.1',
  ]);
  expect(await select({ repositories: ['other'], tags: { limit: 2 } })).toEqual([
    'other:latest',
    'other:v1.0',
  ]);
  expect(
    await select({ repositories: ['gone', 'other'], tags: { patterns: ['v2.0', 'none'] } }),
  ).toEqual(['other:v2.0', '! gone:v2.0', '! gone:none', '! other:none']);
  expect(() =>
    createRegistrySource({ registry: server.url, plainHttp: false, repositories: ['Not/OK'] }),
  ).toThrow(/no name/);
});

test('indexes, also in one another: all platforms or one, attestations left out', async () => {
  const amd = smallImage('x', { architecture: 'amd64' });
  const arm = smallImage('x', { architecture: 'arm64', variant: 'v8' });
  const proof = smallImage('proof', { architecture: 'unknown' });
  const inner = smallIndex([{ manifest: arm, platform: LINUX('arm64', 'v8') }]);
  const index = smallIndex([
    { manifest: amd, platform: LINUX('amd64') },
    { manifest: inner },
    { manifest: proof, platform: { os: 'unknown', architecture: 'unknown' } },
  ]);
  const { source, server } = await serve(withTags({ one: index, two: amd }));
  const { images, problems } = await collect(source);
  expect(problems).toEqual([]);
  expect(images.map(({ digest, tag }) => [digest, tag])).toEqual([
    [amd.digest, 'one'],
    [arm.digest, 'one'],
  ]);
  for (const platform of ['linux/arm64', 'linux/arm64/v8']) {
    const some = createRegistrySource({ registry: server.url, plainHttp: false, platform });
    const found = await collect(some);
    await some.close();
    expect(found.images.map(({ digest }) => digest)).toEqual([arm.digest]);
    expect(found.problems).toEqual([
      { what: 'team/app:two', reason: `has no image for ${platform}`, isLeftOut: true },
    ]);
  }
});

test('what is no image is told once; what is broken is told each, and the rest goes on', async () => {
  let deep = smallIndex([{ manifest: smallImage('deep') }]);
  for (let i = 0; i < 5; i++) deep = smallIndex([{ manifest: deep }]);
  const good = smallImage('good');
  const away = smallImage('away', { firstLayer: { urls: ['https://elsewhere.example/x'] } });
  const lost = { ...away, digest: away.digest, blobs: away.blobs.filter((_, i) => i !== 1) };
  const wrong = smallImage('wrong');
  const { source } = await serve({
    ...withTags({
      attached: smallImage('chart', { configType: 'application/vnd.cncf.helm.config.v1+json' }),
      away: lost,
      deep,
      good,
      old: schema1('team/app'),
      sig: smallImage('sig', {
        layers: 1,
        firstLayer: { mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json' },
      }),
      wrong,
    }),
    fault: ({ reference, method }) =>
      reference === wrong.digest && method === 'GET'
        ? { body: Buffer.from('{"schemaVersion":2}') }
        : undefined,
  });
  const { images, problems } = await collect(source);
  expect(images.map(({ tag }) => tag)).toEqual(['good']);
  const reasons = Object.fromEntries(problems.map(({ what, reason }) => [what, reason]));
  expect(reasons['team/app:old']).toMatch(/schema 1 is not supported/);
  expect(reasons['team/app:away']).toMatch(/1 of its layers live elsewhere/);
  expect(Object.entries(reasons).find(([what]) => what.startsWith('team/app:deep'))?.[1]).toMatch(
    /4 deep/,
  );
  expect(Object.entries(reasons).find(([what]) => what.startsWith('team/app:wrong'))?.[1]).toMatch(
    /has the digest/,
  );
  expect(reasons[source.title]).toMatch(/^2 manifests are no images/);
  expect(problems).toHaveLength(5);
});

test('layers that are said to live elsewhere count when the registry has them', async () => {
  const { source } = await serve(
    withTags({ a: smallImage('a', { firstLayer: { urls: ['https://x.example'] } }) }),
  );
  expect((await collect(source)).images).toHaveLength(1);
});

test('a manifest over 4 MiB, one that is no JSON, a configuration that is gone', async () => {
  const large = smallImage('large', { manifest: { annotations: { a: 'x'.repeat(5_000_000) } } });
  const image = smallImage('bare');
  const bare = { ...image, blobs: image.blobs.slice(1) };
  const junk = { ...smallImage('junk'), bytes: Buffer.from('not json') };
  const { source } = await serve({
    ...withTags({ bare, junk, large }),
    fault: ({ reference, method }) =>
      method === 'HEAD' && reference === 'junk' ? { status: 405 } : undefined,
  });
  const { images, problems } = await collect(source);
  expect(images.map(({ tag, created }) => [tag, created])).toEqual([['bare', undefined]]);
  expect(problems.map(({ reason }) => reason)).toEqual([
    expect.stringMatching(/its configuration .* is not there/),
    expect.stringMatching(/has the digest/),
    expect.stringMatching(/longer than 4194304 bytes/),
  ]);
});

test('a registry without HEAD is asked by GET', async () => {
  const { source } = await serve({
    ...withTags({ a: smallImage('a') }),
    fault: ({ method }) => (method === 'HEAD' ? { status: 405 } : undefined),
  });
  expect((await collect(source)).images).toHaveLength(1);
});

test('lists that go on for ever or elsewhere end, with a reason', async () => {
  const image = smallImage('a');
  for (const [link, reason] of [
    ['</v2/team/app/tags/list?n=1000>; rel="next"', /has no end/],
    ['<https://elsewhere.example/v2/x>; rel="next"', /goes on at another place/],
  ] as const) {
    const { source, server } = await serve(
      {
        ...withTags({ a: image }),
        fault: ({ kind }) =>
          kind === 'tags' ? { body: Buffer.from('{"tags":["a"]}'), headers: { link } } : undefined,
      },
      { repositories: ['team/app'] },
    );
    const { images, problems } = await collect(source);
    expect(images).toHaveLength(1);
    expect(problems).toEqual([{ what: 'team/app', reason: expect.stringMatching(reason) }]);
    await source.close();
    await server[Symbol.asyncDispose]();
  }
});

test('a budget of requests or pulls ends the list, and says so', async () => {
  const tags = Object.fromEntries(
    Array.from({ length: 9 }, (_, i) => [`t${i}`, smallImage(`i${i}`)]),
  );
  const { source, server } = await serve(withTags(tags), { budget: { pulls: 3 } });
  const { images, problems } = await collect(source);
  expect(images).toHaveLength(3);
  expect(problems).toEqual([
    { what: source.title, reason: 'the budget of 3 pulls is used up; the rest is left out' },
  ]);
  expect(server.counts.pulls).toBe(3);
  const few = createRegistrySource({
    registry: server.url,
    plainHttp: false,
    budget: { requests: 4 },
  });
  const before = server.counts.requests;
  expect((await collect(few)).problems).toHaveLength(1);
  expect(server.counts.requests - before).toBeLessThanOrEqual(4);
  await few.close();
});
