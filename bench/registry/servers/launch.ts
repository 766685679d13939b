/** Starting a server program and waiting until it answers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { openClient } from '../load/client.ts';
import type { Endpoint } from '../load/connection.ts';

const READY_MS = 20_000;
const STOP_MS = 10_000;
const POLL_MS = 50;

/** A started program. */
export interface Launched {
  readonly pid: number;
  /** First line of its standard output, once it has come. */
  firstLine(): Promise<string>;
  /** SIGTERM, then SIGKILL. */
  stop(): Promise<void>;
}

/** A port of 127.0.0.1 that was free a moment ago, for programs that cannot choose one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function stop(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await exited;
  clearTimeout(timer);
}

/**
 * Starts a program whose output is dropped, but for the first line. It is killed when this process
 * ends, however that happens.
 */
export function launch(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Launched {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  });
  const exited = new Promise<void>((resolve) => {
    child.once('close', resolve);
    child.once('error', () => resolve());
  });
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  exited.then(() => process.removeListener('exit', onExit));
  let text = '';
  const line = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (part: Buffer) => {
      if (text.includes('\n')) return;
      text += part.toString();
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
    exited.then(() => reject(new Error(`${program} ended at once`)));
  });
  // Not every caller waits for the line.
  line.catch(() => undefined);
  return { pid: child.pid ?? 0, firstLine: () => line, stop: () => stop(child, exited) };
}

/** Waits until a server answers `GET /v2/`. @throws Error when it does not within 20 seconds */
export async function waitUntilServing(endpoint: Endpoint, name: string): Promise<void> {
  const end = performance.now() + READY_MS;
  let problem = '';
  while (performance.now() < end) {
    try {
      const client = await openClient(endpoint);
      const head = `GET /v2/ HTTP/1.1\r\n${client.lines}\r\n`;
      const { status } = await client.connection.exchange({ head });
      client.connection.close();
      if (status === 200 || status === 401) return;
      problem = `status ${status}`;
    } catch (error) {
      problem = (error as Error).message;
    }
    await delay(POLL_MS);
  }
  throw new Error(`${name} does not serve at ${endpoint.url}: ${problem}`);
}
