/** A reporter of vitest that leaves the outcome of a run in a file, for scripts/check.ts. */
import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** Names the file, in the environment of vitest. */
export const OUTCOME_FILE = 'STOWAGE_OUTCOME_FILE';

/** How many tests ended which way. */
export interface Outcome {
  readonly passed: number;
  readonly skipped: number;
  /** A line for each that failed: its name and what it said. */
  readonly failures: readonly string[];
}

function lineOf(name: string, errors: readonly SerializedError[]): string {
  const [message = 'no error told'] = (errors[0]?.message ?? '').split('\n').filter(Boolean);
  return `${name}: ${message}`;
}

function outcomeOf(modules: readonly TestModule[], errors: readonly SerializedError[]): Outcome {
  let passed = 0;
  let skipped = 0;
  const failures = errors.map((error) => lineOf('outside of the tests', [error]));
  for (const module of modules) {
    const before = failures.length;
    for (const test of module.children.allTests()) {
      const { state, errors: own } = test.result();
      if (state === 'passed') passed++;
      else if (state === 'failed') {
        failures.push(lineOf(`${module.relativeModuleId} > ${test.fullName}`, own));
      } else skipped++;
    }
    // A file that cannot be imported or set up fails without a test that does.
    if (failures.length === before && module.state() === 'failed') {
      failures.push(lineOf(module.relativeModuleId, module.errors()));
    }
  }
  return { passed, skipped, failures };
}

/** Vitest loads it by path and makes one. */
export default class OutcomeReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const file = process.env[OUTCOME_FILE];
    if (file !== undefined) writeFileSync(file, JSON.stringify(outcomeOf(modules, errors)));
  }
}
