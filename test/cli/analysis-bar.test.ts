import { afterEach, describe, expect, it, vi } from 'vitest';
import { openAnalysisBar } from '../../src/cli/analysis-bar.ts';
import { fakeTerminal } from './support.ts';

const MIB = 1024 * 1024;
const PROGRESS = {
  images: 2,
  layersFound: 10,
  layersDone: 3,
  layersFailed: 0,
  bytesRead: 60 * MIB,
  bytesFound: 240 * MIB,
  bytesUnpacked: 0,
  entries: 0,
};

/** Shows progress at some seconds after the begin. */
function showAt(terminal: ReturnType<typeof fakeTerminal>, seconds: readonly number[]) {
  const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
  const bar = openAnalysisBar(terminal);
  for (const second of seconds) {
    now.mockReturnValue(1000 + second * 1000);
    bar.show('collecting', PROGRESS);
  }
  now.mockRestore();
  bar.close();
  return terminal.output.err;
}

afterEach(() => void vi.restoreAllMocks());

describe('progress of an analysis', () => {
  it('is a bar at a terminal, once the work is long', () => {
    expect(showAt(fakeTerminal({ typed: [] }), [1])).toBe('');
    const shown = showAt(fakeTerminal({ typed: [] }), [1, 30]);
    expect(shown).toMatch(/reading .*60\.0 MiB of 240 MiB {2}3\/10 layers {2}2\.00 MiB\/s/);
  });

  it('is a line each half minute in a log', () => {
    const lines = showAt(fakeTerminal(), [1, 29, 30, 31, 59, 60]);
    expect(lines).toBe(
      'reading: 60.0 MiB of 240 MiB, 3/10 layers, 2.00 MiB/s, 1 min 30 s to go\n' +
        'reading: 60.0 MiB of 240 MiB, 3/10 layers, 1.00 MiB/s, 3 min to go\n',
    );
  });
});
