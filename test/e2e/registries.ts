/**
 * The registries that real clients are tried against: open over HTTP, and over TLS with a token.
 * Own servers by default. Another registry, a fresh one, is taken from the environment, so that a
 * failure can be told from a peculiarity of a client:
 *
 *   STOWAGE_E2E_HTTP_URL   http://host:port, open
 *   STOWAGE_E2E_TLS_URL    https://host:port, with STOWAGE_E2E_CA (PEM file), _USER and _PASSWORD
 */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash } from 'bcryptjs';
import { RegistryClient } from '../conformance/client.ts';
import type { RegistryResponse } from '../conformance/response.ts';
import { makeCertificate } from '../support/certificate.ts';
import { type Descriptor, digestOf, OCI } from '../support/images.ts';
import { startServer } from '../support/server.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';

/** Who logs in, where the registry asks for it. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** A running registry and what clients need to talk to it. */
export interface TestRegistry extends AsyncDisposable {
  /** `host:port`, the first part of an image's name. */
  readonly host: string;
  /** Undefined: everybody may do everything. */
  readonly login: Login | undefined;
  /** PEM file of the authority to trust; undefined: plain HTTP. */
  readonly caFile: string | undefined;
  /** Folder that holds the same as `ca.crt`, the form that podman and its relatives take. */
  readonly certDir: string | undefined;
  /** Digest under which a tag or digest is served; undefined when it is not there. */
  digestOf(repository: string, reference: string): Promise<string | undefined>;
  /** Media type, digest and size of a manifest that is there. */
  descriptorOf(repository: string, reference: string): Promise<Descriptor>;
  /** Stores a manifest under a tag, without the help of a client. */
  putManifest(
    repository: string,
    tag: string,
    manifest: { readonly mediaType: string },
  ): Promise<void>;
  /** Parsed manifest of a tag or digest. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read single fields of foreign JSON
  manifestOf(repository: string, reference: string): Promise<any>;
}

/** A way to reach a registry. */
export interface Scenario {
  /** For the title of a suite. */
  readonly title: string;
  readonly start: () => Promise<TestRegistry>;
}

const ACCEPT = [
  OCI.index,
  OCI.manifest,
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

interface Connection {
  readonly url: string;
  readonly login?: Login;
  readonly caFile?: string;
  readonly ca?: string;
  readonly dispose: () => Promise<void>;
}

async function connect({ url, login, ca, caFile, dispose }: Connection): Promise<TestRegistry> {
  const scratch = await makeTemporary('registry');
  let certDir: string | undefined;
  if (caFile !== undefined) {
    certDir = join(scratch, 'certs');
    await mkdir(certDir);
    await copyFile(caFile, join(certDir, 'ca.crt'));
  }
  const client = new RegistryClient({
    origin: url,
    ca,
    username: login?.user,
    password: login?.password,
    insecure: caFile !== undefined && ca === undefined,
  });
  const send = (method: string, repository: string, reference: string) =>
    client.request({
      method,
      target: `/v2/${repository}/manifests/${reference}`,
      headers: { accept: ACCEPT },
    });
  const get = async (repository: string, reference: string): Promise<RegistryResponse> => {
    const response = await send('GET', repository, reference);
    if (response.status !== 200) throw new Error(response.describe());
    return response;
  };
  return {
    host: new URL(url).host,
    login,
    caFile,
    certDir,
    async digestOf(repository, reference) {
      const response = await send('HEAD', repository, reference);
      if (response.status === 404) return undefined;
      if (response.status !== 200) throw new Error(response.describe());
      return response.get('docker-content-digest');
    },
    async descriptorOf(repository, reference) {
      const response = await get(repository, reference);
      const { body } = response;
      const mediaType = response.get('content-type') ?? '';
      return { mediaType, digest: digestOf(body), size: body.length };
    },
    async putManifest(repository, tag, manifest) {
      const response = await client.request({
        method: 'PUT',
        target: `/v2/${repository}/manifests/${tag}`,
        headers: { 'content-type': manifest.mediaType },
        body: JSON.stringify(manifest),
      });
      if (response.status !== 201) throw new Error(response.describe());
    },
    async manifestOf(repository, reference) {
      return (await get(repository, reference)).json();
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await dispose();
      await removeTemporary(scratch);
    },
  };
}

async function startOpen(): Promise<TestRegistry> {
  const foreign = process.env.STOWAGE_E2E_HTTP_URL;
  if (foreign) return connect({ url: foreign, dispose: async () => {} });
  const server = await startServer();
  return connect({ url: server.url, dispose: async () => void (await server.stop()) });
}

async function startSecure(): Promise<TestRegistry> {
  const { STOWAGE_E2E_TLS_URL, STOWAGE_E2E_CA, STOWAGE_E2E_USER, STOWAGE_E2E_PASSWORD } =
    process.env;
  if (STOWAGE_E2E_TLS_URL) {
    return connect({
      url: STOWAGE_E2E_TLS_URL,
      login: { user: STOWAGE_E2E_USER ?? '', password: STOWAGE_E2E_PASSWORD ?? '' },
      ...(STOWAGE_E2E_CA ? { caFile: STOWAGE_E2E_CA } : {}),
      dispose: async () => {},
    });
  }
  const scratch = await makeTemporary('secure');
  const login = { user: 'alice', password: 'correct horse' };
  const { cert, key } = makeCertificate();
  const path = (name: string): string => join(scratch, name);
  await writeFile(path('cert.pem'), cert);
  await writeFile(path('key.pem'), key, { mode: 0o600 });
  await writeFile(path('htpasswd'), `${login.user}:${await hash(login.password, 5)}\n`);
  const env = {
    STOWAGE_HTTP__TLS__CERT: path('cert.pem'),
    STOWAGE_HTTP__TLS__KEY: path('key.pem'),
    STOWAGE_AUTH__HTPASSWD: path('htpasswd'),
    STOWAGE_AUTH__TOKEN__ENABLED: 'true',
  };
  const server = await startServer({ env }).catch(async (error: unknown) => {
    await removeTemporary(scratch);
    throw error;
  });
  return connect({
    url: server.url,
    login,
    ca: cert,
    caFile: path('cert.pem'),
    async dispose() {
      await server.stop();
      await removeTemporary(scratch);
    },
  });
}

/** Every client is tried in each of these. */
export const SCENARIOS: readonly Scenario[] = [
  { title: 'over HTTP', start: startOpen },
  { title: 'over TLS with a token', start: startSecure },
];
