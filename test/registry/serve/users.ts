/** A server with users and policies, and clients that speak for the users. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash } from 'bcryptjs';
import { afterAll, beforeAll } from 'vitest';
import { RegistryClient } from '../../conformance/client.ts';
import { type RunningServer, startServer } from '../../support/server.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';

/** The password of a user. */
export const passwordOf = (name: string): string => `${name}-secret`;

/** The Authorization value of a user with their own or another password. */
export function basic(name: string, password = passwordOf(name)): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

/** Lines of an htpasswd file at the lowest cost: it is not the strength of passwords that is tested. */
async function htpasswdOf(passwords: Readonly<Record<string, string>>): Promise<string> {
  const lines = Object.entries(passwords).map(async ([name, password]) => {
    return `${name}:${await hash(password, 4)}\n`;
  });
  return (await Promise.all(lines)).join('');
}

/** One rule of `auth.policies`, as it stands in the file. */
export interface Policy {
  readonly repositories: readonly string[];
  readonly users?: readonly string[];
  readonly anonymous?: boolean;
  readonly actions: readonly string[];
}

/** What a server with users is started with. */
export interface UsersOptions {
  readonly users: readonly string[];
  readonly policies?: readonly Policy[];
  /** Further settings, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A server with users. */
export interface ServerWithUsers {
  readonly server: RunningServer;
  /** A client that asks as that user, by whatever the challenge says; without a name: anonymously. */
  clientOf(name?: string): RegistryClient;
  /** Puts these users and passwords, and no others, into the htpasswd file. */
  setPasswords(passwords: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server with users; the caller stops it. */
export async function startWithUsers(options: UsersOptions): Promise<ServerWithUsers> {
  const { users, policies, env } = options;
  const folder = await makeTemporary('users');
  const htpasswd = join(folder, 'htpasswd');
  const setPasswords = async (passwords: Readonly<Record<string, string>>): Promise<void> => {
    await writeFile(htpasswd, await htpasswdOf(passwords));
  };
  await setPasswords(Object.fromEntries(users.map((name) => [name, passwordOf(name)])));
  const server = await startServer({
    env: {
      STOWAGE_AUTH__HTPASSWD: htpasswd,
      ...(policies && { STOWAGE_AUTH__POLICIES: JSON.stringify(policies) }),
      ...env,
    },
  });
  const clients: RegistryClient[] = [];
  return {
    server,
    clientOf(name) {
      const password = name && passwordOf(name);
      const client = new RegistryClient({ origin: server.url, username: name, password });
      clients.push(client);
      return client;
    },
    setPasswords,
    async stop() {
      for (const client of clients) client.close();
      await server.stop();
      await removeTemporary(folder);
    },
  };
}

/** Registers the hooks that bring a server with users up and down around the tests of a block. */
export function useUsers(options: UsersOptions): () => ServerWithUsers {
  let running: ServerWithUsers | undefined;
  beforeAll(async () => {
    running = await startWithUsers(options);
  });
  afterAll(async () => {
    await running?.stop();
  });
  return () => running!;
}
