/** Finds the registry that a command is about: a running server, or the data directory itself. */
import { access } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { networkInterfaces } from 'node:os';
import {
  addressFile,
  readAddressFile,
  type ServerAddress,
} from '../registry/admin/address-file.ts';
import { createClient } from '../registry/admin/client.ts';
import type { Operations } from '../registry/admin/operations.ts';
import { isLoopback } from '../registry/config/address.ts';
import type { Config } from '../registry/config/config.ts';
import { loadConfig } from '../registry/config/load.ts';
import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** Milliseconds to wait for the connection to a server that may be gone. */
const PROBE_TIMEOUT = 2000;

/** Options that say which registry is meant. */
export interface TargetOptions {
  readonly server?: string;
  readonly config?: string;
}

/** A registry that a command can work on. */
export interface Connection {
  readonly operations: Operations;
  /** URL of the server, or path of the directory. */
  readonly place: string;
  close(): Promise<void>;
}

/** Opens the data directory of a configuration, which no server may have open. */
export type OpenDirectory = (
  config: Config,
) => Promise<{ readonly operations: Operations; close(): Promise<void> }>;

function toRemote(text: string, token: string | undefined): Connection {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    const hint = 'it looks like http://127.0.0.1:5000';
    throw new CliError(`${text} is no URL of a server`, EXIT.usage, hint);
  }
  const { username, password, origin } = url;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const basic = `Basic ${Buffer.from(pair).toString('base64')}`;
  const authorization = username !== '' ? basic : token && `Bearer ${token}`;
  const operations = createClient({ url: origin, authorization });
  return { operations, place: origin, close: async () => {} };
}

/** The host of a URL, IPv6 without its brackets. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** The URL of an address file; a server that listens everywhere is asked on the loopback. */
function localUrl({ url }: ServerAddress): URL | undefined {
  const parsed = URL.parse(url);
  if (parsed === null) return undefined;
  if (hostOf(parsed) === '0.0.0.0') parsed.hostname = '127.0.0.1';
  if (hostOf(parsed) === '::') parsed.hostname = '[::1]';
  return parsed;
}

/** True when connections to the host do not leave this machine. */
function isOwnAddress(host: string): boolean {
  if (isLoopback(host)) return true;
  const interfaces = Object.values(networkInterfaces());
  return interfaces.some((addresses) => addresses?.some(({ address }) => address === host));
}

/** True when something accepts connections there. */
function answers(url: URL): Promise<boolean> {
  const { port, protocol } = url;
  return new Promise((resolve) => {
    const socket = connectSocket({
      host: hostOf(url),
      port: Number(port) || (protocol === 'https:' ? 443 : 80),
      timeout: PROBE_TIMEOUT,
    });
    const finish = (result: boolean) => () => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', finish(true));
    socket.once('error', finish(false));
    socket.once('timeout', finish(false));
  });
}

function toLocal(url: URL, token: string): Connection {
  const operations = createClient({
    url: url.origin,
    authorization: `Bearer ${token}`,
    anyCertificate: isOwnAddress(hostOf(url)),
  });
  return { operations, place: url.origin, close: async () => {} };
}

async function openLocal(config: Config, open: OpenDirectory): Promise<Connection> {
  const { dir } = config.data;
  const there = await access(dir).then(
    () => true,
    () => false,
  );
  if (!there) {
    const hint = 'name the server by --server, or its configuration by --config';
    throw new CliError(`no server runs, and there is no ${dir}`, EXIT.unreachable, hint);
  }
  const { operations, close } = await open(config);
  return { operations, place: dir, close };
}

/**
 * Connects to the registry: `--server`, else `STOWAGE_SERVER`, else the server whose address file
 * lies in the data directory, else the directory itself.
 * @throws CliError, ConfigError, or what `open` throws
 */
export async function connect(
  options: TargetOptions,
  terminal: Terminal,
  open: OpenDirectory,
): Promise<Connection> {
  const { environment, directory } = terminal;
  const named = options.server ?? (environment.STOWAGE_SERVER || undefined);
  if (named !== undefined) return toRemote(named, environment.STOWAGE_TOKEN || undefined);
  const { config } = await loadConfig({ file: options.config, environment, directory });
  const address = await readAddressFile(config.data.dir).catch((error: NodeJS.ErrnoException) => {
    const file = addressFile(config.data.dir);
    const hint = 'run the command as the user of the server, or name the server by --server';
    throw new CliError(`${file}: ${error.message}`, EXIT.unreachable, hint);
  });
  const url = address && localUrl(address);
  if (url !== undefined && (await answers(url))) return toLocal(url, address!.token);
  return await openLocal(config, open);
}
