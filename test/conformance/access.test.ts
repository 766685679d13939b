/**
 * What one user may not see or touch of another's, over the protocol. Only run against a Stowage
 * that the suite starts, since it needs users and policies of its own.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash } from 'bcryptjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, startServer } from '../support/server.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { expectBody, expectError, expectStatus } from './assertions.ts';
import { parseChallenge } from './challenge.ts';
import { RegistryClient } from './client.ts';
import { addImage, addPlatformIndex, digestOf, newContent } from './content.ts';
import { startsStowage } from './registry.ts';
import {
  blobPath,
  closeUpload,
  get,
  head,
  manifestPath,
  patchUpload,
  pushBlob,
  pushContent,
  putManifest,
  referrersPath,
  remove,
  startUpload,
  tagsPath,
  uploadsPath,
} from './requests.ts';
import type { RegistryResponse } from './response.ts';

const POLICIES = [
  { repositories: ['a/**'], users: ['alice'], actions: ['*'] },
  { repositories: ['b/**'], users: ['bob'], actions: ['*'] },
  { repositories: ['shared/**'], users: ['alice', 'bob'], actions: ['*'] },
  { repositories: ['public/**'], users: ['alice'], actions: ['*'] },
  { repositories: ['public/**'], anonymous: true, actions: ['pull'] },
];

describe.runIf(startsStowage)('beyond: users', () => {
  let folder: string;
  let server: RunningServer;
  let alice: RegistryClient;
  let bob: RegistryClient;
  let nobody: RegistryClient;

  beforeAll(async () => {
    folder = await makeTemporary('access');
    const htpasswd = join(folder, 'htpasswd');
    const lines = await Promise.all(
      ['alice', 'bob'].map(async (name) => `${name}:${await hash(`${name}-secret`, 4)}\n`),
    );
    await writeFile(htpasswd, lines.join(''));
    server = await startServer({
      env: {
        STOWAGE_AUTH__HTPASSWD: htpasswd,
        STOWAGE_AUTH__TOKEN__ENABLED: 'true',
        STOWAGE_AUTH__TOKEN__ACCESS_TTL: '2s',
        STOWAGE_AUTH__POLICIES: JSON.stringify(POLICIES),
        STOWAGE_MANIFESTS__ALLOW_SPARSE: 'true',
      },
    });
    const clientOf = (name?: string): RegistryClient =>
      new RegistryClient({
        origin: server.url,
        username: name,
        password: name && `${name}-secret`,
        // Tokens live for two seconds here, so that one can be seen to end.
        cacheAuth: false,
      });
    alice = clientOf('alice');
    bob = clientOf('bob');
    nobody = clientOf();
  });
  afterAll(async () => {
    for (const client of [alice, bob, nobody]) client?.close();
    await server?.stop();
    await removeTemporary(folder);
  });

  const mount = (
    client: RegistryClient,
    repository: string,
    parameters: { readonly mount: string; readonly from?: string },
  ): Promise<RegistryResponse> =>
    client.request({
      method: 'POST',
      target: `${uploadsPath(repository)}?${new URLSearchParams(parameters)}`,
    });

  /** Scopes of the Bearer challenge, each as `repository:name:actions`, actions sorted. */
  function scopesOf(response: RegistryResponse): string[] {
    const challenge = parseChallenge(response.all('www-authenticate'));
    expect(challenge?.scheme, response.describe()).toBe('bearer');
    return (challenge?.parameters.scope ?? '').split(' ').map((scope) => {
      const [type, name, actions = ''] = scope.split(':');
      return `${type}:${name}:${actions.split(',').sort().join(',')}`;
    });
  }

  /** Expects to be kept out, in words that do not tell whether the thing is there. */
  function expectHidden(response: RegistryResponse, missing: RegistryResponse): void {
    expectStatus(response, 401, 403, 404);
    expect(response.status).toBe(missing.status);
    const codes = (one: RegistryResponse): unknown[] =>
      one.body.length === 0
        ? []
        : one.json<{ errors: { code: string }[] }>().errors.map(({ code }) => code);
    expect(codes(response)).toEqual(codes(missing));
  }

  describe('challenges', () => {
    it('end-1 without credentials /v2/ is 401 UNAUTHORIZED with a challenge', async () => {
      const response = await get(nobody, '/v2/');
      expectError(response, 401, 'UNAUTHORIZED');
      const challenge = parseChallenge(response.all('www-authenticate'));
      expect(challenge?.parameters.realm).toBe(`${server.url}/token`);
      expect(challenge?.parameters.service).toBeDefined();
    });

    it('the challenge of a push names pull and push', async () => {
      const manifest = { bytes: Buffer.from('{}'), mediaType: 'x/y' };
      const put = await putManifest(nobody, 'a/x', manifest, { reference: 'latest' });
      expectError(put, 401, 'UNAUTHORIZED');
      expect(scopesOf(put)).toEqual(['repository:a/x:pull,push']);
      const post = await nobody.request({ method: 'POST', target: uploadsPath('a/x') });
      expect(scopesOf(expectStatus(post, 401))).toEqual(['repository:a/x:pull,push']);
    });

    it('MNT-4 (our test) the challenge of a mount names both repositories', async () => {
      const digest = digestOf(randomBytes(8));
      const response = await mount(nobody, 'a/to', { mount: digest, from: 'shared/from' });
      expectError(response, 401, 'UNAUTHORIZED');
      expect(scopesOf(response).sort()).toEqual([
        'repository:a/to:pull,push',
        'repository:shared/from:pull',
      ]);
    });

    it('MNT-4 (decisions 5) a token without the source is challenged for both scopes', async () => {
      const bytes = randomBytes(500);
      const digest = await pushBlob(alice, 'shared/from', bytes);
      const authorization = await alice.authorization('a/to');
      const target = `${uploadsPath('a/to')}?mount=${digest}&from=shared/from`;
      const refused = await alice.request({
        method: 'POST',
        target,
        authorization: authorization!,
      });
      expectStatus(refused, 401);
      expect(scopesOf(refused).sort()).toEqual([
        'repository:a/to:pull,push',
        'repository:shared/from:pull',
      ]);
      const mounted = await mount(alice, 'a/to', { mount: digest, from: 'shared/from' });
      expectBody(await get(alice, expectStatus(mounted, 201).location()), bytes);
    });
  });

  describe('mounts', () => {
    it('MNT-2 (decisions 5) a source that may not be read is 202, there or not', async () => {
      const digest = await pushBlob(bob, 'b/private', randomBytes(500));
      for (const from of ['b/private', 'b/nothing']) {
        const response = await mount(alice, 'a/to', { mount: digest, from });
        expectStatus(response, 202);
        expectStatus(await head(alice, blobPath('a/to', digest)), 404);
      }
    });

    it('MNT-3 (decisions 5) an anonymous mount finds only what the caller may read', async () => {
      const secret = await pushBlob(bob, 'b/private', randomBytes(500));
      expectStatus(await mount(alice, 'a/oracle', { mount: secret }), 202);
      expectStatus(await head(alice, blobPath('a/oracle', secret)), 404);
      // The token of the push names a/oracle only; the policies say that shared/ may be read.
      const common = await pushBlob(bob, 'shared/common', randomBytes(500));
      expectStatus(await mount(alice, 'a/oracle', { mount: common }), 201);
    });
  });

  describe('repositories', () => {
    it('BLOB-G2 (decisions 4) what may not be read looks like what is not there', async () => {
      const content = newContent();
      const subject = addImage(content, { tag: 'latest' });
      const { digest } = subject;
      addImage(content, { subject });
      await pushContent(bob, 'b/hidden', content);
      const [blob] = [...content.blobs.keys()];
      const pairs = [
        [tagsPath('b/hidden'), tagsPath('b/nothing')],
        [manifestPath('b/hidden', 'latest'), manifestPath('b/nothing', 'latest')],
        [manifestPath('b/hidden', digest), manifestPath('b/nothing', digest)],
        [blobPath('b/hidden', blob!), blobPath('b/nothing', blob!)],
      ] as const;
      for (const client of [alice, nobody]) {
        for (const [hidden, missing] of pairs) {
          const methods = hidden.endsWith('/list') ? ['GET', 'HEAD'] : ['GET', 'HEAD', 'DELETE'];
          for (const method of methods) {
            const response = await client.request({ method, target: hidden });
            expectHidden(response, await client.request({ method, target: missing }));
          }
        }
      }
      const referrers = await get(alice, referrersPath('b/hidden', digest));
      expect(expectStatus(referrers, 200).json()).toMatchObject({ manifests: [] });
      const catalogue = expectStatus(await get(alice, '/v2/_catalog'), 200);
      const { repositories } = catalogue.json<{ repositories: string[] }>();
      expect(repositories.filter((name) => name.startsWith('b/'))).toEqual([]);
      for (const target of [manifestPath('b/hidden', 'latest'), blobPath('b/hidden', blob!)]) {
        expectStatus(await get(bob, target), 200);
      }
    });

    it('CAT-1 (decisions 4) the catalogue shows what the caller may read', async () => {
      for (const [client, name] of [
        [alice, 'a/cat'],
        [bob, 'b/cat'],
        [alice, 'public/cat'],
      ] as const) {
        const content = newContent();
        addImage(content, { tag: 'latest' });
        await pushContent(client, name, content);
      }
      const namesOf = async (client: RegistryClient): Promise<string[]> => {
        const response = expectStatus(await get(client, '/v2/_catalog'), 200);
        const { repositories } = response.json<{ repositories: string[] }>();
        return repositories.filter((name) => name.endsWith('/cat'));
      };
      expect(await namesOf(alice)).toEqual(['a/cat', 'public/cat']);
      expect(await namesOf(bob)).toEqual(['b/cat', 'public/cat']);
    });

    it('anonymous users may pull where a policy says so, and only pull', async () => {
      const content = newContent();
      addImage(content, { tag: 'latest' });
      await pushContent(alice, 'public/image', content);
      expectStatus(await get(nobody, manifestPath('public/image', 'latest')), 200);
      const [blob, bytes] = [...content.blobs][0]!;
      expectBody(await get(nobody, blobPath('public/image', blob)), bytes);
      expectStatus(await remove(nobody, manifestPath('public/image', 'latest')), 401, 403);
      const opened = await nobody.request({ method: 'POST', target: uploadsPath('public/image') });
      expectStatus(opened, 401, 403);
    });

    it('decisions 4: a sparse manifest makes no blob readable', async () => {
      const content = newContent();
      addPlatformIndex(content);
      await pushContent(bob, 'b/source', content);
      for (const manifest of content.manifests) {
        const where = { reference: manifest.digest };
        expectStatus(await putManifest(alice, 'a/sparse', manifest, where), 201);
      }
      for (const digest of content.blobs.keys()) {
        expectStatus(await get(alice, blobPath('a/sparse', digest)), 404);
        expectStatus(await head(alice, blobPath('a/sparse', digest)), 404);
      }
    });
  });

  describe('uploads', () => {
    it('UP-7 (decisions 4) the upload of another user is unknown', async () => {
      const bytes = randomBytes(100);
      const { location } = await startUpload(alice, 'shared/upload');
      expectStatus(await patchUpload(alice, location, { bytes }), 202);
      const answers = [
        await get(bob, location),
        await patchUpload(bob, location, { bytes }),
        await closeUpload(bob, location, digestOf(bytes)),
        await remove(bob, location),
      ];
      for (const answer of answers) expectError(answer, 404, 'BLOB_UPLOAD_UNKNOWN');
      expectStatus(await head(bob, blobPath('shared/upload', digestOf(bytes))), 404);
      expectStatus(await closeUpload(alice, location, digestOf(bytes)), 201);
    });
  });

  describe('tokens', () => {
    const target = manifestPath('a/none', 'latest');

    /** A token of three parts with one of them changed. */
    function tampered(token: string, part: 0 | 1 | 2, change: (text: string) => string): string {
      const parts = token.slice('Bearer '.length).split('.');
      const old = part === 2 ? parts[2]! : Buffer.from(parts[part]!, 'base64url').toString();
      const next = change(old);
      parts[part] = part === 2 ? next : Buffer.from(next).toString('base64url');
      return `Bearer ${parts.join('.')}`;
    }

    it('bad input: forged tokens are 401 UNAUTHORIZED', async () => {
      const good = (await alice.authorization('a/none', 'pull'))!;
      expectStatus(await nobody.request({ target, authorization: good }), 404);
      const flip = (text: string): string => (text.startsWith('A') ? 'B' : 'A') + text.slice(1);
      const forged = [
        tampered(good, 1, (text) => text.replace('a/none', 'b/none')),
        tampered(good, 1, (text) => text.replace('"pull"', '"pull","push"')),
        tampered(good, 2, flip),
        tampered(good, 2, () => ''),
        tampered(good, 0, (text) => text.replace(/"alg":"[^"]*"/, '"alg":"none"')),
        tampered(good, 0, (text) => text.replace(/"alg":"[^"]*"/, '"alg":"HS256"')),
        `${good}.${randomBytes(16).toString('base64url')}`,
        'Bearer x',
        'Bearer ..',
        `Bearer ${'a'.repeat(5000)}`,
        'Bearer \u00ff',
        'Negotiate abc',
        'Basic !!!',
      ];
      for (const authorization of forged) {
        const response = await nobody.request({ target, authorization });
        expectError(response, 401, 'UNAUTHORIZED');
        expect(parseChallenge(response.all('www-authenticate')), authorization).toBeDefined();
      }
    });

    it('bad input: an expired token is 401 UNAUTHORIZED', async () => {
      const authorization = (await alice.authorization('a/none', 'pull'))!;
      expectStatus(await nobody.request({ target, authorization }), 404);
      await expect
        .poll(async () => (await nobody.request({ target, authorization })).status, {
          interval: 500,
        })
        .toBe(401);
      expectError(await nobody.request({ target, authorization }), 401, 'UNAUTHORIZED');
    });

    it('bad input: a scope that the token lacks is not taken from the policies', async () => {
      const bytes = randomBytes(100);
      const digest = await pushBlob(alice, 'a/scoped', bytes);
      const authorization = (await alice.authorization('a/scoped', 'pull'))!;
      const ask = (method: string, path: string): Promise<RegistryResponse> =>
        nobody.request({ method, target: path, authorization });
      expectBody(await ask('GET', blobPath('a/scoped', digest)), bytes);
      expectStatus(await ask('POST', uploadsPath('a/scoped')), 401, 403);
      expectStatus(await ask('DELETE', blobPath('a/scoped', digest)), 401, 403);
      expectStatus(await ask('GET', blobPath('a/other', digest)), 401, 403, 404);
      expectStatus(await get(alice, blobPath('a/scoped', digest)), 200);
    });

    it('bad input: a token holds no more than the policies grant', async () => {
      const authorization = (await alice.authorization('b/none', 'pull,push,delete'))!;
      const opened = await nobody.request({
        method: 'POST',
        target: uploadsPath('b/none'),
        authorization,
      });
      expectStatus(opened, 401, 403, 404);
    });
  });

  it('GEN-6 (SHOULD) failed log-ins are slowed: 429 TOOMANYREQUESTS with Retry-After', async () => {
    const wrong = `Basic ${Buffer.from('mallory:guess').toString('base64')}`;
    let last: RegistryResponse | undefined;
    for (let i = 0; i < 100 && last?.status !== 429; i++) {
      last = await nobody.request({ target: '/v2/', authorization: wrong });
      expectStatus(last, 401, 429);
    }
    expectError(last!, 429, 'TOOMANYREQUESTS');
    expect(last!.get('retry-after')).toMatch(/^[1-9][0-9]*$/);
  });
});
