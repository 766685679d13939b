/** Log-in, redirects, pauses, cut and silent connections. */
import { afterEach, describe, expect, test } from 'vitest';
import { SourceError } from '../../../../src/analysis/sources/errors.ts';
import {
  createRegistrySource,
  type RegistrySourceOptions,
} from '../../../../src/analysis/sources/registry/source.ts';
import type { ImageSource } from '../../../../src/analysis/sources/types.ts';
import { collect, HASTY, readLayer } from '../../support/collect.ts';
import { type HubOptions, type HubServer, startHubServer } from '../../support/hub-server.ts';
import { smallImage } from '../../support/small-images.ts';

const closing: (() => PromiseLike<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(options: HubOptions): Promise<HubServer> {
  const server = await startHubServer(options);
  closing.push(() => server[Symbol.asyncDispose]());
  return server;
}

function connect(server: HubServer, options: Partial<RegistrySourceOptions> = {}): ImageSource {
  const source = createRegistrySource({
    registry: server.url,
    plainHttp: false,
    patience: HASTY,
    ...options,
  });
  closing.push(() => source.close());
  return source;
}

const USER = { username: 'me', password: 'pass:word' };
const LOGIN = { credentials: USER, note: undefined };
const IMAGE = smallImage('app', { layerSize: 300_000 });
const REPOSITORIES = [{ name: 'team/app', tags: { latest: IMAGE } }];

describe('log-in', () => {
  test('tokens are had for each scope once, and again when they have expired', async () => {
    const server = await start({ repositories: REPOSITORIES, auth: 'token' });
    const source = connect(server);
    const { images } = await collect(source);
    expect(images).toHaveLength(1);
    expect(server.counts.tokens).toBe(2);
    // Then they say to be over at once: HEAD, GET and configuration need one each.
    server.options = { ...server.options, tokenLifeTold: 1e-6 };
    await collect(connect(server, { repositories: ['team/app'], tags: { patterns: ['latest'] } }));
    expect(server.counts.tokens).toBe(5);
  });

  test('a token that is refused in the middle is replaced once', async () => {
    const refused = new Set<string>();
    const server = await start({
      repositories: REPOSITORIES,
      auth: 'token',
      fault: ({ kind, headers }) => {
        // The first token that is used for a blob is taken back.
        if (kind !== 'blob' || headers.authorization === undefined) return undefined;
        if (refused.size === 0) refused.add(headers.authorization);
        if (!refused.has(headers.authorization)) return undefined;
        const realm = `Bearer realm="${server.url}/token",service="test"`;
        return { status: 401, headers: { 'www-authenticate': realm } };
      },
    });
    const { images, problems } = await collect(connect(server));
    expect(problems).toEqual([]);
    expect(images).toHaveLength(1);
    expect(server.counts.tokens).toBe(3);
  });

  test('Basic, with the credentials or with a reason', async () => {
    const server = await start({ repositories: REPOSITORIES, auth: 'basic', user: USER });
    expect((await collect(connect(server, { login: LOGIN }))).images).toHaveLength(1);
    await expect(collect(connect(server))).rejects.toThrow(
      /access is denied; give name and password/,
    );
    const wrong = { credentials: { ...USER, password: 'x' }, note: undefined };
    await expect(collect(connect(server, { login: wrong }))).rejects.toThrow(
      /check name and password/,
    );
    const note = 'ask the helper';
    await expect(
      collect(connect(server, { login: { credentials: undefined, note } })),
    ).rejects.toThrow(note);
  });

  test('a repository that needs it is had with a name, and a problem without', async () => {
    const repositories = [
      ...REPOSITORIES,
      { name: 'secret', tags: { a: smallImage('s') }, isPrivate: true },
    ];
    const server = await start({ repositories, auth: 'token', user: USER });
    expect((await collect(connect(server, { login: LOGIN }))).images).toHaveLength(2);
    const { images, problems } = await collect(connect(server));
    expect(images).toHaveLength(1);
    expect(problems).toEqual([{ what: 'secret', reason: expect.stringMatching(/401/) }]);
  });
});

describe('connections', () => {
  test('redirects to another host go without credentials, and come back whole', async () => {
    const blobs = await start({ repositories: REPOSITORIES, host: '127.0.0.2' });
    const server = await start({
      repositories: REPOSITORIES,
      auth: 'token',
      redirectBlobs: blobs.url,
    });
    const source = connect(server);
    const { images } = await collect(source);
    const layer = images[0]!.layers[1]!;
    expect(await readLayer(source, layer)).toEqual(IMAGE.blobs[2]!.bytes);
    expect(blobs.counts.blobs.get(layer.id)).toBe(1);
    expect(blobs.counts.leaked).toBe(0);
  });

  test('redirects without an end are told', async () => {
    const server = await start({ repositories: REPOSITORIES });
    server.options = { ...server.options, redirectBlobs: server.url };
    const { problems } = await collect(connect(server));
    expect(problems[0]?.reason).toMatch(/redirects more than 5 times/);
  });

  test('HTTP to another machine needs to be allowed', () => {
    const options = { registry: 'http://registry.example', plainHttp: false };
    expect(() => createRegistrySource(options)).toThrow(/--plain-http/);
  });

  test.each([
    ['with ranges', false],
    ['without ranges', true],
  ])('a layer that is cut again and again comes whole, %s', async (_, ignoresRanges) => {
    const { digest } = IMAGE.blobs[2]!;
    const server = await start({
      repositories: REPOSITORIES,
      ignoresRanges,
      fault: ({ reference, before }) =>
        reference === digest && before < 3
          ? { cutAfter: ignoresRanges ? (before + 1) * 80_000 : 70_000 }
          : undefined,
    });
    const source = connect(server);
    const { images } = await collect(source);
    expect(await readLayer(source, images[0]!.layers[1]!)).toEqual(IMAGE.blobs[2]!.bytes);
    expect(server.counts.blobs.get(digest)).toBe(4);
  });

  test('a layer that falls silent is taken up again; one that stays so is given up', async () => {
    const { digest, bytes } = IMAGE.blobs[2]!;
    const server = await start({
      repositories: REPOSITORIES,
      fault: ({ reference, before }) =>
        reference === digest && before === 0 ? { silentAfter: 1000 } : undefined,
    });
    const source = connect(server, { patience: { ...HASTY, stall: 300 } });
    const [image] = (await collect(source)).images;
    expect(await readLayer(source, image!.layers[1]!)).toEqual(bytes);
    server.options = {
      ...server.options,
      fault: ({ reference }) => (reference === digest ? { silentAfter: 1000 } : undefined),
    };
    await expect(readLayer(source, image!.layers[1]!)).rejects.toThrow(SourceError);
  });

  test('a layer that is longer than it should be, and one that is gone', async () => {
    const { digest, bytes } = IMAGE.blobs[2]!;
    const server = await start({
      repositories: REPOSITORIES,
      fault: ({ reference }) =>
        reference === digest ? { body: Buffer.concat([bytes, Buffer.alloc(1)]) } : undefined,
    });
    const source = connect(server);
    const [image] = (await collect(source)).images;
    await expect(readLayer(source, image!.layers[1]!)).rejects.toThrow(/longer than/);
    server.options = { repositories: [{ name: 'team/app', tags: {} }] };
    await expect(readLayer(source, image!.layers[1]!)).rejects.toThrow(
      /is not in team\/app any more/,
    );
    const stranger = { ...image!.layers[0]!, id: 'sha256:00' };
    await expect(readLayer(source, stranger)).rejects.toThrow(/not of this source/);
  });

  test('failures are tried again, then told; the other tags are had', async () => {
    const tags = { a: smallImage('a'), b: smallImage('b'), c: smallImage('c') };
    const server = await start({
      repositories: [{ name: 'app', tags }],
      fault: ({ reference, before }) => {
        if (reference === 'a' && before < 2) return { status: before === 0 ? 503 : 500 };
        if (reference === tags.b.digest && before < 2) return { cutAfter: 10 };
        return reference === 'c' ? { status: 502 } : undefined;
      },
    });
    const { images, problems } = await collect(connect(server));
    expect(images.map(({ tag }) => tag)).toEqual(['a', 'b']);
    expect(problems).toEqual([
      { what: 'app:c', reason: expect.stringMatching(/502.*tried 3 times/) },
    ]);
  });

  test('Retry-After is obeyed by all who go there, and not beyond the longest wait', async () => {
    const tags = Object.fromEntries(
      Array.from({ length: 6 }, (_, i) => [`t${i}`, smallImage(`i${i}`)]),
    );
    const server = await start({
      repositories: [{ name: 'app', tags }],
      fault: ({ reference, before }) =>
        reference === 't1' && before === 0
          ? { status: 429, headers: { 'retry-after': '1' } }
          : undefined,
    });
    const { images } = await collect(connect(server));
    expect(images).toHaveLength(6);
    expect(server.counts.tooEarly).toBe(0);
    server.options = {
      ...server.options,
      fault: () => ({ status: 429, headers: { 'retry-after': '1000' } }),
    };
    const impatient = connect(server, { patience: { ...HASTY, longestWait: 5000 } });
    const { problems } = await collect(impatient);
    expect(problems[0]?.reason).toMatch(/asks to wait for 1000 s, more than is allowed/);
  });

  test('where pulls are limited none is sent that is not left', async () => {
    const tags = Object.fromEntries(
      Array.from({ length: 7 }, (_, i) => [`t${i}`, smallImage(`i${i}`)]),
    );
    const server = await start({
      repositories: [{ name: 'app', tags }],
      limit: { pulls: 3, window: 1 },
    });
    const { images, problems } = await collect(connect(server));
    expect(problems).toEqual([]);
    expect(images).toHaveLength(7);
    expect(server.counts.overLimit).toBe(0);
  });

  test('a registry that is gone ends the list with an error', async () => {
    const tags = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`t${i}`, smallImage(`i${i}`)]),
    );
    const server = await start({
      repositories: [{ name: 'app', tags }],
      fault: ({ kind }) => (kind === 'manifest' ? { status: 500 } : undefined),
    });
    await expect(collect(connect(server))).rejects.toThrow(/500/);
  });

  test('an abort ends list and layer at once, with its reason', async () => {
    const end = new AbortController();
    const reason = new Error('enough');
    const server = await start({
      repositories: REPOSITORIES,
      fault: ({ kind, method }) => {
        if (kind !== 'manifest' || method !== 'GET') return undefined;
        setImmediate(() => end.abort(reason));
        return { silentAfter: 5 };
      },
    });
    const source = connect(server, { patience: { timeout: 60_000 } });
    await expect(collect(source, end.signal)).rejects.toBe(reason);
  });
});
