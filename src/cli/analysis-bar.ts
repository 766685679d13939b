/** Shows how far an analysis is: as a bar where somebody watches, as a line now and then in a log. */
import progressBars from 'cli-progress';
import type { AnalysisPhase } from '../analysis/run/analyze.ts';
import type { CollectProgress } from '../analysis/run/collect.ts';
import { formatBytes, formatSpan } from '../lib/format.ts';
import type { Terminal } from './terminal.ts';

/** Milliseconds that it may take before a bar is worth it. */
const BAR_AFTER = 2000;
/** Milliseconds between the lines of a log. */
const LINE_EACH = 30_000;

/** A bar that is drawn when it is worth it. */
export interface AnalysisBar {
  readonly show: (phase: AnalysisPhase, progress: Readonly<CollectProgress>) => void;
  close(): void;
}

/** What a bar or a line says. */
function wordsOf(
  phase: AnalysisPhase,
  { bytesRead, bytesFound, layersDone, layersFound }: Readonly<CollectProgress>,
  seconds: number,
) {
  const rate = bytesRead / seconds;
  const left = rate === 0 ? 0 : (bytesFound - bytesRead) / rate;
  return {
    what: phase === 'collecting' ? 'reading' : 'computing',
    done: formatBytes(bytesRead),
    all: formatBytes(Math.max(bytesFound, bytesRead)),
    layers: `${layersDone}/${layersFound}`,
    rate: formatBytes(Math.round(rate)),
    // Sources are listed while they are read, so there may be more to come.
    left: phase === 'collecting' && left > 0 ? `${formatSpan(left)} to go` : '',
  };
}

/** Lines for a log, where nobody sees a bar. */
function openLines(terminal: Terminal): AnalysisBar {
  const began = performance.now();
  let last = began;
  return {
    show(phase, progress) {
      const now = performance.now();
      if (now - last < LINE_EACH) return;
      last = now;
      const { what, done, all, layers, rate, left } = wordsOf(
        phase,
        progress,
        (now - began) / 1000,
      );
      const rest = left === '' ? '' : `, ${left}`;
      terminal.err(`${what}: ${done} of ${all}, ${layers} layers, ${rate}/s${rest}\n`);
    },
    close: () => undefined,
  };
}

/** Begins. */
export function openAnalysisBar(terminal: Terminal): AnalysisBar {
  if (terminal.errStream.isTTY !== true) return openLines(terminal);
  const began = performance.now();
  let bar: progressBars.SingleBar | undefined;

  function draw(): progressBars.SingleBar {
    const one = new progressBars.SingleBar(
      {
        format: '{what} {bar} {done} of {all}  {layers} layers  {rate}/s  {left}',
        stream: terminal.errStream,
        clearOnComplete: true,
        fps: 8,
        barsize: 16,
        hideCursor: false,
        linewrap: true,
        gracefulExit: false,
      },
      progressBars.Presets.shades_classic,
    );
    one.start(1, 0, { what: '', done: '', all: '', layers: '', rate: '', left: '' });
    return one;
  }

  return {
    show(phase, progress) {
      const { bytesRead, bytesFound } = progress;
      const seconds = (performance.now() - began) / 1000;
      if (seconds * 1000 < BAR_AFTER) return;
      bar ??= draw();
      bar.setTotal(Math.max(bytesFound, bytesRead, 1));
      bar.update(bytesRead, wordsOf(phase, progress, seconds));
    },
    close: () => bar?.stop(),
  };
}
