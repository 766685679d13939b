/**
 * Gives a test file its registry: the one that OCI_REGISTRY names, else a Stowage of its own, so
 * that every file can be run alone and files can run side by side. OCI_TLS and OCI_USERNAME decide
 * for that Stowage too whether it speaks TLS and asks for a token.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash } from 'bcryptjs';
import { afterAll, beforeAll } from 'vitest';
import { makeCertificate } from '../support/certificate.ts';
import { type RunningServer, type StartOptions, startServer } from '../support/server.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { RegistryClient } from './client.ts';
import { settings } from './settings.ts';

/** The registry as one test file sees it. */
export interface RegistryUnderTest {
  readonly client: RegistryClient;
  /** The server's process; undefined when the registry is somebody else's. */
  readonly server: RunningServer | undefined;
  /** Name of a repository below OCI_REPO1 that no other file and no other run uses. */
  repository(label?: string): string;
  /** The same below OCI_REPO2. */
  otherRepository(label?: string): string;
}

/** True when the suite starts Stowage, so that it may choose settings and look at its process. */
export const startsStowage = settings.registry === undefined;

/** A client of the given base URL with the settings' credentials. The caller closes it. */
function connect(url: string, ca = settings.ca): RegistryClient {
  const { username, password, cacheAuth, tls } = settings;
  return new RegistryClient({
    origin: url,
    username,
    password,
    cacheAuth,
    ca,
    insecure: tls === 'insecure',
  });
}

/** Settings with which no layer stays as it was pushed for longer than it takes. */
const AT_ONCE = {
  STOWAGE_DEDUP__MIN_AGE: '0s',
  STOWAGE_DEDUP__MIN_SIZE: '0',
  STOWAGE_DEDUP__INTACT_BUDGET: '0',
};

/** A Stowage that was started for tests, and how to reach it. */
export interface OwnRegistry {
  readonly server: RunningServer;
  readonly client: RegistryClient;
  /** Ends it the orderly way. @throws Error when it has to be killed */
  stop(): Promise<void>;
}

/** Starts Stowage, with TLS and a user where the settings ask for them. */
export async function startOwn(options: StartOptions = {}): Promise<OwnRegistry> {
  const { tls, username, password = '', dedup } = settings;
  const folder = await makeTemporary('conformance');
  const env: Record<string, string> = { ...(dedup && AT_ONCE), ...options.env };
  let ca: string | undefined;
  if (tls !== 'disabled') {
    const certificate = makeCertificate();
    ca = certificate.cert;
    env.STOWAGE_HTTP__TLS__CERT = join(folder, 'cert.pem');
    env.STOWAGE_HTTP__TLS__KEY = join(folder, 'key.pem');
    await writeFile(env.STOWAGE_HTTP__TLS__CERT, certificate.cert);
    await writeFile(env.STOWAGE_HTTP__TLS__KEY, certificate.key, { mode: 0o600 });
  }
  if (username !== undefined) {
    env.STOWAGE_AUTH__HTPASSWD = join(folder, 'htpasswd');
    env.STOWAGE_AUTH__TOKEN__ENABLED = 'true';
    // The least cost: it is not the strength of passwords that is tested.
    await writeFile(env.STOWAGE_AUTH__HTPASSWD, `${username}:${await hash(password, 4)}\n`);
  }
  const server = await startServer({ ...options, env });
  const client = connect(server.url, ca);
  return {
    server,
    client,
    async stop() {
      client.close();
      const { forced } = await server.stop();
      await removeTemporary(folder);
      if (forced) throw new Error(`the server did not stop:\n${server.output().slice(-2000)}`);
    },
  };
}

/**
 * Registers the hooks that bring a registry up and down for this file or describe block.
 * @param env - settings of the server; they reach only a Stowage that the suite starts
 */
export function useRegistry(env: Readonly<Record<string, string>> = {}): RegistryUnderTest {
  const run = randomBytes(4).toString('hex');
  let client: RegistryClient | undefined;
  let own: OwnRegistry | undefined;
  const name = (prefix: string, label: string): string => `${prefix}/${label}-${run}`;

  beforeAll(async () => {
    if (startsStowage) {
      own = await startOwn({ env });
      client = own.client;
    } else {
      const scheme = settings.tls === 'disabled' ? 'http' : 'https';
      client = connect(`${scheme}://${settings.registry}`);
    }
  });
  afterAll(async () => {
    client?.close();
    await own?.stop();
  });

  return {
    get client() {
      if (client === undefined) throw new Error('the registry has not been started yet');
      return client;
    },
    get server() {
      return own?.server;
    },
    repository: (label = 'main') => name(settings.repo1, label),
    otherRepository: (label = 'main') => name(settings.repo2, label),
  };
}
