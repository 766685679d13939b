/** The files that `stowage analyze` writes, and what it says of a report that lacks something. */
import { access, constants, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { AnalysisReport } from '../../analysis/metrics/schema.ts';
import { csvReport } from '../../analysis/report/csv.ts';
import { htmlReport } from '../../analysis/report/html.ts';
import { printableName } from '../../lib/format.ts';
import { CliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';

/** Where reports go, as they stand on the command line. */
export interface OutputOptions {
  readonly html?: string;
  readonly csv?: string;
  readonly junit?: string;
}

/** Problems that are told on standard error; all of them are in the reports. */
const MOST_PROBLEMS = 5;

async function naming<T>(option: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    const hint = 'name a place that can be written to';
    throw new CliError(
      `--${option}: ${path} cannot be written: ${error.message}`,
      EXIT.failure,
      hint,
    );
  }
}

/** @throws an error of the system that says what is in the way */
async function tryFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' });
  }
  await access(found === undefined ? dirname(path) : path, constants.W_OK);
}

async function tryFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await access(path, constants.W_OK);
}

/**
 * Looks whether all files can be written, so that nobody waits an hour to learn that they cannot. Folders
 * that are missing are made.
 * @throws CliError
 */
export async function checkOutputs(options: OutputOptions, terminal: Terminal): Promise<void> {
  const { html, csv, junit } = options;
  const place = (path: string): string => resolve(terminal.directory, path);
  if (html !== undefined) await naming('html', html, () => tryFile(place(html)));
  if (junit !== undefined) await naming('junit', junit, () => tryFile(place(junit)));
  if (csv !== undefined) await naming('csv', csv, () => tryFolder(place(csv)));
}

/** Writes a text to a file that an option names. @throws CliError */
export async function writeOutput(
  option: keyof OutputOptions,
  path: string,
  text: string,
  terminal: Terminal,
): Promise<void> {
  await naming(option, path, () => writeFile(resolve(terminal.directory, path), text));
}

/** Writes the page and the tables. @throws CliError */
export async function writeReports(
  report: AnalysisReport,
  { html, csv }: OutputOptions,
  terminal: Terminal,
): Promise<void> {
  if (html !== undefined) await writeOutput('html', html, htmlReport(report), terminal);
  if (csv === undefined) return;
  for (const [file, text] of csvReport(report)) {
    await writeOutput('csv', join(csv, file), text, terminal);
  }
}

/**
 * Tells on standard error that the report lacks something; with `isListed` also what, for a report that
 * does not begin with it.
 * @returns the exit code that follows from it
 */
export function tellGaps(report: AnalysisReport, isListed: boolean, terminal: Terminal): ExitCode {
  const { problems, correct } = report;
  const nothing = correct.layers.count === 0;
  if (problems.length === 0) {
    if (!nothing) return EXIT.success;
    terminal.err('stowage: there is nothing in these sources of what was asked for\n');
    return EXIT.notFound;
  }
  const told = problems
    .slice(0, MOST_PROBLEMS)
    .map(({ what, reason }) => `  ${printableName(what)}: ${printableName(reason)}\n`);
  const left = problems.length - told.length;
  const head = nothing
    ? 'nothing could be read'
    : `${problems.length === 1 ? 'one thing' : `${problems.length} things`} could not be read, and the figures are without what is in them`;
  const rest = left > 0 ? `  and ${left} more, which the reports list (--json: problems)\n` : '';
  terminal.err(`stowage: ${head}${isListed ? `:\n${told.join('')}${rest}` : '\n'}`);
  return nothing ? EXIT.failure : EXIT.incomplete;
}
