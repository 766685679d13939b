/** Puts a report together: what was measured where, then the sections; as text, Markdown and JSON. */
import { mkdir, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join, relative, resolve } from 'node:path';
import type { Machine } from '../measure/machine.ts';
import type { Target } from '../servers/types.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const RESULTS = join(ROOT, 'bench/results');

/** One run of a sub-command. */
export interface Report {
  /** Of the page. */
  readonly title: string;
  /** First part of the file's name. */
  readonly name: string;
  readonly machine: Machine;
  readonly targets: readonly Pick<Target, 'name' | 'description' | 'scheme'>[];
  /** Markdown, a heading of the second level each. */
  readonly sections: readonly string[];
  /** Everything measured, for programs. */
  readonly data: object;
}

/** Where reports go. */
export interface ReportFiles {
  /** File for the JSON; none when undefined. */
  readonly json?: string | undefined;
  /** File for the Markdown; default: `bench/results/<name>-<date>.md`. `none` writes none. */
  readonly report?: string | undefined;
}

/** The command as typed, without the folders of this machine. */
function commandLine(): string {
  const [, program = '', ...args] = process.argv;
  return ['node', relative(ROOT, program), ...args].join(' ');
}

function head({ title, machine, targets }: Report, now: Date): string {
  const { cores, model, kernel, node, memoryGiB, load } = machine;
  const servers = new Map(targets.map(({ name, description }) => [name, description]));
  return [
    `# ${title}`,
    '',
    `- ${now.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `- \`${commandLine()}\``,
    `- ${cores} cores, ${model}, ${memoryGiB} GiB; Linux ${kernel}; Node ${node}; load average ` +
      `${load} when it began, ${loadavg()[0]?.toFixed(2)} when it ended`,
    ...[...servers].map(([name, description]) => `- ${name}: ${description}`),
  ].join('\n');
}

/** Prints the report and writes its files; gives the path of the Markdown, if there is one. */
export async function writeReport(report: Report, files: ReportFiles): Promise<string | undefined> {
  const now = new Date();
  const page = `${[head(report, now), ...report.sections].join('\n\n')}\n`;
  process.stdout.write(`${page}\n`);
  if (files.json !== undefined) {
    const { machine, targets, data } = report;
    const servers = targets.map(({ name, description, scheme }) => ({ name, description, scheme }));
    const json = { date: now.toISOString(), command: commandLine(), machine, servers, ...data };
    await writeFile(files.json, `${JSON.stringify(json, undefined, 1)}\n`);
  }
  if (files.report === 'none') return undefined;
  const date = now.toISOString().slice(0, 10);
  const path = files.report ?? join(RESULTS, `${report.name}-${date}.md`);
  await mkdir(resolve(path, '..'), { recursive: true });
  await writeFile(path, page);
  return path;
}
