/**
 * When ingest may work (design 7, "monitor"). Nobody waits for it, so it makes way: while clients are
 * served, one layer at a time goes on, slowly, and below the reserve of free space none does.
 */
import { sleep } from '../../lib/sleep.ts';

/** Milliseconds between two looks of an ingest that waits for its turn. */
const LOOK_AGAIN = 50;
/**
 * Milliseconds from one piece of work to the next, a MiB or a section, while clients are served. Its
 * thread makes way by itself, but the serving thread has its share of the work, and so have the disk and
 * V8's own threads.
 */
const PIECE_TIME = 200;

/** Free space fell below the reserve while a layer was ingested; it is tried again later. */
export class NoSpaceError extends Error {
  override readonly name = 'NoSpaceError';

  constructor() {
    super('free space is below the reserve');
  }
}

/** The place of one ingest that is under way. */
export interface IngestTurn {
  /**
   * Waits until the ingest may do its next piece of work.
   * @throws NoSpaceError, the signal's reason
   */
  wait(signal: AbortSignal): Promise<void>;
  leave(): void;
}

/** Lets ingest work or wait. */
export interface IngestGate {
  /** Whether a further layer may be begun. */
  isOpen(): boolean;
  enter(): IngestTurn;
}

/** What the gate goes by. */
export interface GateSignals {
  /** Whether clients are being served, or were a moment ago. */
  readonly isBusy: () => boolean;
  /** Whether there is room for more than deletes need. */
  readonly hasSpace: () => boolean;
}

/** Ingests that are never kept waiting. */
export const OPEN_GATE: IngestGate = {
  isOpen: () => true,
  enter: () => ({ wait: async () => undefined, leave: () => undefined }),
};

/** Creates the gate of one process. */
export function createIngestGate({ isBusy, hasSpace }: GateSignals): IngestGate {
  const running = new Set<IngestTurn>();
  return {
    isOpen: () => hasSpace() && (running.size === 0 || !isBusy()),
    enter() {
      let last = Number.NEGATIVE_INFINITY;
      const turn: IngestTurn = {
        async wait(signal) {
          for (;;) {
            if (!hasSpace()) throw new NoSpaceError();
            // The one that has run longest goes on, so that there is always an end in sight.
            const [first] = running;
            if (!isBusy()) break;
            if (first === turn) {
              const rest = last + PIECE_TIME - performance.now();
              if (rest > 0) await sleep(rest, signal);
              break;
            }
            await sleep(LOOK_AGAIN, signal);
          }
          last = performance.now();
        },
        leave: () => void running.delete(turn),
      };
      running.add(turn);
      return turn;
    },
  };
}
