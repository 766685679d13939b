/** Starts a job, waits for its end, and shows how far it is where somebody watches. */
import { setTimeout as pause } from 'node:timers/promises';
import { formatBytes, formatSpan } from '../lib/format.ts';
import type { Progress } from '../registry/admin/operations.ts';
import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** Milliseconds between two looks at a job. */
const POLL_INTERVAL = 250;
/** Milliseconds that a job may take before a bar is worth it. */
const BAR_AFTER = 2000;

interface Report {
  readonly state: 'running' | 'finished' | 'failed';
  readonly progress: Progress;
  readonly error: string | null;
}

/** What is to be done, and how it is called. */
export interface FollowOptions<R extends Report> {
  readonly label: string;
  readonly start: () => Promise<R>;
  readonly report: () => Promise<R | null>;
  readonly terminal: Terminal;
  /** Milliseconds, for tests. */
  readonly pollInterval?: number;
  readonly barAfter?: number;
}

interface Bar {
  show(progress: Progress): void;
  close(): void;
}

function amount(progress: Progress, count: number): string {
  return progress.unit === 'bytes' ? formatBytes(count) : String(count);
}

async function openBar(terminal: Terminal, label: string): Promise<Bar> {
  const { default: progressBars } = await import('cli-progress');
  const format = `${label} {bar} {percentage}%  {done} of {all}  {rate}/s  {left}`;
  // Cursor, line wrapping and signals are left alone: Ctrl-C ends the command at any moment, and the
  // terminal has to be as it was.
  const untouched = { hideCursor: false, linewrap: true, gracefulExit: false };
  const bar = new progressBars.SingleBar(
    {
      format,
      stream: terminal.errStream,
      clearOnComplete: true,
      fps: 8,
      barsize: 16,
      ...untouched,
    },
    progressBars.Presets.shades_classic,
  );
  const payload = (progress: Progress) => ({
    done: amount(progress, progress.done),
    all: progress.total === null ? '?' : amount(progress, progress.total),
    rate: amount(progress, Math.round(progress.ratePerSecond)),
    left: progress.etaSeconds === null ? '' : `${formatSpan(progress.etaSeconds)} to go`,
  });
  bar.start(1, 0, { done: '0', all: '?', rate: '0', left: '' });
  return {
    show(progress) {
      bar.setTotal(Math.max(progress.total ?? 0, progress.done, 1));
      bar.update(progress.done, payload(progress));
    },
    close: () => bar.stop(),
  };
}

/**
 * Starts a job and waits until it has ended.
 * @returns its last report
 * @throws CliError when the job fails
 */
export async function follow<R extends Report>(options: FollowOptions<R>): Promise<R> {
  const { label, terminal, pollInterval = POLL_INTERVAL, barAfter = BAR_AFTER } = options;
  const begin = performance.now();
  let report = await options.start();
  let bar: Bar | undefined;
  try {
    while (report.state === 'running') {
      const watched = terminal.errStream.isTTY === true;
      if (watched && performance.now() - begin >= barAfter) {
        bar ??= await openBar(terminal, label);
        bar.show(report.progress);
      }
      await pause(pollInterval);
      report = (await options.report()) ?? report;
    }
  } finally {
    bar?.close();
  }
  if (report.state === 'finished') return report;
  throw new CliError(`${label} failed: ${report.error ?? 'no reason given'}`, EXIT.failure);
}
