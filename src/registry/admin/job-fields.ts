/** What the reports of all long jobs have in common. */
import type { Progress } from './operations.ts';

/** ISO 8601 of milliseconds since 1970. */
export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** What the store says of all of its jobs. */
interface StoreReport {
  readonly started: number;
  readonly finished?: number;
  readonly error?: string;
}

/** What all reports say. */
export function jobFields({ started, finished, error }: StoreReport) {
  const state = finished === undefined ? 'running' : error === undefined ? 'finished' : 'failed';
  return {
    state,
    startedAt: isoTime(started),
    finishedAt: finished === undefined ? null : isoTime(finished),
    error: error ?? null,
  } as const;
}

/** What progress is worked out from. */
interface ProgressInput {
  readonly unit: Progress['unit'];
  readonly done: number;
  /** An estimate made at the start, which what is done may pass or not reach. */
  readonly total: number;
  readonly report: StoreReport;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** How far a job is, as estimated at its start. */
export function progressOf({ unit, done, total, report, now }: ProgressInput): Progress {
  const seconds = Math.max(0, (report.finished ?? now) - report.started) / 1000;
  const ratePerSecond = seconds === 0 ? 0 : done / seconds;
  const complete = report.finished !== undefined && report.error === undefined;
  const all = complete ? done : Math.max(done, total);
  const etaSeconds = done === all ? 0 : ratePerSecond === 0 ? null : (all - done) / ratePerSecond;
  return { unit, done, total: all, ratePerSecond, etaSeconds };
}
