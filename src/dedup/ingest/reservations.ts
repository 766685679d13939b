/**
 * Keeps two ingests that meet the same new parts from storing them twice: who comes second waits
 * until the first has stored its section, and then finds them.
 */

/** Parts that are about to be stored. */
export interface Reservations {
  /**
   * Waits until no other section is about to store any of these parts. Nobody waits who has a
   * reservation, so nobody waits for ever.
   * @throws the signal's reason
   */
  settled(hashes: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Reserves parts.
   * @returns to be called when they have been stored, or never will be
   */
  reserve(hashes: readonly string[]): () => void;
}

/** Creates the reservations of one process. */
export function createReservations(): Reservations {
  const open = new Map<string, Promise<void>>();
  return {
    async settled(hashes, signal) {
      for (let i = 0; i < hashes.length; ) {
        const other = open.get(hashes[i]!);
        if (other === undefined) {
          i++;
          continue;
        }
        await Promise.race([other, aborted(signal)]);
        // Others may have been reserved meanwhile.
        i = 0;
      }
    },
    reserve(hashes) {
      const { promise, resolve } = Promise.withResolvers<void>();
      for (const hash of hashes) open.set(hash, promise);
      return () => {
        for (const hash of hashes) if (open.get(hash) === promise) open.delete(hash);
        resolve();
      };
    },
  };
}

/** Rejects with the signal's reason. */
function aborted(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}
