/** Files inside of images over HTTP: a server with users, and layers that have been taken apart. */
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { TarWalker } from '../../../src/codec/tar/walker.ts';
import type {
  FileChange,
  FileListing,
  FoundFileSummary,
  SearchPage,
} from '../../../src/registry/admin/file-operations.ts';
import {
  expectBody,
  expectError,
  expectHeader,
  expectStatus,
} from '../../conformance/assertions.ts';
import type { RegistryClient } from '../../conformance/client.ts';
import {
  get,
  head,
  manifestPath,
  pushBlob,
  putManifest,
  remove,
} from '../../conformance/requests.ts';
import type { RegistryResponse } from '../../conformance/response.ts';
import { digestOf, OCI } from '../../support/images.ts';
import { makeTar, type TarEntry } from '../../support/tar.ts';
import { useUsers } from './users.ts';

const running = useUsers({
  users: ['alice', 'bob', 'carol', 'root'],
  policies: [
    { repositories: ['team/**', 'other/**'], users: ['alice'], actions: ['*'] },
    { repositories: ['**'], users: ['root'], actions: ['*'] },
    { repositories: ['team/**'], users: ['bob'], actions: ['pull'] },
    { repositories: ['other/**'], users: ['carol'], actions: ['pull'] },
  ],
  env: {
    STOWAGE_AUTH__RIGHTS__ADMIN: 'root',
    STOWAGE_DEDUP__MIN_AGE: '0s',
    STOWAGE_DEDUP__MIN_SIZE: '0',
    STOWAGE_DEDUP__INTACT_BUDGET: '0',
    STOWAGE_DELETES__UNDO: '0s',
    STOWAGE_GC__LEASE: '0s',
  },
});

const LIBRARY = Buffer.from('ELF library '.repeat(9_000));
const CONFIG = Buffer.from('key=1\n');
/** Bytes that are in no other file. */
const NOISE = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * i * 31 + i * 7) % 251));

const REVERSED = Buffer.from(NOISE.toReversed());

const BASE: readonly TarEntry[] = [
  { path: 'usr/' },
  { path: 'usr/lib/' },
  { path: 'usr/lib/lib.so.1', bytes: LIBRARY, mode: 0o755 },
  { path: 'usr/lib/lib.so', link: 'lib.so.1' },
  { path: 'lib', link: '/usr/lib' },
  { path: 'etc/' },
  { path: 'etc/app.conf', bytes: CONFIG },
  { path: 'etc/old', bytes: NOISE },
];
const TOP: readonly TarEntry[] = [
  { path: 'etc/' },
  { path: 'etc/.wh.old' },
  { path: 'etc/app.conf', bytes: Buffer.from('key=2\n'), mode: 0o600 },
  { path: 'etc/new', bytes: REVERSED },
  { path: 'etc/hard', hardLink: 'usr/lib/lib.so.1' },
];

const layerOf = (entries: readonly TarEntry[]): Buffer => gzipSync(makeTar(entries), { level: 1 });
/** One by gzip and one as it is. */
const [BASE_LAYER, TOP_LAYER] = [layerOf(BASE), makeTar(TOP)];

async function pushImage(
  client: RegistryClient,
  repository: string,
  reference: string,
  layers: readonly Buffer[],
): Promise<string> {
  const config = Buffer.from('{}');
  const blobs = [config, ...layers];
  for (const blob of blobs) await pushBlob(client, repository, blob);
  const descriptor = (bytes: Buffer, mediaType: string) => {
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI.manifest,
      config: descriptor(config, OCI.config),
      layers: layers.map((layer) => descriptor(layer, OCI.layer)),
    }),
  );
  const pushed = { bytes: manifest, mediaType: OCI.manifest };
  expectStatus(await putManifest(client, repository, pushed, { reference }), 201);
  return digestOf(manifest);
}

let alice: RegistryClient;
let bob: RegistryClient;
let carol: RegistryClient;
let root: RegistryClient;
let v2: string;

const files = (query: Readonly<Record<string, string>>, below = ''): string =>
  `/api/v1/files${below}?${new URLSearchParams(query)}`;
const of = (path: string, more: Readonly<Record<string, string>> = {}): string =>
  files({ repo: 'team/app', ref: 'v2', path, ...more });
const json = <T>(response: RegistryResponse): T => JSON.parse(response.body.toString()) as T;

/** Waits until everything is kept as recipes. */
async function ingested(): Promise<void> {
  const state = async (): Promise<unknown> => {
    const response = await get(root, '/api/v1/dedup');
    const { layers, state: now } = json<{
      layers: { queued: number; both: number };
      state: string;
    }>(response);
    return [layers.queued, layers.both, now];
  };
  await vi.waitFor(async () => expect(await state()).toEqual([0, 0, 'idle']), {
    timeout: 30_000,
    interval: 100,
  });
}

beforeAll(async () => {
  const { clientOf } = running();
  alice = clientOf('alice');
  bob = clientOf('bob');
  carol = clientOf('carol');
  root = clientOf('root');
  await pushImage(alice, 'team/app', 'v1', [BASE_LAYER]);
  v2 = await pushImage(alice, 'team/app', 'v2', [BASE_LAYER, TOP_LAYER]);
  await pushImage(alice, 'other/app', 'x', [TOP_LAYER]);
  await ingested();
});

describe('decisions 9: GET /api/v1/files', () => {
  it('lists the directories of an image, its layers laid over one another', async () => {
    const response = await get(bob, of('/etc'));
    expectStatus(response, 200);
    const { manifest, entry, items, next } = json<FileListing>(response);
    expect([manifest, entry.path, entry.type, next]).toEqual([v2, 'etc', 'directory', null]);
    expect(items.map(({ path, mode, size }) => [path, mode, size])).toEqual([
      ['etc/app.conf', 0o600, 6],
      ['etc/hard', 0o644, 0],
      ['etc/new', 0o644, 4096],
    ]);
    expect(items[0]).toMatchObject({
      type: 'file',
      digest: digestOf(Buffer.from('key=2\n')),
      layer: digestOf(TOP_LAYER),
      modifiedAt: '2023-11-14T22:13:20.000Z',
    });
  });

  it('lists what a single layer has, and what it takes away', async () => {
    const response = await get(bob, of('etc', { layer: digestOf(TOP_LAYER) }));
    const { items } = json<FileListing>(response);
    expect(items.map(({ path, type }) => [path, type])).toContainEqual(['etc/old', 'whiteout']);
    const other = await get(bob, of('etc', { layer: digestOf(NOISE) }));
    expectError(other, 404, 'BLOB_UNKNOWN');
  });

  it('lists everything in pages', async () => {
    const paths: string[] = [];
    for (let after = ''; ; ) {
      const more = { recursive: 'true', n: '3', ...(after !== '' && { after }) };
      const { items, next } = json<FileListing>(await get(bob, of('', more)));
      paths.push(...items.map(({ path }) => path));
      if (next === null) break;
      after = next;
    }
    expect(paths).toEqual([
      'etc',
      'etc/app.conf',
      'etc/hard',
      'etc/new',
      'lib',
      'usr',
      'usr/lib',
      'usr/lib/lib.so',
      'usr/lib/lib.so.1',
    ]);
  });

  it.each(['/lib/lib.so', 'usr/lib/lib.so.1', '/etc/../lib/./lib.so', 'etc/hard'])(
    'gives the bytes of a file: %s',
    async (path) => {
      const response = await get(bob, of(path));
      expectStatus(response, 200);
      expectBody(response, LIBRARY);
      const digest = digestOf(LIBRARY);
      expectHeader(response, 'etag', `"${digest}"`);
      expectHeader(response, 'content-length', String(LIBRARY.length));
      expectHeader(response, 'x-content-type-options', 'nosniff');
      expectHeader(response, 'content-security-policy', 'sandbox');
      expectHeader(response, 'content-type', 'application/octet-stream');
      const sum = Buffer.from(digest.slice(7), 'hex').toString('base64');
      expectHeader(response, 'repr-digest', `sha-256=:${sum}:`);
      expect(response.get('content-disposition')).toMatch(/^attachment; filename="/);
    },
  );

  it('gives ranges, answers HEAD and conditional requests', async () => {
    const target = of('lib/lib.so');
    const part = await get(bob, target, { range: 'bytes=100-199' });
    expectStatus(part, 206);
    expectBody(part, LIBRARY.subarray(100, 200));
    expectHeader(part, 'content-range', `bytes 100-199/${LIBRARY.length}`);
    expectStatus(await get(bob, target, { range: `bytes=${LIBRARY.length}-` }), 416);
    const etag = `"${digestOf(LIBRARY)}"`;
    expectStatus(await get(bob, target, { 'if-none-match': etag }), 304);
    const other = await get(bob, target, { range: 'bytes=0-1', 'if-range': '"x"' });
    expectStatus(other, 200);
    const bare = await head(bob, target);
    expectStatus(bare, 200);
    expectHeader(bare, 'content-length', String(LIBRARY.length));
  });

  it('gives a directory as an archive', async () => {
    for (const response of [
      await get(bob, of('/etc', { format: 'tar' })),
      await get(bob, of('/etc'), { accept: 'application/x-tar' }),
    ]) {
      expectStatus(response, 200);
      expectHeader(response, 'content-type', 'application/x-tar');
      const found = new Map<string, Buffer>();
      let now = '';
      const walker = new TarWalker({
        entry({ path }) {
          now = path;
          found.set(path, Buffer.alloc(0));
        },
        bytes(region, bytes) {
          if (region === 'body') found.set(now, Buffer.concat([found.get(now)!, bytes]));
        },
        end: () => undefined,
      });
      walker.push(response.body);
      walker.end();
      expect([...found.keys()]).toEqual(['app.conf', 'hard', 'new']);
      expect(found.get('hard')!.equals(LIBRARY)).toBe(true);
      expect(found.get('new')!.equals(REVERSED)).toBe(true);
    }
  });

  it('tells what is known of a file with format=json', async () => {
    const { entry, items } = json<FileListing>(
      await get(bob, of('lib/lib.so', { format: 'json' })),
    );
    expect(entry).toMatchObject({ path: 'usr/lib/lib.so.1', mode: 0o755, size: LIBRARY.length });
    expect(items).toEqual([]);
  });

  it('says what is not there, and what cannot be', async () => {
    for (const path of ['no', 'etc/old', '../../etc', 'etc/app.conf/x']) {
      expectError(await get(bob, of(path)), 404, 'BLOB_UNKNOWN');
    }
    const missing = files({ repo: 'team/app', ref: 'v9', path: '' });
    expectError(await get(bob, missing), 404, 'MANIFEST_UNKNOWN');
    for (const query of ['format=zip', 'platform=x', 'n=0', 'x=1', `path=${'a'.repeat(5000)}`]) {
      expectStatus(await get(bob, `${of('').replace('path=', '')}${query}`), 400);
    }
    expectStatus(await bob.request({ method: 'POST', target: of('') }), 405);
  });

  it('decisions 4: shows a repository only to who may pull from it', async () => {
    const unknown = await get(carol, files({ repo: 'no/such', ref: 'v2', path: '' }));
    for (const target of [of(''), of('lib/lib.so'), of('', { format: 'tar' })]) {
      const refused = await get(carol, target);
      expectError(refused, 404, 'NAME_UNKNOWN');
      expect(refused.body.equals(unknown.body)).toBe(true);
    }
    const diff = files({ repo: 'team/app', from: 'v1', to: 'v2' }, '/diff');
    expectError(await get(carol, diff), 404, 'NAME_UNKNOWN');
    const anonymous = await running()
      .clientOf()
      .request({ target: of(''), authorization: null });
    expectStatus(anonymous, 401);
    expect(anonymous.get('www-authenticate')).toMatch(/^Basic /);
    // What is for operators stays for them.
    expectError(await get(bob, '/api/v1/status'), 403, 'DENIED');
    expectStatus(await get(root, of('')), 200);
  });
});

describe('decisions 9: GET /api/v1/files/find', () => {
  const find = async (
    client: RegistryClient,
    query: Readonly<Record<string, string>>,
  ): Promise<SearchPage<FoundFileSummary>> => {
    const response = await get(client, files(query, '/find'));
    expectStatus(response, 200);
    return json(response);
  };
  const placesOf = ({ items }: SearchPage<FoundFileSummary>): string[] =>
    items.map(({ repository, tags, path }) => `${repository}:${tags.join(',')} ${path}`).sort();

  it('finds by digest, by name and by pattern', async () => {
    const both = ['team/app:v1 usr/lib/lib.so.1', 'team/app:v2 usr/lib/lib.so.1'];
    expect(placesOf(await find(bob, { digest: digestOf(LIBRARY) }))).toEqual(both);
    expect(placesOf(await find(bob, { name: 'lib.so.1' }))).toEqual(both);
    expect(placesOf(await find(bob, { glob: '*.so.*' }))).toEqual(both);
    expect(placesOf(await find(bob, { glob: 'usr/**.so.*' }))).toEqual(both);
    expect(placesOf(await find(bob, { glob: 'etc/*.so.*' }))).toEqual([]);
    const [first] = (await find(bob, { name: 'new' })).items;
    expect(first).toMatchObject({ manifest: v2, layer: digestOf(TOP_LAYER), size: 4096 });
  });

  it('finds only what the caller may pull', async () => {
    const name = { name: 'app.conf' };
    const team = [
      'team/app:v1 etc/app.conf',
      'team/app:v2 etc/app.conf',
      'team/app:v2 etc/app.conf',
    ];
    expect(placesOf(await find(bob, name))).toEqual(team);
    expect(placesOf(await find(carol, name))).toEqual(['other/app:x etc/app.conf']);
    expect(placesOf(await find(root, name))).toEqual(['other/app:x etc/app.conf', ...team]);
    const anonymous = running().clientOf();
    const response = await anonymous.request({ target: files(name, '/find'), authorization: null });
    expectStatus(response, 401);
  });

  it.each([{ name: 'app.conf' }, { glob: '*o*' }])(
    'gives pages that make up the whole: %j',
    async (query) => {
      const whole = placesOf(await find(root, query));
      expect(whole.length).toBeGreaterThan(3);
      const found: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: SearchPage<FoundFileSummary> = await find(root, {
          ...query,
          n: '1',
          ...(cursor !== '' && { cursor }),
        });
        found.push(...placesOf(page));
        cursor = page.next;
      }
      expect(found.sort()).toEqual(whole);
    },
  );

  it('refuses what makes no sense', async () => {
    const { next } = await find(root, { name: 'app.conf', n: '1' });
    for (const query of [
      {},
      { name: 'a', glob: 'b' },
      { digest: 'sha256:x' },
      { digest: `sha512:${'0'.repeat(128)}` },
      { name: 'a', cursor: 'x' },
      { name: 'other', cursor: next! },
      { glob: '*', cursor: next! },
    ]) {
      expectStatus(await get(bob, files(query as Record<string, string>, '/find')), 400);
    }
  });
});

describe('decisions 9: GET /api/v1/files/diff', () => {
  it('tells what differs, in pages', async () => {
    const all: FileChange[] = [];
    for (let after = ''; ; ) {
      const query = {
        repo: 'team/app',
        from: 'v1',
        to: 'v2',
        n: '2',
        ...(after !== '' && { after }),
      };
      const page = json<SearchPage<FileChange>>(await get(bob, files(query, '/diff')));
      all.push(...page.items);
      if (page.next === null) break;
      after = page.next;
    }
    expect(all.map(({ kind, path, differences }) => [kind, path, ...differences])).toEqual([
      ['changed', 'etc/app.conf', 'content', 'mode'],
      ['added', 'etc/hard'],
      ['added', 'etc/new'],
      ['removed', 'etc/old'],
    ]);
    expect(all[3]).toMatchObject({ from: { size: 4096 }, to: null });
  });
});

describe('issue 4: files of images that are deleted', () => {
  it('are found no more, and the collector leaves nothing of their index', async () => {
    for (const [repository, tags] of [
      ['team/app', ['v1', 'v2']],
      ['other/app', ['x']],
    ] as const) {
      for (const tag of tags) {
        const digest = (await head(alice, manifestPath(repository, tag))).get(
          'docker-content-digest',
        );
        expectStatus(await remove(alice, manifestPath(repository, String(digest))), 202);
      }
    }
    const none = json<SearchPage<FoundFileSummary>>(
      await get(root, files({ name: 'app.conf' }, '/find')),
    );
    expect(none.items).toEqual([]);
    const left = async (): Promise<unknown> => {
      await root.request({ method: 'POST', target: '/api/v1/collection/start' });
      const report = json<{ files: object; stored: { treeBytes: number } }>(
        await get(root, '/api/v1/dedup'),
      );
      return [report.files, report.stored.treeBytes];
    };
    await expect.poll(left, { interval: 200 }).toEqual([{ entries: 0, keys: 0, keyBytes: 0 }, 0]);
  });
});
