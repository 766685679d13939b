/** A fixed number of places; who finds none waits in line. */

/** Places that are taken and given back. */
export interface Slots {
  /**
   * Waits for a place.
   * @returns gives it back; only its first call counts
   * @throws the signal's reason
   */
  take(signal?: AbortSignal): Promise<() => void>;
}

/** Creates `count` places. */
export function createSlots(count: number): Slots {
  let free = count;
  const line = new Set<() => void>();

  function giver(): () => void {
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const [next] = line;
      if (next === undefined) free++;
      else next();
    };
  }

  return {
    async take(signal) {
      signal?.throwIfAborted();
      if (free > 0) {
        free--;
        return giver();
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const go = (): void => {
        line.delete(go);
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const stop = (): void => {
        line.delete(go);
        reject(signal?.reason);
      };
      line.add(go);
      signal?.addEventListener('abort', stop, { once: true });
      await promise;
      return giver();
    },
  };
}
