/**
 * Starts the real server as a process of its own, the way an operator does. Black-box, end-to-end
 * and fault tests share it, so that all of them see the same start, log and stop.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { makeTemporary, removeTemporary } from './temporary.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');
/** Log lines kept in memory; the oldest go first. */
const MAX_LOG_LINES = 20_000;

/** How to start a server. */
export interface StartOptions {
  /** Settings by environment, `STOWAGE_...`; they win over the defaults of this helper. */
  readonly env?: Readonly<Record<string, string>>;
  /** An existing data directory, kept by `stop`. Default: a new temporary one, removed by `stop`. */
  readonly dataDir?: string;
  /** Text of a YAML configuration file, passed by `--config`. */
  readonly config?: string;
  /** Program and arguments put before node, for example `['strace', '-f']`. */
  readonly wrapper?: readonly string[];
  /** Flags for node itself. */
  readonly nodeArgs?: readonly string[];
  /** Milliseconds until the server must say that it listens. Default 20,000. */
  readonly readyTimeoutMs?: number;
}

/** How a server process ended. */
export interface StopResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True when SIGTERM was not enough and SIGKILL had to follow. */
  readonly forced: boolean;
}

/** One line of the server's log, parsed. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A running server. `await using` stops it. */
export interface RunningServer extends AsyncDisposable {
  /** Base URL, without a slash at the end. */
  readonly url: string;
  /** Process id of the server itself, also behind a wrapper. */
  readonly pid: number;
  readonly dataDir: string;
  /** All output so far, both streams. */
  output(): string;
  /** The JSON lines of standard output so far. */
  lines(): readonly LogLine[];
  /** Resolves with the first log line, old or new, that `matches`; rejects after the time-out. */
  waitForLog(matches: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>;
  /** SIGTERM, then SIGKILL after `timeoutMs` (default 15,000); removes what was temporary. */
  stop(timeoutMs?: number): Promise<StopResult>;
  /** SIGKILL; the data directory stays, whoever made it. */
  kill(): Promise<void>;
  /** Resolves when the process has ended by itself or by a signal. */
  readonly exited: Promise<StopResult>;
}

/** Thrown when the server ends or stays silent instead of listening; carries its output. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly output: string;
  readonly code: number | null;

  constructor(message: string, output: string, code: number | null) {
    super(`${message}\n${output.slice(-4000)}`);
    this.output = output;
    this.code = code;
  }
}

interface Collected {
  readonly text: string[];
  readonly lines: LogLine[];
  readonly watchers: Set<(line: LogLine) => void>;
}

function collect(child: ChildProcess): Collected {
  const collected: Collected = { text: [], lines: [], watchers: new Set() };
  const keep = (line: string): void => {
    collected.text.push(line);
    if (collected.text.length > MAX_LOG_LINES) collected.text.shift();
  };
  createInterface({ input: child.stderr! }).on('line', keep);
  createInterface({ input: child.stdout! }).on('line', (line) => {
    keep(line);
    let parsed: unknown;
    try {
      parsed = JSON.parse(line);
    } catch {
      return;
    }
    if (typeof parsed !== 'object' || parsed === null) return;
    collected.lines.push(parsed as LogLine);
    if (collected.lines.length > MAX_LOG_LINES) collected.lines.shift();
    for (const watcher of [...collected.watchers]) watcher(parsed as LogLine);
  });
  return collected;
}

/** The environment of this process without settings that would leak into the server. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^(STOWAGE_|OCI_|NODE_OPTIONS$|VITEST|NODE_V8_COVERAGE$)/.test(name)) env[name] = value;
  }
  return env;
}

function watch(
  collected: Collected,
  matches: (line: LogLine) => boolean,
  timeoutMs: number,
): Promise<LogLine> {
  return new Promise((resolveLine, reject) => {
    const old = collected.lines.find(matches);
    if (old !== undefined) return resolveLine(old);
    const watcher = (line: LogLine): void => {
      if (!matches(line)) return;
      clearTimeout(timer);
      collected.watchers.delete(watcher);
      resolveLine(line);
    };
    const timer = setTimeout(() => {
      collected.watchers.delete(watcher);
      reject(new Error(`no such log line within ${timeoutMs} ms`));
    }, timeoutMs);
    collected.watchers.add(watcher);
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Starts `stowage serve` on a free loopback port and waits until it listens.
 * @throws StartError with the server's output
 */
export async function startServer(options: StartOptions = {}): Promise<RunningServer> {
  const scratch = await makeTemporary('server');
  const dataDir = options.dataDir ?? join(scratch, 'data');
  const args = [...(options.nodeArgs ?? []), MAIN, 'serve'];
  if (options.config !== undefined) {
    const file = join(scratch, 'stowage.yaml');
    await writeFile(file, options.config);
    args.push('--config', file);
  }
  const [program, ...leading] = [...(options.wrapper ?? []), process.execPath];
  const child = spawn(program!, [...leading, ...args], {
    cwd: scratch,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...cleanEnvironment(),
      STOWAGE_HTTP__LISTEN: '127.0.0.1:0',
      STOWAGE_DATA__DIR: dataDir,
      ...options.env,
    },
  });
  const collected = collect(child);
  const output = (): string => collected.text.join('\n');
  let forced = false;
  const exited = new Promise<StopResult>((done, failed) => {
    child.once('error', failed);
    child.once('close', (code, name) => done({ code, signal: name, forced }));
  });
  let pid = child.pid ?? 0;
  // A process id may be given to another program once the server has ended.
  let alive = pid !== 0;
  const send = (name: NodeJS.Signals): void => {
    if (alive) signal(pid, name);
  };
  const onExit = (): void => send('SIGKILL');
  process.once('exit', onExit);
  const gone = (): void => {
    alive = false;
    process.removeListener('exit', onExit);
  };
  exited.then(gone, gone);

  let ready: LogLine;
  try {
    ready = await Promise.race([
      watch(
        collected,
        (line) => line.msg === 'listening' && typeof line.url === 'string',
        options.readyTimeoutMs ?? 60_000,
      ),
      exited.then(({ code }) => {
        throw new StartError(`the server ended with code ${code}`, output(), code);
      }),
    ]);
  } catch (error) {
    if (alive) {
      send('SIGKILL');
      await exited;
    }
    await removeTemporary(scratch);
    if (error instanceof StartError) throw error;
    throw new StartError((error as Error).message, output(), null);
  }
  if (typeof ready.pid === 'number') pid = ready.pid;

  const stop = async (timeoutMs = 15_000): Promise<StopResult> => {
    send('SIGTERM');
    const timer = setTimeout(() => {
      forced = alive;
      send('SIGKILL');
    }, timeoutMs);
    const result = await exited;
    clearTimeout(timer);
    await removeTemporary(scratch);
    return result;
  };
  return {
    url: (ready.url as string).replace(/\/$/, ''),
    pid,
    dataDir,
    output,
    lines: () => collected.lines,
    waitForLog: (matches, timeoutMs = 30_000) => watch(collected, matches, timeoutMs),
    stop,
    async kill() {
      send('SIGKILL');
      await exited;
      if (options.dataDir !== undefined) await removeTemporary(scratch);
    },
    exited,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}
