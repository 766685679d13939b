import { describe, expect, it } from 'vitest';
import type {
  CollectionReport,
  DedupReport,
  ScrubReport,
} from '../../src/registry/admin/operations.ts';
import {
  COLLECTION,
  createFakeOperations,
  type FakeContents,
  fakeDigest,
  SCRUB,
  UNDO,
} from '../registry/admin/fake-operations.ts';
import { serveAdmin } from '../registry/admin/serve-admin.ts';
import { STATUS } from '../registry/observe/figures.ts';
import { type CliResult, cli, type FakeTerminalOptions } from './support.ts';

const CONTENTS: FakeContents = { repositories: { 'team/app': ['v1', 'v2'], 'team/lib': ['v1'] } };

/** Runs a command line against a server of its own. */
async function against(
  contents: FakeContents,
  args: readonly string[],
  options: FakeTerminalOptions = {},
): Promise<CliResult & { readonly calls: readonly string[] }> {
  const operations = createFakeOperations(contents);
  await using server = await serveAdmin(operations);
  const result = await cli([...args, '--server', server.url], options);
  return { ...result, calls: operations.calls };
}

describe('stowage status', () => {
  it('shows what matters', async () => {
    const { code, out, err } = await against({}, ['status']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^place +http:\/\/127\.0\.0\.1:\d+$/m);
    expect(out).toMatch(/^version +1\.2\.3, format 2$/m);
    expect(out).toMatch(/^up +1 d 1 h, since 2026-01-02 03:04:05Z$/m);
    expect(out).toMatch(/^blobs +14 \(14\.3 MiB\)$/m);
    expect(out).toMatch(/^space +37\.3 GiB free of 93\.1 GiB, reserve 1\.00 GiB$/m);
    expect(out).toMatch(
      /^collector +21 rounds, 22 blobs removed \(22\.5 KiB\); last finished at /m,
    );
    expect(out).toMatch(/^scrub +31 blobs checked \(31\.3 KiB\), 1 in quarantine$/m);
    expect(out).toMatch(/^dedup +105 layers taken apart, 54 queued, ratio 1\.69; working$/m);
  });

  it('shouts when pushes are refused', async () => {
    const space = { ...STATUS.space, freeBytes: 1000, pushesRefused: true };
    const { out } = await against({ status: { space } }, ['status']);
    expect(out).toMatch(/1000 B free .* PUSHES ARE REFUSED/);
  });

  it('prints the whole answer as JSON', async () => {
    const { out } = await against({}, ['status', '--json']);
    expect(JSON.parse(out)).toEqual(STATUS);
  });
});

describe('stowage repos', () => {
  it.each([[['repos']], [['repos', 'list']]])('%j lists', async (args) => {
    const { code, out } = await against(CONTENTS, args);
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'REPOSITORY  TAGS  MANIFESTS',
      'team/app       2          2',
      'team/lib       1          1',
      '',
    ]);
  });

  it('lists more than a page', async () => {
    const names = Array.from({ length: 2500 }, (_, i) => `r${String(i).padStart(4, '0')}`);
    const repositories = Object.fromEntries(names.map((name) => [name, []]));
    const { out } = await against({ repositories }, ['repos', '--json']);
    expect(JSON.parse(out).map(({ name }: { name: string }) => name)).toEqual(names);
  });

  it('deletes with --yes', async () => {
    const args = ['repos', 'delete', 'team/app', '--yes'];
    const { code, out, calls } = await against(CONTENTS, args);
    expect(code).toBe(0);
    expect(calls).toEqual(['deleteRepository team/app']);
    expect(out).toBe(
      'deleted team/app: 2 tags, 2 manifests; can be restored until 2026-01-03 03:04:05Z\n',
    );
  });

  it('asks at a terminal, and takes no for an answer', async () => {
    const args = ['repos', 'delete', 'team/app'];
    const no = await against(CONTENTS, args, { typed: ['n\n'] });
    expect([no.code, no.calls]).toEqual([1, []]);
    expect(no.err).toContain('Delete everything in team/app at http://127.0.0.1:');
    const yes = await against(CONTENTS, args, { typed: ['yes\n'] });
    expect([yes.code, yes.calls]).toEqual([0, ['deleteRepository team/app']]);
  });

  it('does nothing where nobody can be asked', async () => {
    const { code, err, calls } = await against(CONTENTS, ['repos', 'delete', 'team/app']);
    expect([code, calls]).toEqual([2, []]);
    expect(err).toContain('hint: add --yes');
  });

  it('ends with 5 when there is no such repository', async () => {
    const { code, err } = await against(CONTENTS, ['repos', 'delete', 'no/such', '-y']);
    expect(code).toBe(5);
    expect(err).toBe(
      'stowage: repository name not known to registry\n  hint: stowage repos lists what there is\n',
    );
  });
});

describe('stowage tags', () => {
  it.each([[['tags', 'team/app']], [['tags', 'list', 'team/app']]])('%j lists', async (args) => {
    const { out } = await against(CONTENTS, args);
    expect(out.split('\n')[1]).toBe(`v1   ${fakeDigest(1)}    1000 B  2026-01-02 03:04:05Z`);
    expect(out.split('\n')).toHaveLength(4);
  });

  it('lists as JSON', async () => {
    const { out } = await against(CONTENTS, ['tags', 'team/lib', '--json']);
    expect(JSON.parse(out)).toMatchObject([{ name: 'v1', digest: fakeDigest(3) }]);
  });

  it('deletes tags and manifests', async () => {
    const tag = await against(CONTENTS, ['tags', 'delete', 'team/app:v1']);
    expect(tag.calls).toEqual(['deleteTag team/app v1']);
    const args = ['tags', 'delete', `team/app@${fakeDigest(2)}`, '--json'];
    const manifest = await against(CONTENTS, args);
    expect(manifest.calls).toEqual([`deleteManifest team/app ${fakeDigest(2)}`]);
    expect(JSON.parse(manifest.out)).toMatchObject({ tags: 1, manifests: 1 });
  });

  it('shows and restores what was deleted', async () => {
    const operations = createFakeOperations(CONTENTS);
    await operations.deleteTag('team/app', 'v1');
    await using server = await serveAdmin(operations);
    const deleted = await cli(['tags', 'deleted', 'team/app', '-s', server.url]);
    expect(deleted.out.split('\n')[1]).toMatch(/^tag +v1 +sha256:0+1 +2026-01-02 03:04:05Z/);
    const restored = await cli(['tags', 'restore', 'team/app:v1', '-s', server.url]);
    expect(restored.out).toBe('restored team/app:v1: 1 tag, 1 manifest\n');
    const json = await cli(['tags', 'deleted', 'team/app', '-s', server.url, '--json']);
    expect(JSON.parse(json.out)).toMatchObject([{ kind: 'tag', reference: 'v1' }]);
  });

  it.each([
    'team/app',
    'team/app:',
    ':v1',
    'Team/app:v1',
    'team/app@sha256:00',
    'localhost:5000/team/app:v1',
  ])('refuses %j', async (reference) => {
    const { code, err, calls } = await against(CONTENTS, ['tags', 'delete', reference]);
    expect([code, calls]).toEqual([2, []]);
    expect(err).toContain('names no tag or manifest');
  });
});

function running<R>(report: R, done: number): R {
  const progress = { unit: 'bytes', done, total: 6000, ratePerSecond: 2000, etaSeconds: 2 };
  return { ...report, state: 'running', finishedAt: null, progress };
}

describe('decisions 9: stowage gc', () => {
  it('shows the last round, or that there was none', async () => {
    const none = await against({}, ['gc']);
    expect(none).toMatchObject({ code: 0, out: 'the collector has not run yet\n', calls: [] });
    expect((await against({}, ['gc', '--json'])).out).toBe('null\n');
  });

  it('runs a round with --now and waits for its end', async () => {
    const collection = [running(COLLECTION, 0), running(COLLECTION, 3000), COLLECTION];
    const { code, out, err, calls } = await against({ collection }, ['gc', '--now']);
    expect([code, err]).toEqual([0, '']);
    expect(calls).toEqual(['collection.start {"dryRun":false}']);
    expect(out).toBe(
      'finished at 2026-01-02 03:04:09Z\n2 blobs (2.00 KiB), 1 manifest, 0 uploads, 0 repositories, 0 recipes removed\n',
    );
  });

  it('only counts with --dry-run', async () => {
    const collection = [{ ...COLLECTION, dryRun: true }];
    const { out, calls } = await against({ collection }, ['gc', '--dry-run']);
    expect(calls).toEqual(['collection.start {"dryRun":true}']);
    expect(out).toContain('would be removed');
  });

  it('ends with 1 when the round fails', async () => {
    const failed: CollectionReport = { ...COLLECTION, state: 'failed', error: 'disk full' };
    const { code, err } = await against({ collection: [failed] }, ['gc', '--now']);
    expect([code, err]).toEqual([1, 'stowage: Collecting failed: disk full\n']);
  });
});

describe('decisions 9: stowage scrub', () => {
  it('checks everything with --now', async () => {
    const { code, out } = await against({}, ['scrub', '--now']);
    expect(code).toBe(0);
    expect(out).toBe('finished at 2026-01-02 03:05:05Z\n14 blobs checked (5.86 KiB), 0 damaged\n');
  });

  it('ends with 6 while something is in quarantine, and says what to do', async () => {
    const quarantine = [{ digest: fakeDigest(1), reason: 'short\u001b', at: SCRUB.startedAt }];
    const damaged: ScrubReport = { ...SCRUB, damagedBlobs: 1, quarantine };
    const { code, out } = await against({ scrub: [damaged] }, ['scrub', '--now']);
    expect(code).toBe(6);
    expect(out).toContain('1 damaged\nin quarantine, until the images that need them are pushed');
    expect(out).toContain(`  ${fakeDigest(1)}  short\\u{1b}\n`);
    const json = await against({ scrub: [damaged] }, ['scrub', '--now', '--json']);
    expect(json.code).toBe(6);
    expect(JSON.parse(json.out)).toEqual(damaged);
  });
});

describe('stowage dedup', () => {
  const idle: DedupReport = {
    ...STATUS.dedup,
    state: 'idle',
    layers: { ...STATUS.dedup.layers, queued: 2, retrying: 2 },
  };
  const working: DedupReport = {
    ...STATUS.dedup,
    layers: { ...STATUS.dedup.layers, queued: 9, retrying: 2 },
  };

  it('report shows what it comes to', async () => {
    const { code, out } = await against({}, ['dedup', 'report']);
    expect(code).toBe(0);
    expect(out).toMatch(/^policy +dedup$/m);
    expect(out).toMatch(/^logical +14\.3 MiB$/m);
    expect(out).toMatch(/^taken apart +4\.56 MiB$/m);
    expect(out).toMatch(/^ {2}patches +420 KiB$/m);
    expect(out).toMatch(/^ratio +1\.69$/m);
    expect(out).toMatch(/^blobs +51 intact, 52 both, 53 as recipes only$/m);
    expect(out).toMatch(/^queue +54 layers, 55 to be tried again$/m);
    expect(out).toMatch(
      /^refused +61 no gzip or tar, 66 zstd, 62 broken, 63 by structure, 64 not worth it, 65 /m,
    );
    expect(out).toMatch(/^restored +74 times .*77 broken off$/m);
  });

  it('report prints the whole answer as JSON', async () => {
    const { out } = await against({}, ['dedup', 'report', '--json']);
    expect(JSON.parse(out)).toEqual(STATUS.dedup);
  });

  it('wait waits until nothing is left but what is tried again later', async () => {
    const dedup = [working, working, idle];
    const { code, out } = await against({ dedup }, ['dedup', 'wait', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(idle);
  });

  it.each([
    ['paused' as const, 'free space is below the reserve'],
    ['idle' as const, 'no server runs'],
  ])('wait fails where nobody works: %s', async (state, message) => {
    const { code, err } = await against({ dedup: [{ ...working, state }] }, ['dedup', 'wait']);
    expect(code).toBe(1);
    expect(err).toContain(message);
  });

  it('undo writes back and tells what it did', async () => {
    const { code, out, calls } = await against({}, ['dedup', 'undo']);
    expect(code).toBe(0);
    expect(out).toBe('3 layers as pushed again (6.84 KiB written)\n');
    expect(calls).toEqual(['undo.start {}']);
  });

  it('undo fails when the registry does', async () => {
    const undo = [{ ...UNDO, state: 'failed' as const, error: 'free space is below the reserve' }];
    const { code, err } = await against({ undo }, ['dedup', 'undo']);
    expect(code).toBe(1);
    expect(err).toContain('free space is below the reserve');
  });
});
