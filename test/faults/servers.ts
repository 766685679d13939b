/** The two ways in which fault tests run the server: to be loaded, and to be looked at. */

import { createClient } from '../../src/registry/admin/client.ts';
import type { CollectionReport, Operations } from '../../src/registry/admin/operations.ts';
import { RegistryClient } from '../conformance/client.ts';
import { type RunningServer, type StartOptions, startServer } from '../support/server.ts';

/** Milliseconds that unreferenced blobs are kept under load: little, so that the collector works. */
export const LEASE = 700;
/** Milliseconds for which deletions can be taken back under load. */
export const UNDO = 200;

/** Layers of any size are taken apart at once, and their intact copies dropped. */
export const APART_AT_ONCE = {
  STOWAGE_DEDUP__MIN_AGE: '0s',
  STOWAGE_DEDUP__MIN_SIZE: '0',
  STOWAGE_DEDUP__INTACT_BUDGET: '0',
} as const;

/** A server and how to talk to it. */
export interface Served extends AsyncDisposable {
  readonly server: RunningServer;
  readonly client: RegistryClient;
  readonly operations: Operations;
}

/** Starts a server over a data directory, which is kept. */
export async function serveOver(
  dataDir: string,
  env: Readonly<Record<string, string>>,
  options: Omit<StartOptions, 'env' | 'dataDir'> = {},
): Promise<Served> {
  const server = await startServer({
    ...options,
    dataDir,
    env: { STOWAGE_SCRUB__PERIOD: 'off', STOWAGE_GC__INTERVAL: 'off', ...env },
  });
  const client = new RegistryClient({ origin: server.url });
  return {
    server,
    client,
    operations: createClient({ url: server.url }),
    async [Symbol.asyncDispose]() {
      client.close();
      await server.stop();
    },
  };
}

/** For load: collects all the time, and soon; takes layers apart at once. */
export function serveLoad(dataDir: string): Promise<Served> {
  return serveOver(dataDir, {
    ...APART_AT_ONCE,
    STOWAGE_GC__INTERVAL: '100ms',
    STOWAGE_GC__LEASE: `${LEASE}ms`,
    STOWAGE_DELETES__UNDO: `${UNDO}ms`,
  });
}

/** For a look at what is there: collects only when told to, and then everything unreferenced. */
export function serveCheck(
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
  options: Pick<StartOptions, 'wrapper'> = {},
): Promise<Served> {
  const settings = { STOWAGE_GC__LEASE: '0s', STOWAGE_DELETES__UNDO: 'off', ...env };
  return serveOver(dataDir, settings, options);
}

/**
 * What makes a server believe that the machine was started anew: another file in the place of the one
 * that names the run of the machine, seen by nobody else. Needs root.
 * @param bootId - a file with the new name
 */
export function afterReboot(bootId: string): readonly string[] {
  const script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
  return ['unshare', '--mount', 'sh', '-c', script, bootId];
}

/** Runs a round of the collector to its end. */
export async function collect({ operations, server }: Served): Promise<CollectionReport> {
  const { startedAt } = await operations.collection.start({ dryRun: false });
  await server.waitForLog(
    ({ msg, started }) =>
      msg === 'collection finished' && new Date(Number(started)).toISOString() === startedAt,
    60_000,
  );
  return (await operations.collection.report())!;
}
