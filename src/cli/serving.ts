/** Runs a server until it is told to stop. */
import type { Config } from '../registry/config/config.ts';
import { ConfigError } from '../registry/config/problems.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** A server that runs. */
export interface RunningServer {
  readonly url: string;
  /** Stops taking requests and lets the running ones finish. */
  close(): Promise<void>;
  /** Takes what can change while it runs from a new configuration. */
  reload?(config: Config): Promise<void>;
}

/** Where signals come from; the process itself, but for tests. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

/** What it takes to run a server. */
export interface ServingOptions {
  readonly start: () => Promise<RunningServer>;
  /** Reads the configuration anew. */
  readonly load: () => Promise<Config>;
  readonly signals: SignalSource;
  /** Ends the process at once. */
  readonly force: (code: ExitCode) => void;
  /** A remark for standard error. */
  readonly warn: (text: string) => void;
}

async function reload(server: RunningServer, { load, warn }: ServingOptions): Promise<void> {
  if (server.reload === undefined) return;
  try {
    await server.reload(await load());
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const what = error instanceof ConfigError ? 'the new configuration is wrong' : 'reload failed';
    warn(`stowage: ${what}, the old one stays in force\n${reason}\n`);
  }
}

/**
 * Starts a server and waits for its end. SIGTERM and SIGINT stop it, letting transfers finish; a
 * second one ends it at once. SIGHUP reads the configuration again.
 */
export async function runUntilStopped(options: ServingOptions): Promise<void> {
  const { signals, force } = options;
  const stopped = Promise.withResolvers<void>();
  let stopping = false;
  const onStop = (): void => {
    if (stopping) force(EXIT.failure);
    stopping = true;
    stopped.resolve();
  };
  // Before the start, so that a signal that comes early is not lost.
  signals.on('SIGTERM', onStop);
  signals.on('SIGINT', onStop);
  let pending: Promise<void> = Promise.resolve();
  let server: RunningServer | undefined;
  const onReload = (): void => {
    if (server === undefined || stopping) return;
    const running = server;
    pending = pending.then(() => reload(running, options));
  };
  signals.on('SIGHUP', onReload);
  try {
    server = await options.start();
    await stopped.promise;
    await pending;
    await server.close();
  } finally {
    signals.off('SIGTERM', onStop);
    signals.off('SIGINT', onStop);
    signals.off('SIGHUP', onReload);
  }
}
