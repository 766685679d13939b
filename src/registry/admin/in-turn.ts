/** Lets a fixed number of requests work at a time; what they hold in memory is bounded by that. */
import { createSlots } from '../../lib/slots.ts';
import { OciError } from '../../oci/errors.ts';

/** How many, and how long others wait. */
interface TurnLimits {
  readonly atOnce: number;
  /** Milliseconds. */
  readonly patience: number;
}

/**
 * Creates a line.
 * @returns does a piece of work when it is its turn
 * @throws OciError TOOMANYREQUESTS when that takes too long
 */
export function createTurns({
  atOnce,
  patience,
}: TurnLimits): <T>(work: () => Promise<T>) => Promise<T> {
  const slots = createSlots(atOnce);
  return async (work) => {
    const release = await slots.take(AbortSignal.timeout(patience)).catch(() => {
      const message = 'too many of these requests are under way';
      throw new OciError('TOOMANYREQUESTS', { message, headers: { 'Retry-After': '10' } });
    });
    try {
      return await work();
    } finally {
      release();
    }
  };
}
