/** What is said to help when a registry cannot be reached, or refuses. */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { openSources } from '../../../../src/analysis/sources/open.ts';
import { connectionHint } from '../../../../src/analysis/sources/registry/hints.ts';
import {
  createRegistrySource,
  type RegistrySourceOptions,
} from '../../../../src/analysis/sources/registry/source.ts';
import { collect, HASTY } from '../../support/collect.ts';
import { type HubOptions, startHubServer } from '../../support/hub-server.ts';
import { smallImage } from '../../support/small-images.ts';

const closing: (() => PromiseLike<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const APP = { name: 'app', tags: { v1: smallImage('app') } };
const USER = { username: 'me', password: 'secret' };

async function serve(options: Partial<HubOptions> = {}): Promise<string> {
  const server = await startHubServer({ repositories: [APP], ...options });
  closing.push(() => server[Symbol.asyncDispose]());
  return new URL(server.url).host;
}

/** The hint of what listing comes to. */
async function hintOf(registry: string, options: Partial<RegistrySourceOptions> = {}) {
  const source = createRegistrySource({ registry, plainHttp: false, patience: HASTY, ...options });
  closing.push(() => source.close());
  const { signal } = new AbortController();
  const hints: (string | undefined)[] = [];
  try {
    for await (const item of source.items(signal))
      if (item.kind === 'problem') hints.push(item.hint);
  } catch (error) {
    hints.push((error as { readonly hint?: string }).hint);
  }
  return hints.join();
}

const ONE = { repositories: ['app'], tags: { patterns: ['v1'] } };

test('nobody listens', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  const hint = await hintOf(`127.0.0.1:${port}`);
  expect(hint).toBe('does the registry run, and is the port right?');
  expect(await hintOf(`127.0.0.1:${port}`, ONE)).toBe(hint);
  expect(await hintOf(`https://127.0.0.1:${port}`)).toMatch(/and --plain-http$/);
});

test('TLS where there is none, and none where there is', async () => {
  const host = await serve();
  expect(await hintOf(`https://${host}`)).toBe(
    `without TLS it is reached by docker://${host} and --plain-http`,
  );
  const reset = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  closing.push(async () => void reset.close());
  await once(reset, 'listening');
  const { port } = reset.address() as { port: number };
  expect(await hintOf(`http://127.0.0.1:${port}`)).toBe(
    `if it speaks TLS, it is https://127.0.0.1:${port}`,
  );
});

test.each([
  ['ENOTFOUND', /is the name of the host right, and can this machine look up r\.example\?/],
  ['EAI_AGAIN', /is the name of the host right/],
  ['EHOSTUNREACH', /is there a way from this machine to r\.example:5000/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /NODE_EXTRA_CA_CERTS=FILE/],
  ['EPIPE', /^undefined$/],
])('%s', (code, hint) => {
  const error = Object.assign(new Error('failed'), { code });
  expect(String(connectionHint(error, new URL('https://r.example:5000')))).toMatch(hint);
});

test('access is denied: to who has no account, to who has one, to who leaves it to a program', async () => {
  const host = await serve({ auth: 'basic', user: USER });
  const login = `docker login ${host}, or --username NAME --password-stdin`;
  expect(await hintOf(host, ONE)).toBe(login);
  expect(await hintOf(host)).toMatch(`${login}; or name a repository, as docker://${host}/NAME`);
  const wrong = { credentials: { ...USER, password: 'x' }, note: undefined };
  expect(await hintOf(host, { ...ONE, login: wrong })).toMatch(/^is the account allowed to pull/);
  const helped = { credentials: undefined, note: 'a program has it' };
  expect(await hintOf(host, { ...ONE, login: helped })).toBe('--username NAME --password-stdin');
});

test('what is not there: a tag, a repository, a catalogue; and what is no registry', async () => {
  const host = await serve();
  const names = /^are the names of repository and tag right\?/;
  expect(await hintOf(host, { ...ONE, tags: { patterns: ['v2'] } })).toMatch(names);
  expect(await hintOf(host, { repositories: ['other'] })).toMatch(names);
  const bare = await serve({ fault: () => ({ status: 404 }) });
  expect(await hintOf(bare)).toMatch(/^name a repository, as docker:/);
  const page = await serve({ fault: () => ({ body: Buffer.from('<html>') }) });
  expect(await hintOf(page)).toMatch(/^is that a registry\?/);
});

test('what a source is called by has to be there', async () => {
  const host = await serve();
  const { signal } = new AbortController();
  const list = async (name: string) => {
    const [source] = await openSources([name], { folder: '' }, signal);
    closing.push(() => source!.close());
    return await collect(source!);
  };
  expect((await list(`docker://${host}/app:v1`)).images).toHaveLength(1);
  await expect(list(`docker://${host}/app:v2`)).rejects.toMatchObject({
    name: 'SourceError',
    message: `registry http://${host}: app:v2: is not there`,
    hint: expect.stringContaining('are the names'),
  });
});
