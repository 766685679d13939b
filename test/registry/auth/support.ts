/** What the tests of access control share: users with cheap hashes, a log to look into, a clock. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hash } from 'bcryptjs';
import type { Authenticator } from '../../../src/registry/auth/types.ts';
import type { AuthLogger } from '../../../src/registry/auth/watched-file.ts';

/** One logged entry. */
export interface LogEntry {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A logger that remembers. */
export interface RecordingLogger extends AuthLogger {
  readonly entries: LogEntry[];
}

/** Makes a logger that has nothing to remember yet. */
export function recordingLogger(): RecordingLogger {
  const entries: LogEntry[] = [];
  const record =
    (level: LogEntry['level']) =>
    (fields: object, message: string): void => {
      entries.push({ level, fields: { ...fields }, message });
    };
  return { entries, info: record('info'), warn: record('warn'), error: record('error') };
}

/** Lines of an htpasswd file, hashed at the lowest cost there is. */
export async function htpasswdText(users: Readonly<Record<string, string>>): Promise<string> {
  const lines = Object.entries(users).map(async ([user, password]) => {
    return `${user}:${await hash(password, 4)}\n`;
  });
  return (await Promise.all(lines)).join('');
}

/** An Authorization value for a name and a password. */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** A clock that stands until it is moved. */
export function standingClock(start = Date.UTC(2026, 10, 25, 12)): {
  readonly now: () => number;
  readonly advance: (milliseconds: number) => void;
} {
  let time = start;
  return {
    now: () => time,
    advance: (milliseconds) => {
      time += milliseconds;
    },
  };
}

/** A base URL and how to stop what answers there. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
}

/** Serves the token endpoint of an authenticator on a free port. */
export async function serveTokens(
  authenticator: () => Pick<Authenticator, 'tokenEndpoint'>,
  clientAddress = '192.0.2.1',
): Promise<TestServer> {
  const server = createServer((req, res) => {
    const { tokenEndpoint } = authenticator();
    if (tokenEndpoint === null) {
      res.writeHead(404).end();
      return;
    }
    tokenEndpoint(req, res, clientAddress).catch((error: unknown) => {
      res.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** The rejection of a promise, or of a function that may throw at once. */
export async function failureOf(attempt: () => unknown): Promise<unknown> {
  try {
    await attempt();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}
