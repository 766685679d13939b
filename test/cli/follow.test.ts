import { describe, expect, it } from 'vitest';
import { follow } from '../../src/cli/follow.ts';
import { SCRUB } from '../registry/admin/fake-operations.ts';
import { fakeTerminal } from './support.ts';

const RUNNING = {
  ...SCRUB,
  state: 'running' as const,
  finishedAt: null,
  progress: { unit: 'bytes' as const, done: 3072, total: 6144, ratePerSecond: 1024, etaSeconds: 3 },
};

function job(rounds: number, terminal: ReturnType<typeof fakeTerminal>, barAfter: number) {
  let left = rounds;
  return follow({
    label: 'Checking',
    start: async () => RUNNING,
    report: async () => (left-- > 0 ? RUNNING : SCRUB),
    terminal,
    pollInterval: 40,
    barAfter,
  });
}

describe('progress of long work', () => {
  it('is shown at a terminal once the work is long, and leaves it as it was', async () => {
    const terminal = fakeTerminal({ typed: [] });
    expect(await job(4, terminal, 0)).toEqual(SCRUB);
    expect(terminal.output.err).toContain('Checking');
    expect(terminal.output.err).toContain('50%  3.00 KiB of 6.00 KiB  1.00 KiB/s  3.0 s to go');
    expect(terminal.output.err).not.toContain('\u001b[?');
  });

  it('is not shown while the work is short', async () => {
    const terminal = fakeTerminal({ typed: [] });
    await job(3, terminal, 60_000);
    expect(terminal.output.err).toBe('');
  });

  it('is not shown where nobody watches', async () => {
    const terminal = fakeTerminal();
    await job(3, terminal, 0);
    expect(terminal.output.err).toBe('');
  });
});
