/**
 * Which code an execution went through: V8's precise coverage of blocks, with counts. A feature is a
 * block and how often it ran, in powers of two, as in AFL (M. Zalewski, "Technical details", 1).
 */
import { type Profiler, Session } from 'node:inspector';

const MOST = 12;

/** Coverage of this thread, as far as a target is interested. */
export class CoverageMeter {
  readonly #session = new Session();
  readonly #covers: (url: string) => boolean;
  readonly #seen = new Set<string>();

  /** @param covers - whether the script of an address counts */
  constructor(covers: (url: string) => boolean) {
    this.#covers = covers;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Features so far. */
  get size(): number {
    return this.#seen.size;
  }

  /** Looks at what ran since the last look. @returns whether there was something new */
  look(): boolean {
    const before = this.#seen.size;
    for (const { url, functions } of this.#take()) {
      if (!this.#covers(url)) continue;
      for (const { ranges } of functions) for (const range of ranges) this.#note(url, range);
    }
    return this.#seen.size > before;
  }

  close(): void {
    this.#session.disconnect();
  }

  #take(): readonly Profiler.ScriptCoverage[] {
    let result: readonly Profiler.ScriptCoverage[] = [];
    // A session on its own thread answers at once.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error;
      result = answer.result;
    });
    return result;
  }

  #note(url: string, { startOffset, endOffset, count }: Profiler.CoverageRange): void {
    if (count === 0) return;
    const times = Math.min(MOST, Math.floor(Math.log2(count)));
    this.#seen.add(`${url} ${startOffset} ${endOffset} ${times}`);
  }
}
