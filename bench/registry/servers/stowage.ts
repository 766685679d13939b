/** Stowage as a target: the program of this checkout, with its default settings. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash as bcrypt } from 'bcryptjs';
import { type RunningServer, startServer } from '../../../test/support/server.ts';
import { FIXTURE_REPOSITORY, PUSH_REPOSITORY } from '../fixture.ts';
import type { StartContext, Target } from './types.ts';

const USER = 'bench';
/** Work factor of the log-in's hash; only the log-in pays it, requests carry the token. */
const BCRYPT_ROUNDS = 6;
/** Tokens live five minutes by default; they are renewed well before. */
const TOKEN_AGE_MS = 120_000;
const MAX_ERRORS = 3;

/** How Stowage is to be started. */
export interface StowageOptions extends StartContext {
  /** Bearer tokens by its own token service, on users of an htpasswd file. */
  readonly token?: boolean;
  /** Further settings by environment, `STOWAGE_...`. */
  readonly env?: Readonly<Record<string, string>>;
  /** An existing data directory; default: `data` in the folder. */
  readonly dataDir?: string;
}

/** Fetches a token for the benchmark's repositories by the Docker token protocol. */
async function fetchToken(url: string, password: string): Promise<string> {
  const challenge = (await fetch(`${url}/v2/`)).headers.get('www-authenticate') ?? '';
  const parameter = (name: string): string => {
    const value = new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1];
    if (value === undefined) throw new Error(`no ${name} in the challenge: ${challenge}`);
    return value;
  };
  const address = new URL(parameter('realm'));
  address.searchParams.set('service', parameter('service'));
  for (const repository of [FIXTURE_REPOSITORY, PUSH_REPOSITORY]) {
    address.searchParams.append('scope', `repository:${repository}:pull,push`);
  }
  const basic = Buffer.from(`${USER}:${password}`).toString('base64');
  const answer = await fetch(address, { headers: { Authorization: `Basic ${basic}` } });
  if (!answer.ok) throw new Error(`no token: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { token: string }).token;
}

/** A source of header values that fetches a token now and then. */
function tokenSource(url: string, password: string): () => Promise<string> {
  let value = '';
  let fetchedAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() - fetchedAt > TOKEN_AGE_MS) {
      value = `Bearer ${await fetchToken(url, password)}`;
      fetchedAt = performance.now();
    }
    return value;
  };
}

/** The last errors that a server has logged. */
function errorsOf(server: RunningServer): string {
  return server
    .lines()
    .filter(({ level }) => level === 'error' || level === 'fatal')
    .slice(-MAX_ERRORS)
    .map((line) => JSON.stringify(line))
    .join('\n');
}

/** Starts `stowage serve` from the sources. */
export async function startStowage(options: StowageOptions): Promise<Target> {
  const { folder, certificate, token = false } = options;
  const env: Record<string, string> = { ...options.env };
  const password = randomBytes(16).toString('hex');
  if (certificate !== undefined) {
    env.STOWAGE_HTTP__TLS__CERT = certificate.certFile;
    env.STOWAGE_HTTP__TLS__KEY = certificate.keyFile;
  }
  if (token) {
    const file = join(folder, 'htpasswd');
    await writeFile(file, `${USER}:${await bcrypt(password, BCRYPT_ROUNDS)}\n`);
    env.STOWAGE_AUTH__HTPASSWD = file;
    env.STOWAGE_AUTH__TOKEN__ENABLED = 'true';
  }
  const dataDir = options.dataDir ?? join(folder, 'data');
  const server = await startServer({ dataDir, env });
  return {
    name: token ? 'stowage+token' : 'stowage',
    description: `stowage of this checkout, Node ${process.version}`,
    scheme: certificate === undefined ? 'http' : 'https',
    endpoint: { url: server.url, ca: certificate?.cert },
    pid: server.pid,
    dataDir,
    authorization: token ? tokenSource(server.url, password) : async () => undefined,
    errors: () => errorsOf(server),
    async stop() {
      await server.stop();
    },
  };
}
