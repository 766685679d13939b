/** Starts a container engine's daemon under a temporary folder and takes all of it away again. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;

/** How to start a daemon. */
export interface DaemonOptions {
  readonly program: string;
  /** Prepares the folder that holds all of its state and returns the arguments. */
  readonly prepare: (folder: string) => Promise<readonly string[]> | readonly string[];
  /** Line of its log that says that it can be used. */
  readonly ready: RegExp;
}

/** A running daemon. */
export interface Daemon extends AsyncDisposable {
  readonly folder: string;
}

/** Takes away what engines leave mounted below a folder, the deepest first. */
export async function unmountBelow(folder: string): Promise<void> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const points = lines.map((line) => line.split(' ')[4] ?? '');
  const below = points
    .filter((point) => point.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length);
  for (const point of below) await run('umount', [point]);
}

/**
 * Starts a daemon and waits until it can be used.
 * @throws Error with the end of its log when it ends or stays silent
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const folder = await makeTemporary('engine');
  const args = await options.prepare(folder);
  const child = spawn(options.program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((done) => {
    child.once('close', () => done());
    child.once('error', () => done());
  });
  const killOnExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killOnExit);

  async function dispose(): Promise<void> {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(timer);
    process.removeListener('exit', killOnExit);
    await unmountBelow(folder);
    await removeTemporary(folder);
  }

  let log = '';
  const ready = new Promise<void>((done, failed) => {
    const timer = setTimeout(() => failed(new Error('is not ready in time')), READY_TIMEOUT_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-20_000);
        if (!options.ready.test(log)) return;
        clearTimeout(timer);
        done();
      });
    }
    exited.then(() => {
      clearTimeout(timer);
      failed(new Error('ended'));
    });
  });
  try {
    await ready;
  } catch (error) {
    await dispose();
    throw new Error(`${options.program} ${(error as Error).message}\n${log.slice(-4000)}`);
  }
  return { folder, [Symbol.asyncDispose]: dispose };
}
