/** What answers say about pulls that are left, in whatever order they are read. */
import { expect, test } from 'vitest';
import { RateLimitError } from '../../../../src/analysis/sources/registry/errors.ts';
import { DEFAULT_PATIENCE } from '../../../../src/analysis/sources/registry/patience.ts';
import { createPullGate } from '../../../../src/analysis/sources/registry/pull-gate.ts';

const PATIENCE = { ...DEFAULT_PATIENCE, firstPause: 1, longestWait: 1000 };
const left = (count: number) => ({
  'ratelimit-limit': '9;w=1',
  'ratelimit-remaining': `${count};w=1`,
});
const never = new AbortController().signal;

test('an answer that is older than a pull does not raise what is left', () => {
  const gate = createPullGate('host', PATIENCE);
  gate.answered(gate.sent(false), left(1));
  const head = gate.sent(false);
  const pull = gate.sent(true);
  expect(gate.limits?.remaining).toBe(0);
  gate.answered(pull, left(0));
  gate.answered(head, left(1));
  expect(gate.limits?.remaining).toBe(0);
  gate.answered(gate.sent(false), left(5));
  expect(gate.limits?.remaining).toBe(5);
});

test('nor does one that was sent beside the pull', () => {
  const gate = createPullGate('host', PATIENCE);
  gate.answered(gate.sent(false), left(1));
  const pull = gate.sent(true);
  const head = gate.sent(false);
  gate.answered(pull, left(0));
  gate.answered(head, left(1));
  expect(gate.limits?.remaining).toBe(0);
});

test('a pull that fails without an answer counts; pulls go one by one and wait until some are left', async () => {
  const gate = createPullGate('host', PATIENCE);
  gate.answered(gate.sent(false), left(1));
  let probes = 0;
  const probe = async (): Promise<void> => {
    gate.answered(gate.sent(false), left(++probes < 3 ? 0 : 1));
  };
  let running = 0;
  const pull = async (ready: () => Promise<void>): Promise<number> => {
    await ready();
    expect(++running).toBe(1);
    gate.sent(true);
    await Promise.resolve();
    running--;
    throw new Error('cut');
  };
  const results = await Promise.allSettled([
    gate.run(pull, probe, never),
    gate.run(pull, probe, never),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(probes).toBe(3);
});

test('who would wait too long is told', async () => {
  const gate = createPullGate('host', { ...PATIENCE, longestWait: 60 });
  gate.answered(gate.sent(false), left(0));
  await expect(
    gate.run(
      (ready) => ready(),
      async () => {},
      never,
    ),
  ).rejects.toThrow(RateLimitError);
});
