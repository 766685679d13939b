/** A server that takes every layer apart as soon as it can, and what it says of that. */
import type { DedupReport } from '../../src/registry/admin/operations.ts';
import { expectStatus } from '../conformance/assertions.ts';
import { RegistryClient } from '../conformance/client.ts';
import { get } from '../conformance/requests.ts';
import { type RunningServer, startServer } from '../support/server.ts';

/** Nothing stays intact once it has been taken apart (decisions 3, thresholds of 0). */
const AT_ONCE = {
  STOWAGE_DEDUP__MIN_AGE: '0s',
  STOWAGE_DEDUP__MIN_SIZE: '0',
  STOWAGE_DEDUP__INTACT_BUDGET: '0',
};

/** The server and a client of it. `await using` stops both. */
export interface ExactServer extends AsyncDisposable {
  readonly server: RunningServer;
  readonly client: RegistryClient;
  /** Layers by what has become of them. @throws Error when ingest waits for space */
  counts(): Promise<DedupReport['layers']>;
}

/** Starts it. */
export async function startExactServer(): Promise<ExactServer> {
  const server = await startServer({ env: AT_ONCE });
  const client = new RegistryClient({ origin: server.url });
  return {
    server,
    client,
    async counts() {
      const response = await get(client, '/api/v1/dedup');
      const { state, layers } = expectStatus(response, 200).json<DedupReport>();
      if (state === 'paused') throw new Error('no space is left for ingest');
      return layers;
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await server.stop();
    },
  };
}
