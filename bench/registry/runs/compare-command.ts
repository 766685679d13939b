/** The default sub-command: the comparison of registries. */
import { parseArgs } from 'node:util';
import { describeMachine } from '../measure/machine.ts';
import { hasStrace } from '../measure/strace.ts';
import { comparisonSections } from '../report/comparison.ts';
import { judge, summarise } from '../report/summary.ts';
import { writeReport } from '../report/write.ts';
import { ROWS, rowOf } from '../rows.ts';
import { startRoster } from '../servers/roster.ts';
import { compare, FULL_EFFORT, type Prepared, prepareTargets, QUICK_EFFORT } from './compare.ts';
import { COMMON_OPTIONS, countOf, listOf, peersOf, type ServerName, serversOf } from './options.ts';
import { countWear, type WearSample } from './syncs.ts';

const DEFAULT_SERVERS: readonly ServerName[] = [
  'floor',
  'stowage',
  'stowage+token',
  'docker-registry',
  'distribution',
];
/** Pushes of each kind that are traced. */
const WEAR_COUNT = { full: 20, quick: 5 } as const;

export const COMPARE_HELP = `node bench/registry/main.ts [options]
  Compares Stowage, the floor and other registries in one run.
  --rounds N          rounds whose medians count (default 5, with --quick 2)
  --quick             short cells: a look at the harness, not at the servers
  --only ROWS         some rows, separated by commas; there are
${ROWS.map(({ name }) => `                        ${name}\n`).join('')}                        syncs (the pass that counts system calls)
  --servers LIST      some servers: ${DEFAULT_SERVERS.join(', ')}
  --peer NAME=URL,pid=N[,data=FOLDER][,ca=FILE]
                      one more registry that runs already; may be repeated
  --connections LIST  default 1,16
  --tls               the rows over HTTPS as well
  --seed N            order of a former run
  --folder FOLDER     where data goes (default: the system's temporary directory)
  --json FILE         all samples as JSON
  --report FILE       Markdown (default bench/results/registry-<date>.md; "none" writes none)
`;

async function traceTargets(
  prepared: readonly Prepared[],
  folder: string,
  count: number,
): Promise<WearSample[]> {
  if (!(await hasStrace())) {
    process.stderr.write('strace is not installed: syncs and files are not counted\n');
    return [];
  }
  // Neither TLS nor a token changes what reaches the disk.
  const plain = prepared.filter(
    ({ target }) => target.scheme === 'http' && target.name !== 'stowage+token',
  );
  return await countWear(plain, folder, count);
}

/** Runs the sub-command. @throws Error on a wrong answer of any server */
export async function compareCommand(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...COMMON_OPTIONS,
      rounds: { type: 'string' },
      only: { type: 'string' },
      connections: { type: 'string', default: '1,16' },
      tls: { type: 'boolean', default: false },
      seed: { type: 'string' },
    },
  });
  const machine = describeMachine();
  const only = values.only === undefined ? undefined : listOf(values.only);
  const rows = only?.filter((name) => name !== 'syncs').map(rowOf) ?? ROWS;
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  const roster = await startRoster({
    servers: serversOf(values.servers, DEFAULT_SERVERS),
    peers: peersOf(values.peer),
    schemes: values.tls ? ['http', 'https'] : ['http'],
    folder: values.folder,
  });
  try {
    const prepared = await prepareTargets(roster.targets);
    const samples = await compare(roster, prepared, {
      rows,
      connections: listOf(values.connections).map((text) => countOf(text, 'connections')),
      rounds: countOf(values.rounds ?? (values.quick ? '2' : '5'), 'rounds'),
      effort: values.quick ? QUICK_EFFORT : FULL_EFFORT,
      seed,
      progress: (text) => process.stderr.write(`${text}\n`),
    });
    const count = values.quick ? WEAR_COUNT.quick : WEAR_COUNT.full;
    const wear =
      only === undefined || only.includes('syncs')
        ? await traceTargets(prepared, roster.folder, count)
        : [];
    const names = [...new Set(roster.targets.map(({ name }) => name))];
    const found = { cells: summarise(samples, names), verdicts: judge(samples), wear };
    const path = await writeReport(
      {
        title: 'Registries compared',
        name: 'registry',
        machine,
        targets: roster.targets,
        sections: comparisonSections(found),
        data: { seed, ...found, samples },
      },
      values,
    );
    if (path !== undefined) process.stderr.write(`report: ${path}\n`);
  } finally {
    await roster.close();
  }
}
