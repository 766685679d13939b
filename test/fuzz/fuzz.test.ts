/** The fuzzer finds what was put there to be found, and does not find anything where it should not. */
import { describe, expect, it } from 'vitest';
import { runFuzz } from './run.ts';
import { TARGETS, type TargetName } from './targets.ts';

const planted = new URL('./planted.ts', import.meta.url).href;
const timeout = 60_000;

describe('the fuzzer', () => {
  it('finds its way to mistakes that chance alone does not reach', { timeout }, async () => {
    const options = { module: planted, seed: 1, executions: 30_000, patience: 2000 };
    const { findings, result } = await runFuzz(options);
    expect(findings.map(({ kind }) => kind)).toEqual(['crash', 'hang']);
    expect(findings[0]!.message).toContain('planted');
    const depths = findings.map(({ input }) =>
      [...input[0]!.subarray(0, 4)].map((byte) => byte & 15),
    );
    expect(depths).toEqual([
      [6, 5, 10, 10],
      [6, 5, 10, 1],
    ]);
    // The search ends with what hangs.
    expect(result).toBeUndefined();
  });

  it('does the same again with the same seed', { timeout }, async () => {
    const once = () => runFuzz({ module: TARGETS.tar, seed: 3, executions: 300 });
    expect(await once()).toEqual(await once());
  });
});

describe('ten seconds of fuzzing', () => {
  it.each(Object.keys(TARGETS) as TargetName[])('%s', { timeout }, async (name) => {
    const { findings, result } = await runFuzz({ module: TARGETS[name], seed: 1, time: 10_000 });
    expect(findings).toEqual([]);
    expect(result!.features).toBeGreaterThan(result!.seedFeatures);
  });
});
