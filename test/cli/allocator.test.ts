/** The limits of malloc, which a server has to be started with. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startServer } from '../support/server.ts';

/** Settings of malloc that a server runs with. */
async function settingsOf(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  await using server = await startServer({ env });
  const all = readFileSync(`/proc/${server.pid}/environ`, 'latin1').split('\0');
  return all.filter((line) => /^(MALLOC|GLIBC)_/.test(line)).sort();
}

describe.runIf(process.platform === 'linux')('the allocator of a server', () => {
  it('has fixed limits', async () => {
    expect(await settingsOf({})).toEqual([
      'MALLOC_ARENA_MAX=2',
      'MALLOC_MMAP_THRESHOLD_=4194304',
      'MALLOC_TRIM_THRESHOLD_=4194304',
    ]);
  });

  it('keeps to the number of arenas that somebody has set', async () => {
    expect(await settingsOf({ MALLOC_ARENA_MAX: '5' })).toContain('MALLOC_ARENA_MAX=5');
  });

  it.each(['MALLOC_MMAP_THRESHOLD_=65536', 'GLIBC_TUNABLES=glibc.malloc.arena_max=8'])(
    'is left alone with %s',
    async (setting) => {
      const at = setting.indexOf('=');
      const env = { [setting.slice(0, at)]: setting.slice(at + 1) };
      expect(await settingsOf(env)).toEqual([setting]);
    },
  );
});
