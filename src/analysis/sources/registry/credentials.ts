/** Names and passwords for registries, as `docker login` and `podman login` leave them behind. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** How to log in: with name and password, or with a token that stands for both. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string };

/** What was found for a host. */
export interface FoundCredentials {
  readonly credentials: Credentials | undefined;
  /** Why there are none although the user has logged in; for the message when access is denied. */
  readonly note: string | undefined;
}

/** The name under which Docker keeps what belongs to Docker Hub. */
const HUB_KEY = 'index.docker.io';
const HUB_HOSTS = new Set(['docker.io', 'registry-1.docker.io', 'index.docker.io']);

type Json = Readonly<Record<string, unknown>>;

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

/** Host and port of a key, which may be a URL with a path. */
function hostOfKey(key: string): string {
  const rest = key.replace(/^https?:\/\//, '');
  const slash = rest.indexOf('/');
  return slash < 0 ? rest : rest.slice(0, slash);
}

function readEntry(value: unknown): Credentials | undefined {
  const { auth, username, password, identitytoken } = asObject(value);
  if (typeof identitytoken === 'string' && identitytoken !== '') {
    return { identityToken: identitytoken };
  }
  if (typeof auth === 'string' && auth !== '') {
    const pair = Buffer.from(auth, 'base64').toString('utf8');
    const colon = pair.indexOf(':');
    if (colon > 0) return { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
  }
  if (typeof username === 'string' && typeof password === 'string' && username !== '') {
    return { username, password };
  }
  return undefined;
}

/** Path of Docker's configuration of this user. */
function dockerConfigPath(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment.DOCKER_CONFIG || join(homedir(), '.docker'), 'config.json');
}

/**
 * Looks up a registry in a configuration of Docker. Only what it holds itself is read (`auths`);
 * helper programs are not run.
 * @param host - with its port, as in the URL of the registry
 * @param path - of the file; one that is missing or damaged holds nothing
 */
export async function findCredentials(
  host: string,
  path: string = dockerConfigPath(),
): Promise<FoundCredentials> {
  let config: Json;
  try {
    config = asObject(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return { credentials: undefined, note: isMissing ? undefined : `${path} cannot be read` };
  }
  const wanted = HUB_HOSTS.has(host) ? HUB_KEY : host;
  const entry = Object.entries(asObject(config.auths)).find(([key]) => hostOfKey(key) === wanted);
  const credentials = readEntry(entry?.[1]);
  if (credentials !== undefined) return { credentials, note: undefined };
  const helpers = Object.keys(asObject(config.credHelpers)).map(hostOfKey);
  const helped = helpers.includes(wanted) || (config.credsStore && entry !== undefined);
  const note = helped
    ? `${path} leaves the password to a helper program, which is not run: give name and password`
    : undefined;
  return { credentials: undefined, note };
}
