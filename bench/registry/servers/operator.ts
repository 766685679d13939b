/** What an operator asks of a running Stowage: background work and its event loop. */
import { createClient } from '../../../src/registry/admin/client.ts';
import type { Operations } from '../../../src/registry/admin/operations.ts';

const STALL_METRIC = 'nodejs_eventloop_lag_max_seconds';

/** The operator of one server without authentication. */
export interface Operator {
  readonly operations: Operations;
  /**
   * Longest stall of the event loop since the last call, in milliseconds, from `/metrics`; it holds
   * the 10 ms between two looks of the runtime's own monitor.
   */
  longestStallMs(): Promise<number>;
}

/** Connects to a server that listens on loopback without authentication. */
export function openOperator(url: string): Operator {
  return {
    operations: createClient({ url }),
    async longestStallMs() {
      const answer = await fetch(`${url}/metrics`);
      const text = await answer.text();
      const value = new RegExp(`^${STALL_METRIC} (\\S+)`, 'm').exec(text)?.[1];
      if (!answer.ok || value === undefined) throw new Error(`no ${STALL_METRIC} in /metrics`);
      return Number(value) * 1000;
    },
  };
}
