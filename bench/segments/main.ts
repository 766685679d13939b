/**
 * What the segment store costs beside writing and reading plain files: CPU time and wall time for each
 * GiB, in turns with a yardstick that does the least that could be done. See bench/README.md.
 *
 * node bench/segments/main.ts [--folder <folder>] [--mib 512] [--rounds 5]
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { openLmdbEngine } from '../../src/storage/kv/lmdb.ts';
import { openKeyValueStore } from '../../src/storage/kv/store.ts';
import { type Changes, change } from '../../src/storage/metadata/changes.ts';
import { openSegmentStore, type SegmentStore } from '../../src/storage/segments/store.ts';
import type { Placement } from '../../src/storage/segments/types.ts';
import { openFileSystemTarget } from '../../src/storage/target/file-system.ts';
import { median, seededRandom, shuffled } from '../registry/measure/statistics.ts';

const MIB = 1024 * 1024;
/** Bytes of a group, and groups that are written by one writer and entered in one transaction. */
const GROUP = 128 * 1024;
const BATCH = 256;
/** Groups of one transaction, and transactions, in the measurement of the index. */
const MANY = 5000;
const TRANSACTIONS = 200;

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: tmpdir() },
    mib: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '5' },
  },
});
const count = Math.floor((Number(values.mib) * MIB) / GROUP / BATCH) * BATCH;
const bytes = count * GROUP;
const groups = Array.from({ length: BATCH }, (_, i) => ({
  kind: i % 4,
  bytes: randomBytes(GROUP),
}));

/** One figure of one round: milliseconds for each GiB. */
interface Cost {
  readonly cpu: number;
  readonly wall: number;
}

const results = new Map<string, Cost[]>();

async function measure<T>(name: string, size: number, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const before = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(before);
  const gib = size / 1024 ** 3;
  const cost = { cpu: (user + system) / 1000 / gib, wall: (performance.now() - began) / gib };
  results.set(name, [...(results.get(name) ?? []), cost]);
  return value;
}

/** The yardsticks: a file written in large pieces and synced as often, and read in large pieces. */
async function writePlain(path: string): Promise<void> {
  const file = await open(path, 'w');
  for (let done = 0; done < count; done += BATCH) {
    for (let i = 0; i < BATCH; i += 8) {
      await file.writev(groups.slice(i, i + 8).map((group) => group.bytes));
    }
    await file.datasync();
  }
  await file.close();
}

async function readPlain(path: string): Promise<void> {
  const file = await open(path, 'r');
  const buffer = Buffer.allocUnsafeSlow(MIB);
  while ((await file.read(buffer, 0, MIB)).bytesRead > 0);
  await file.close();
}

async function append(store: SegmentStore, kv: ReturnType<typeof openKeyValueStore>) {
  const all: Placement[] = [];
  for (let done = 0; done < count; done += BATCH) {
    const writer = await store.begin();
    const placements = await writer.append(groups);
    await writer.sync();
    await change(kv, (changes) => store.addGroups(changes, placements));
    await writer.close();
    all.push(...placements);
  }
  return all;
}

async function round(folder: string, n: number): Promise<void> {
  const own = join(folder, String(n));
  await mkdir(own);
  const kv = openKeyValueStore(openLmdbEngine(join(own, 'index.mdb')));
  const store = await openSegmentStore({
    kv,
    openTarget: (allocate) => openFileSystemTarget({ root: join(own, 'segments'), allocate }),
  });
  const plain = join(own, 'plain');
  await measure('write: plain file', bytes, () => writePlain(plain));
  const placements = await measure('write: append, sync, enter', bytes, () => append(store, kv));
  const ids = placements.map(({ id }) => id);
  await measure('read: plain file', bytes, () => readPlain(plain));
  await measure('read: readMany in order', bytes, async () => {
    for await (const group of store.readMany(ids))
      if (group.bytes.length !== GROUP) throw new Error();
  });
  const order = shuffled(ids, seededRandom(n));
  await measure('read: read, one by one at random', bytes, async () => {
    for (const id of order) await store.read(id);
  });
  await change(kv, (changes) =>
    store.releaseGroups(
      changes,
      ids.filter((_, i) => i % 2 === 0),
    ),
  );
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const report = await measure('compaction of the half that is alive', bytes / 2, () =>
    store.compact(),
  );
  delay.disable();
  // The last segment may hold a few groups only, and be alive enough.
  if (report.groups < count * 0.45) throw new Error('compaction did not move what it should');
  console.log(`round ${n}: longest stall in compaction ${(delay.max / 1e6).toFixed(0)} ms`);
  await store.close();
  await kv.close();
  await rm(own, { recursive: true });
}

/** How long transactions about many groups keep the thread, and what a group takes in the database. */
async function measureIndex(folder: string): Promise<void> {
  const index = join(folder, 'many.mdb');
  const kv = openKeyValueStore(openLmdbEngine(index));
  const store = await openSegmentStore({
    kv,
    openTarget: (allocate) => openFileSystemTarget({ root: join(folder, 'many'), allocate }),
  });
  async function timed(name: string, work: (changes: Changes) => void): Promise<void> {
    const began = performance.now();
    const done = change(kv, work);
    // What has run by now ran on this thread, in one go.
    const cpu = performance.now() - began;
    await done;
    results.set(name, [...(results.get(name) ?? []), { cpu, wall: performance.now() - began }]);
  }
  const all: Placement[][] = [];
  const sizes: number[] = [];
  for (let i = 0; i < TRANSACTIONS; i++) {
    const writer = await store.begin();
    const small = Array.from({ length: MANY }, () => ({ kind: 0, bytes: randomBytes(16) }));
    const placements = await writer.append(small);
    await writer.sync();
    await timed(`enter ${MANY} groups`, (changes) => store.addGroups(changes, placements));
    await writer.close();
    all.push(placements);
    sizes.push((await stat(index)).size);
  }
  // The first half also pays for the room that the database keeps ahead of commits of this size.
  const [half, end] = [sizes[TRANSACTIONS / 2 - 1]!, sizes.at(-1)!];
  const each = (end - half) / (MANY * (TRANSACTIONS / 2));
  console.log(`a group takes ${each.toFixed(0)} bytes in the database`);
  for (const placements of all) {
    const ids = placements.map(({ id }) => id);
    await timed(`let ${MANY} groups go`, (changes) => store.releaseGroups(changes, ids));
  }
  await store.close();
  await kv.close();
}

const folder = await mkdtemp(join(values.folder, 'segments-'));
try {
  console.log(
    `${count} groups of ${GROUP / 1024} KiB, ${values.rounds} rounds after one to warm up`,
  );
  await round(folder, 0);
  results.clear();
  for (let n = 1; n <= Number(values.rounds); n++) await round(folder, n);
  console.log('| medians, for 1 GiB | CPU ms | wall ms |\n| --- | --- | --- |');
  for (const [name, costs] of results) {
    const [cpu, wall] = [costs.map((cost) => cost.cpu), costs.map((cost) => cost.wall)];
    console.log(`| ${name} | ${median(cpu).toFixed(0)} | ${median(wall).toFixed(0)} |`);
  }
  results.clear();
  await measureIndex(folder);
  console.log(
    '| medians, for one transaction | ms in one go | ms until durable |\n| --- | --- | --- |',
  );
  for (const [name, costs] of results) {
    const [cpu, wall] = [costs.map((cost) => cost.cpu), costs.map((cost) => cost.wall)];
    console.log(`| ${name} | ${median(cpu).toFixed(1)} | ${median(wall).toFixed(0)} |`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
