/** A reporter of vitest that leaves the counts of a run in a file, for scripts/check.ts. */
import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** Names the file, in the environment of vitest. */
export const COUNTS_FILE = 'STOWAGE_COUNTS_FILE';

/** How many tests ended which way. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

function count(modules: readonly TestModule[], errors: readonly SerializedError[]): Counts {
  const counts = { passed: 0, failed: errors.length, skipped: 0 };
  for (const module of modules) {
    let failed = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') counts.passed++;
      else if (state === 'failed') failed++;
      else counts.skipped++;
    }
    // A file that cannot be imported or set up fails without a test that does.
    if (failed === 0 && module.state() === 'failed') failed = 1;
    counts.failed += failed;
  }
  return counts;
}

/** Vitest loads it by path and makes one. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const file = process.env[COUNTS_FILE];
    if (file !== undefined) writeFileSync(file, JSON.stringify(count(modules, errors)));
  }
}
