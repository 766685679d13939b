/**
 * Keeps two ingests that meet the same new parts from storing them twice: who comes second waits
 * until the first has stored its section, and then finds them.
 */
import { unlessAborted } from '../../lib/unless-aborted.ts';

/** Parts that are about to be stored. */
export interface Reservations {
  /**
   * Waits until no other section is about to store any of these parts, and reserves some of them.
   * Nobody waits who has a reservation, so nobody waits for ever.
   * @param choose - says which, at the moment when nobody else is about to store any
   * @returns to be called when they have been stored, or never will be
   * @throws the signal's reason
   */
  claim(
    hashes: readonly string[],
    choose: () => readonly string[],
    signal: AbortSignal,
  ): Promise<() => void>;
}

/** Creates the reservations of one process. */
export function createReservations(): Reservations {
  const open = new Map<string, Promise<void>>();
  return {
    async claim(hashes, choose, signal) {
      for (;;) {
        const others = hashes.map((hash) => open.get(hash)).find((one) => one !== undefined);
        if (others === undefined) break;
        await unlessAborted(others, signal);
      }
      const chosen = choose();
      const { promise, resolve } = Promise.withResolvers<void>();
      for (const hash of chosen) open.set(hash, promise);
      return () => {
        for (const hash of chosen) open.delete(hash);
        resolve();
      };
    },
  };
}
