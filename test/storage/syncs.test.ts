import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readTrace, straceTo } from '../faults/sync-trace.ts';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith, requireTool } from '../support/tools.ts';

const STRACE = await requireTool('strace', 'strace');
const PUSH_ONCE = fileURLToPath(import.meta.resolve('./support/push-once.ts'));

/** The threads that made the syncs between the two marks: by calls, and by writes to O_DSYNC files. */
function findSyncs(trace: string): string[] {
  const writeThrough = new Set<string>();
  const threads: string[] = [];
  let isCounting = false;
  for (const line of trace.split('\n')) {
    const opened = /openat\(.*O_DSYNC.*= (\d+)$/.exec(line);
    if (opened !== null) writeThrough.add(opened[1]!);
    if (line.includes('write(1, "BEGIN')) isCounting = true;
    if (line.includes('write(1, "END')) isCounting = false;
    if (!isCounting) continue;
    const call = /^(\d+) +(fsync|fdatasync|pwrite64|pwritev2?|write)\((\d+)/.exec(line);
    const [, thread = '', name = '', fd = ''] = call ?? [];
    if (name.endsWith('sync') || writeThrough.has(fd)) threads.push(thread);
  }
  return threads;
}

describeWith([STRACE], 'decisions 2: syncs of a push, none of them on the serving thread', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await makeTemporary('syncs');
  });
  afterEach(() => removeTemporary(folder));

  /** Runs the program under strace; returns the threads that made its syncs. */
  async function syncsOf(what: string): Promise<string[]> {
    const data = join(folder, randomUUID());
    const trace = `${data}.trace`;
    const calls = 'trace=openat,fsync,fdatasync,write,pwrite64,pwritev,pwritev2';
    const program = [process.execPath, PUSH_ONCE, data, what];
    await run(STRACE.path, ['-f', '-o', trace, '-e', calls, ...program]);
    const lines = await readFile(trace, 'utf8');
    const threads = findSyncs(lines);
    // One commit at least: else the counting is wrong, or nothing is durable.
    expect(threads.length).toBeGreaterThanOrEqual(2);
    const [servingThread] = lines.split(' ');
    expect(threads).not.toContain(servingThread);
    return threads;
  }

  it.each([
    ['a small blob', 'small', 2],
    ['a blob of 1 MiB', 'blob', 3],
    ['an image of two layers, one after the other', 'image', 10],
  ])('%s', async (_, what, most) => {
    expect((await syncsOf(what)).length).toBeLessThanOrEqual(most);
  });

  it('an image whose layers come together', async () => {
    // Whether two pushes share a commit is a matter of moments; not every time they just miss it.
    const counts: number[] = [];
    while (counts.length < 10 && !counts.some((count) => count <= 8)) {
      counts.push((await syncsOf('together')).length);
    }
    expect(Math.min(...counts)).toBeLessThanOrEqual(8);
    expect(Math.max(...counts)).toBeLessThanOrEqual(10);
  });
});

describeWith([STRACE], 'decisions 2: folders', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await makeTemporary('folders');
  });
  afterEach(() => removeTemporary(folder));

  /** What was synced, in order, while a data directory was made and pushed to. */
  async function syncedBy(data: string): Promise<string[]> {
    const trace = join(folder, 'trace');
    const [, ...options] = straceTo(trace);
    await run(STRACE.path, [...options, process.execPath, PUSH_ONCE, data, 'blob']);
    const events = await readTrace(trace);
    return events.flatMap((event) => (event.kind === 'sync' ? [event.path] : []));
  }

  it('that were made for a new data directory are there after power loss', async () => {
    const synced = await syncedBy(join(folder, 'made', 'too', 'data'));
    const folders = ['', 'made', 'made/too', 'made/too/data', 'made/too/data/metadata'];
    expect(synced).toEqual(expect.arrayContaining(folders.map((path) => join(folder, path))));
  });

  it('have the entry of a file durably before the file holds a blob', async () => {
    const data = join(folder, 'data');
    const synced = await syncedBy(data);
    const blobs = join(data, 'blobs');
    const isBlob = (path: string): boolean => path.startsWith(`${blobs}/00000/`);
    expect(synced.filter(isBlob).length).toBeGreaterThanOrEqual(2);
    const before = synced.slice(0, synced.findIndex(isBlob));
    expect(before).toEqual(expect.arrayContaining([blobs, `${blobs}/00000`]));
    // None of them costs a sync of its folder.
    expect(synced.filter((path) => path === `${blobs}/00000`)).toHaveLength(1);
  });
});
