/**
 * Keeps two ingests that meet the same new parts from storing them twice: who comes second waits
 * until the first has stored its section, and then finds them.
 */
import { unlessAborted } from '../../lib/unless-aborted.ts';

/** Parts that nobody else looks for or stores meanwhile. */
export interface Reservation {
  /** Lets go of all but these. */
  keep(hashes: Iterable<string>): void;
  /** Lets go of all. */
  end(): void;
}

/** Parts that are looked for, or about to be stored. */
export interface Reservations {
  /**
   * Waits until nobody else has any of these parts reserved, and reserves them. Nobody waits who has
   * a reservation, so nobody waits for ever.
   * @throws the signal's reason
   */
  claim(hashes: readonly string[], signal: AbortSignal): Promise<Reservation>;
}

/** Creates the reservations of one process. */
export function createReservations(): Reservations {
  /** By part, who is told when it is free. */
  const open = new Map<string, PromiseWithResolvers<void>>();

  function reserve(hashes: readonly string[]): Reservation {
    let held: ReadonlySet<string> = new Set();
    let free = Promise.withResolvers<void>();
    function hold(wanted: Iterable<string>): void {
      const before = free;
      for (const hash of held) open.delete(hash);
      held = new Set(wanted);
      free = Promise.withResolvers();
      for (const hash of held) open.set(hash, free);
      // They look whether what they wait for is among those that are still held.
      before.resolve();
    }
    hold(hashes);
    return { keep: hold, end: () => hold([]) };
  }

  return {
    async claim(hashes, signal) {
      for (;;) {
        const other = hashes.map((hash) => open.get(hash)).find((one) => one !== undefined);
        if (other === undefined) return reserve(hashes);
        await unlessAborted(other.promise, signal);
      }
    },
  };
}
