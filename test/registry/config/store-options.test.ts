import { describe, expect, it } from 'vitest';
import { storeOptions } from '../../../src/registry/config/store-options.ts';
import { DEFAULT_SETTINGS } from '../../../src/storage/context.ts';
import { loadText } from './support.ts';

describe('decisions 9: what the store is told', () => {
  it('is what it would do without configuration, where nothing is set', async () => {
    const { config } = await loadText('');
    const { inlineMax, ...settings } = DEFAULT_SETTINGS;
    expect(storeOptions(config)).toEqual({
      settings,
      collectEvery: 15 * 60_000,
      scrubPeriod: 14 * 86_400_000,
    });
  });

  it('is what is set', async () => {
    const { config } = await loadText(
      [
        'data: {reserve: 1MiB}',
        'uploads: {expire: 1h, max_size: 2MiB, max_sessions: off}',
        'deletes: {undo: off, protect_referenced: true}',
        'gc: {interval: off, lease: 0s, untagged_after: 30d}',
        'scrub: {period: off}',
      ].join('\n'),
    );
    expect(storeOptions(config)).toEqual({
      settings: {
        lease: 0,
        undo: 0,
        reserve: 2 ** 20,
        uploads: {
          expire: 3_600_000,
          maxSize: 2 ** 21,
          maxSessions: Number.POSITIVE_INFINITY,
        },
        protectReferenced: true,
        untaggedAfter: 30 * 86_400_000,
      },
      collectEvery: 0,
      scrubPeriod: 0,
    });
  });
});
