import { describe, expect, it } from 'vitest';
import { createTally } from '../../../src/registry/admin/tally.ts';

interface Round {
  finished?: number;
  dryRun?: boolean;
  blobs: number;
}

describe('the sum over rounds', () => {
  it('follows a running round and keeps what the one before came to', () => {
    let now: Round | undefined;
    const look = createTally(() => now, {
      fields: ['blobs'],
      counts: (round: Round) => round.dryRun !== true,
    });
    expect(look()).toEqual({ rounds: 0, sums: { blobs: 0 } });
    const first: Round = { blobs: 1 };
    now = first;
    expect(look()).toEqual({ rounds: 0, sums: { blobs: 1 } });
    // It goes on after the last look, and another one follows.
    first.blobs = 5;
    first.finished = 1;
    now = { blobs: 2 };
    expect(look()).toEqual({ rounds: 1, sums: { blobs: 7 } });
    now.finished = 2;
    expect(look()).toEqual({ rounds: 2, sums: { blobs: 7 } });
    expect(look()).toEqual({ rounds: 2, sums: { blobs: 7 } });
    now = { blobs: 100, dryRun: true, finished: 3 };
    expect(look()).toEqual({ rounds: 2, sums: { blobs: 7 } });
    now = { blobs: 1, finished: 4 };
    expect(look()).toEqual({ rounds: 3, sums: { blobs: 8 } });
  });
});
