/**
 * Everything a store asks of its disk stops at a gate, until the schedule lets it through, lets it
 * fail, or cuts the power. So the schedule alone decides in which order things happen.
 */

interface Gate {
  readonly name: string;
  /** Carries out what was asked for, and tells whoever asked. */
  release(): void;
  fail(): void;
  /** Carries it out without telling anybody. */
  carryOut(): void;
}

/** The gates of one run of a store. */
export interface Gates {
  /** Waits at a gate, then does `act`. Never resolves once the process is dead. */
  pass<T>(name: string, act: () => Promise<T>): Promise<T>;
  /** Names of what waits, in the order of its coming. */
  readonly waiting: readonly string[];
  /** Whether gates stand open: nothing waits. */
  isOpen: boolean;
  release(pick: number): void;
  fail(pick: number): void;
  /** Ends the process: nobody who waits is ever told. What waits at `pick` has still happened. */
  kill(pick?: number): void;
}

/** The error of a gate that fails: bytes that are there cannot be read, others find no room. */
function errorOf(name: string): Error {
  const code = name === 'read' ? 'EIO' : 'ENOSPC';
  return Object.assign(new Error(`${code}: on purpose`), { code });
}

/** Sets up closed gates. */
export function createGates(): Gates {
  let waiting: Gate[] = [];
  let isDead = false;
  let isOpen = false;
  function take(pick: number): Gate | undefined {
    const gate = waiting[pick % waiting.length];
    waiting = waiting.filter((one) => one !== gate);
    return gate;
  }
  return {
    pass<T>(name: string, act: () => Promise<T>): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      if (isDead) return promise;
      if (isOpen) return act();
      waiting.push({
        name,
        release: () => void act().then(resolve, reject),
        fail: () => reject(errorOf(name)),
        carryOut: () => void act().catch(() => undefined),
      });
      return promise;
    },
    get waiting() {
      return waiting.map(({ name }) => name);
    },
    get isOpen() {
      return isOpen;
    },
    set isOpen(value) {
      isOpen = value;
      if (isOpen) for (const gate of waiting.splice(0)) gate.release();
    },
    release: (pick) => take(pick)?.release(),
    fail: (pick) => take(pick)?.fail(),
    kill(pick) {
      isDead = true;
      if (pick !== undefined) take(pick)?.carryOut();
      waiting = [];
    },
  };
}

/** Lets everything happen that waits at no gate. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
