/**
 * The memory run: many pulls and pushes of 1 GiB together, while the server's memory is sampled. The
 * pulls share one blob; each push sends other bytes, made while they are sent.
 */
import { parseArgs } from 'node:util';
import { FIXTURE_REPOSITORY } from '../fixture.ts';
import { openClient, pushStream } from '../load/client.ts';
import { type Load, startLoad } from '../load/process.ts';
import type { RunResult, Work } from '../load/protocol.ts';
import { uniqueStream } from '../load/stream.ts';
import { describeMachine } from '../measure/machine.ts';
import {
  cpuMillisecondsOf,
  type Memory,
  memoryOf,
  processesOf,
  sampleMemory,
} from '../measure/process.ts';
import { requireSpace } from '../measure/storage.ts';
import { type Column, figure, formatTable } from '../report/table.ts';
import { writeReport } from '../report/write.ts';
import { startRoster } from '../servers/roster.ts';
import { blame, type Target } from '../servers/types.ts';
import { COMMON_OPTIONS, countOf, peersOf, serversOf } from './options.ts';

const MIB = 2 ** 20;
const SAMPLE_MS = 20;
/** Bytes of memory that Stowage may hold. */
const GOAL_BYTES = 200e6;

export const MEMORY_HELP = `node bench/registry/main.ts memory [options]
  Peak memory under pulls and pushes of large blobs, all at the same time.
  --transfers N       pulls, and as many pushes (default 16; with --quick 4)
  --mebibytes N       size of each blob (default 1024; with --quick 64)
  --servers LIST      default stowage; the floor cannot take part
  --tls               over HTTPS
  --peer, --folder, --json, --report as above (bench/results/registry-memory-<date>.md)
`;

/** What one server needed. */
interface MemorySample {
  readonly target: string;
  readonly before: Memory;
  readonly peak: Memory;
  readonly cpuSeconds: number;
  readonly pulls: RunResult;
  readonly pushes: RunResult;
}

async function transfer(
  load: Load,
  target: Target,
  work: Work,
  transfers: number,
): Promise<RunResult> {
  await load.open({
    endpoint: target.endpoint,
    authorization: await target.authorization(),
    connections: transfers,
  });
  return await load.run({ work, until: { count: transfers } });
}

async function measure(target: Target, transfers: number, bytes: number): Promise<MemorySample> {
  const client = await openClient(target.endpoint, await target.authorization());
  const blob = uniqueStream(bytes, 'memory run');
  const content = await pushStream(client, FIXTURE_REPOSITORY, blob);
  client.connection.close();
  const before = memoryOf(processesOf(target.pid));
  const [puller, pusher] = [startLoad(), startLoad()];
  try {
    const sampler = sampleMemory(target.pid, SAMPLE_MS);
    const cpu = cpuMillisecondsOf(target.pid);
    const [pulls, pushes] = await Promise.all([
      transfer(puller, target, { kind: 'pull', method: 'GET', content }, transfers),
      transfer(pusher, target, { kind: 'push', what: 'stream', bytes }, transfers),
    ]).finally(sampler.stop);
    const cpuSeconds = (cpuMillisecondsOf(target.pid) - cpu) / 1000;
    const peak = sampler.stop();
    await pusher.verify();
    return { target: `${target.name}, ${target.scheme}`, before, peak, cpuSeconds, pulls, pushes };
  } finally {
    puller.end();
    pusher.end();
  }
}

const rateOf = ({ bytes, milliseconds }: RunResult): string => figure(bytes / milliseconds / 1000);

const COLUMNS: readonly Column<MemorySample>[] = [
  { title: 'server', value: ({ target }) => target, left: true },
  { title: 'before, MB', value: ({ before }) => figure(before.own / 1e6) },
  { title: 'peak, MB', value: ({ peak }) => figure(peak.own / 1e6) },
  { title: 'peak of files, MB', value: ({ peak }) => figure(peak.file / 1e6) },
  { title: 'CPU s', value: ({ cpuSeconds }) => figure(cpuSeconds) },
  { title: 'pulled, MB/s', value: ({ pulls }) => rateOf(pulls) },
  { title: 'pushed, MB/s', value: ({ pushes }) => rateOf(pushes) },
];

function verdict(samples: readonly MemorySample[]): string[] {
  return samples
    .filter(({ target }) => target.startsWith('stowage'))
    .map(({ target, peak }) => {
      const reached = peak.own <= GOAL_BYTES ? 'reached' : 'MISSED';
      return `Goal for ${target}: at most ${GOAL_BYTES / 1e6} MB; ${reached}.`;
    });
}

/** Runs the sub-command. @throws Error on a wrong answer, or when the disk is too small */
export async function memoryCommand(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...COMMON_OPTIONS,
      transfers: { type: 'string' },
      mebibytes: { type: 'string' },
      tls: { type: 'boolean', default: false },
    },
  });
  const machine = describeMachine();
  const transfers = countOf(values.transfers ?? (values.quick ? '4' : '16'), 'transfers');
  const bytes = MIB * countOf(values.mebibytes ?? (values.quick ? '64' : '1024'), 'mebibytes');
  const servers = serversOf(values.servers, ['stowage']);
  if (servers.includes('floor')) throw new Error('the floor knows no PATCH: leave it out');
  const roster = await startRoster({
    servers,
    peers: peersOf(values.peer),
    schemes: [values.tls ? 'https' : 'http'],
    folder: values.folder,
  });
  try {
    await requireSpace(roster.folder, roster.targets.length * (transfers + 1) * bytes);
    const samples: MemorySample[] = [];
    for (const target of roster.targets) {
      const sample = await measure(target, transfers, bytes).catch((cause) => {
        throw blame(target, 'memory run', cause);
      });
      samples.push(sample);
    }
    const table = formatTable(COLUMNS, samples);
    const what =
      `${transfers} pulls of one blob and ${transfers} pushes of different ones, ` +
      `${bytes / MIB} MiB each, at the same time. Memory: RssAnon and RssShmem of all processes of ` +
      `the server, sampled every ${SAMPLE_MS} ms; files: RssFile.`;
    await writeReport(
      {
        title: 'Memory under large transfers',
        name: 'registry-memory',
        machine,
        targets: roster.targets,
        sections: [`## Peak memory\n\n${[what, table, ...verdict(samples)].join('\n\n')}`],
        data: { transfers, bytes, samples },
      },
      values,
    );
  } finally {
    await roster.close();
  }
}
