/** Access by name and password alone, with real requests. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectBody, expectError, expectStatus } from '../../conformance/assertions.ts';
import type { RegistryClient } from '../../conformance/client.ts';
import { addImage, digestOf, newContent, unknownDigest } from '../../conformance/content.ts';
import {
  blobPath,
  get,
  manifestPath,
  patchUpload,
  pushBlob,
  pushContent,
  referrersPath,
  startUpload,
  tagsPath,
  uploadsPath,
} from '../../conformance/requests.ts';
import type { RegistryResponse } from '../../conformance/response.ts';
import { basic, passwordOf, useUsers } from './users.ts';

const POLICIES = [
  { repositories: ['team/**'], users: ['alice'], actions: ['*'] },
  { repositories: ['team/**'], users: ['bob'], actions: ['pull'] },
  { repositories: ['team/**'], users: ['dave'], actions: ['pull', 'push'] },
  { repositories: ['drop/**'], users: ['bob'], actions: ['push'] },
  { repositories: ['public/**'], users: ['alice'], actions: ['*'] },
  { repositories: ['public/**'], anonymous: true, actions: ['pull'] },
];

const running = useUsers({
  users: ['alice', 'bob', 'carol', 'dave', 'mona', 'root'],
  policies: POLICIES,
  env: {
    STOWAGE_AUTH__RIGHTS__ADMIN: 'root',
    STOWAGE_AUTH__RIGHTS__METRICS: 'mona',
    STOWAGE_AUTH__RIGHTS__CATALOG: 'alice,bob,carol,root',
  },
});

let alice: RegistryClient;
let bob: RegistryClient;
let carol: RegistryClient;
let nobody: RegistryClient;
const content = newContent();
const image = addImage(content, { tag: 'latest' });
const [blob, bytes] = [...content.blobs][0]!;

beforeAll(async () => {
  const { clientOf } = running();
  [alice, bob, carol, nobody] = [clientOf('alice'), clientOf('bob'), clientOf('carol'), clientOf()];
  for (const repository of ['team/app', 'public/app']) {
    await pushContent(alice, repository, content);
  }
});

/** One request with the credentials of a user, in one step. */
function as(name: string | undefined, method: string, target: string): Promise<RegistryResponse> {
  const authorization = name === undefined ? null : basic(name);
  return nobody.request({ method, target, authorization });
}

describe('decisions 5: name and password', () => {
  it('are asked for by Basic, everywhere', async () => {
    const targets = ['/v2/', '/v2/_catalog', tagsPath('team/app'), '/metrics', '/api/v1/status'];
    for (const target of targets) {
      const answer = await get(nobody, target);
      expectError(answer, 401, 'UNAUTHORIZED');
      expect(answer.get('www-authenticate'), target).toBe('Basic realm="stowage", charset="UTF-8"');
    }
    expectStatus(await as('alice', 'GET', '/v2/'), 200);
    expectStatus(await as('carol', 'GET', '/v2/'), 200);
  });

  it.each([
    ['wrong', basic('alice', 'guess')],
    ['of an unknown user', basic('mallory')],
    ['empty', basic('alice', '')],
    ['not base64', 'Basic %%%'],
    ['of another scheme', 'Digest username="alice"'],
    ['a token that nobody issued', 'Bearer abc'],
  ])('are refused when they are %s', async (_, authorization) => {
    for (const target of ['/v2/', manifestPath('public/app', 'latest')]) {
      const answer = await nobody.request({ target, authorization });
      expectError(answer, 401, 'UNAUTHORIZED');
    }
  });

  const tag = manifestPath('team/app', 'none');
  const missing = blobPath('team/app', unknownDigest());
  it.each([
    ['GET', manifestPath('team/app', 'latest'), { alice: 200, bob: 200, carol: 404, dave: 200 }],
    ['GET', tagsPath('team/app'), { alice: 200, bob: 200, carol: 404, dave: 200 }],
    ['POST', uploadsPath('team/app'), { alice: 202, bob: 403, carol: 403, dave: 202 }],
    ['DELETE', tag, { alice: 404, bob: 403, carol: 404, dave: 403 }],
    ['DELETE', missing, { alice: 404, bob: 403, carol: 404, dave: 403 }],
    ['GET', manifestPath('public/app', 'latest'), { alice: 200, bob: 200, carol: 200, dave: 200 }],
    ['POST', uploadsPath('public/app'), { alice: 202, bob: 403, carol: 403, dave: 403 }],
  ])('%s %s is answered by the policies', async (method, target, statuses) => {
    for (const [name, status] of Object.entries(statuses)) {
      const answer = await as(name, method, target);
      expect(answer.status, `${name}: ${answer.describe()}`).toBe(status);
    }
    const anonymous = await as(undefined, method, target);
    const isPublic = method === 'GET' && target.includes('/public/');
    expectStatus(anonymous, isPublic ? 200 : 401);
  });

  it('let a user push where it may not pull, and see nothing there', async () => {
    const body = randomBytes(100);
    const target = `${uploadsPath('drop/box')}?digest=${digestOf(body)}`;
    expectStatus(await bob.request({ method: 'POST', target, body }), 201);
    expectError(await get(bob, blobPath('drop/box', digestOf(body))), 404, 'BLOB_UNKNOWN');
    expectError(await get(bob, tagsPath('drop/box')), 404, 'NAME_UNKNOWN');
    expectError(
      await as('bob', 'DELETE', blobPath('drop/box', digestOf(body))),
      404,
      'BLOB_UNKNOWN',
    );
  });

  it('nobody but its user goes on with an upload', async () => {
    const { location } = await startUpload(alice, 'team/app');
    for (const method of ['GET', 'PATCH', 'PUT', 'DELETE']) {
      const target = `${location.pathname}${method === 'PUT' ? `?digest=${blob}` : ''}`;
      expectError(await as('dave', method, target), 404, 'BLOB_UPLOAD_UNKNOWN');
    }
    expectStatus(await patchUpload(alice, location, { bytes }), 202);
    // Nor in another repository of its user.
    const elsewhere = location.pathname.replace('team/app', 'team/other');
    expectError(await as('alice', 'GET', elsewhere), 404, 'BLOB_UPLOAD_UNKNOWN');
  });
});

describe('decisions 4: what may not be read', () => {
  it('answers like what is not there', async () => {
    const pairs = [
      [tagsPath('team/app'), tagsPath('team/none')],
      [manifestPath('team/app', 'latest'), manifestPath('team/none', 'latest')],
      [manifestPath('team/app', image.digest), manifestPath('team/none', image.digest)],
      [blobPath('team/app', blob), blobPath('team/none', blob)],
    ] as const;
    const seen = ({ status, body }: RegistryResponse): unknown => [
      status,
      // The repository's name is all that may differ.
      body.toString().replaceAll('team/app', 'team/none'),
    ];
    for (const [hidden, absent] of pairs) {
      for (const method of ['GET', 'HEAD', 'DELETE']) {
        if (method === 'DELETE' && hidden.endsWith('/list')) continue;
        const answer = await as('carol', method, hidden);
        expectStatus(answer, 404);
        expect(seen(answer)).toEqual(seen(await as('carol', method, absent)));
      }
    }
    expectBody(await get(bob, blobPath('team/app', blob)), bytes);
  });

  it('has no referrers: 200 and an empty index', async () => {
    const signature = newContent();
    addImage(signature, { subject: image });
    await pushContent(alice, 'team/app', signature);
    const target = referrersPath('team/app', image.digest);
    expect((await get(bob, target)).json()).toMatchObject({ manifests: [{}] });
    const answer = expectStatus(await get(carol, target), 200);
    expect(answer.json()).toMatchObject({ manifests: [] });
    expectStatus(await as(undefined, 'GET', target), 401);
  });

  it('is no source of a mount', async () => {
    const secret = await pushBlob(alice, 'team/app', randomBytes(300));
    const place = uploadsPath('drop/box');
    // bob may read team/, so both ways of mounting find it.
    for (const query of [`mount=${secret}&from=team/app`, `mount=${secret}`]) {
      expectStatus(await as('bob', 'POST', `${place}?${query}`), 201);
    }
    const hidden = await pushBlob(bob, 'drop/hidden', randomBytes(300));
    for (const query of [`mount=${hidden}&from=drop/hidden`, `mount=${hidden}`]) {
      expectStatus(await as('alice', 'POST', `${uploadsPath('team/app')}?${query}`), 202);
      expectStatus(await get(alice, blobPath('team/app', hidden)), 404);
    }
  });

  it('is not in the catalogue, and the catalogue is not for everybody', async () => {
    const namesOf = async (name: string): Promise<unknown> =>
      expectStatus(await as(name, 'GET', '/v2/_catalog'), 200).json();
    await pushBlob(bob, 'drop/box', randomBytes(10));
    expect(await namesOf('alice')).toEqual({ repositories: ['public/app', 'team/app'] });
    expect(await namesOf('bob')).toEqual({ repositories: ['public/app', 'team/app'] });
    expect(await namesOf('carol')).toEqual({ repositories: ['public/app'] });
    expect(await namesOf('root')).toEqual({ repositories: ['public/app'] });
    expectError(await as('dave', 'GET', '/v2/_catalog'), 403, 'DENIED');
    expectError(await as(undefined, 'GET', '/v2/_catalog'), 401, 'UNAUTHORIZED');
  });
});

describe('decisions 9: the rights of operators', () => {
  it.each([
    ['/metrics', { root: 200, mona: 200, alice: 403 }],
    ['/api/v1/status', { root: 200, mona: 403, alice: 403 }],
    ['/api/v1/openapi.json', { root: 200, mona: 403, alice: 403 }],
  ])('%s needs one', async (target, statuses) => {
    for (const [name, status] of Object.entries(statuses)) {
      const answer = await as(name, 'GET', target);
      expect(answer.status, `${name}: ${answer.describe()}`).toBe(status);
    }
    expectError(await as(undefined, 'GET', target), 401, 'UNAUTHORIZED');
  });

  it('decisions 4: even they show only what the policies let their holder see', async () => {
    const answer = expectStatus(await as('root', 'GET', '/api/v1/repositories'), 200);
    const { items } = answer.json<{ items: { name: string }[] }>();
    expect(items.map(({ name }) => name)).toEqual(['public/app']);
  });

  it('belong to the token of the address file, and to no other', async () => {
    const file = join(running().server.dataDir, 'server.json');
    const { token } = JSON.parse(await readFile(file, 'utf8'));
    const ask = (authorization: string) =>
      nobody.request({ target: '/api/v1/status', authorization });
    expectStatus(await ask(`Bearer ${token}`), 200);
    expectStatus(await ask(`Bearer ${token}x`), 401);
    expectStatus(await ask(`Bearer ${token.slice(1)}`), 401);
    expectStatus(await ask('Bearer '), 401);
  });
});

describe('decisions 5: users that change', () => {
  const everybody = ['alice', 'bob', 'carol', 'dave', 'mona', 'root'];
  const passwords = Object.fromEntries(everybody.map((name) => [name, passwordOf(name)]));
  const eventually = { interval: 100 };
  const statusOf = async (authorization: string): Promise<number> =>
    (await nobody.request({ target: '/v2/', authorization })).status;

  afterEach(() => running().setPasswords(passwords));

  it('are kept out as soon as they are removed, though their password was known', async () => {
    expect(await statusOf(basic('dave'))).toBe(200);
    const { dave: _, ...others } = passwords;
    await running().setPasswords(others);
    await expect.poll(() => statusOf(basic('dave')), eventually).toBe(401);
    expect(await statusOf(basic('bob'))).toBe(200);
  });

  it('have one password, the new one, as soon as it has changed', async () => {
    await running().setPasswords({ ...passwords, carol: 'another' });
    await expect.poll(() => statusOf(basic('carol', 'another')), eventually).toBe(200);
    expect(await statusOf(basic('carol'))).toBe(401);
  });
});
