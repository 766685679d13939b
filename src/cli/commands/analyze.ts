/** `stowage analyze` */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { AnalysisReport } from '../../analysis/metrics/schema.ts';
import { checkGate, type GateLimits, gateText } from '../../analysis/report/gate.ts';
import { jsonReport } from '../../analysis/report/json.ts';
import { gateJUnit } from '../../analysis/report/junit.ts';
import { terminalReport } from '../../analysis/report/terminal.ts';
import { analyze } from '../../analysis/run/analyze.ts';
import { openSources } from '../../analysis/sources/open.ts';
import { parseAnySize } from '../../lib/size.ts';
import { VERSION } from '../../registry/admin/version.ts';
import { openAnalysisBar } from '../analysis-bar.ts';
import { type CliContext, defineCommand, withJson } from '../context.ts';
import { CliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { interruptible } from '../interruption.ts';
import type { Terminal } from '../terminal.ts';
import { diffCommand } from './analyze-diff.ts';
import {
  checkOutputs,
  type OutputOptions,
  tellGaps,
  writeOutput,
  writeReports,
} from './analyze-outputs.ts';
import {
  parseCount,
  SOURCES_HELP,
  type SourceOptions,
  toOpenOptions,
  withSelection,
  withSources,
} from './analyze-sources.ts';

interface Options extends SourceOptions, OutputOptions {
  readonly dataset?: string;
  readonly keepLayers?: string;
  readonly chunks?: true;
  readonly threads?: number;
  readonly memory?: number;
  readonly json?: true;
  readonly maxWasted?: number;
  readonly maxWastedPercent?: number;
  readonly minEfficiency?: number;
}

function parseBytes(text: string): number {
  const bytes = parseAnySize(text);
  if (bytes === undefined)
    throw new InvalidArgumentError('it has to be a size such as 50MB or 1GiB');
  return bytes;
}

/** Reads a number from 0 to a limit. */
const parseUpTo = (limit: number) => (text: string) => {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= limit)) throw new InvalidArgumentError(`it has to be a number from 0 to ${limit}`);
  return value;
};

function limitsOf({ maxWasted, maxWastedPercent, minEfficiency }: Options): GateLimits | undefined {
  if (maxWasted === undefined && maxWastedPercent === undefined && minEfficiency === undefined) {
    return undefined;
  }
  return {
    maxWastedBytes: maxWasted,
    maxWastedShare: maxWastedPercent === undefined ? undefined : maxWastedPercent / 100,
    minEfficiency,
  };
}

/** Holds the report against limits. @returns the exit code that follows from it */
async function gate(
  report: AnalysisReport,
  limits: GateLimits,
  { junit }: Options,
  terminal: Terminal,
): Promise<ExitCode> {
  const result = checkGate(report, limits);
  if (junit !== undefined) await writeOutput('junit', junit, gateJUnit(result), terminal);
  terminal.err(gateText(result));
  return result.passed ? EXIT.success : EXIT.failure;
}

async function show(report: AnalysisReport, options: Options, context: CliContext): Promise<void> {
  const { terminal } = context;
  await writeReports(report, options, terminal);
  terminal.out(
    options.json
      ? jsonReport(report)
      : terminalReport(report, terminal.isOutTTY ? terminal.colors : undefined),
  );
}

async function run(names: readonly string[], options: Options, context: CliContext): Promise<void> {
  const { terminal } = context;
  if (names.length === 0) {
    throw new CliError(
      'there is nothing to analyse',
      EXIT.usage,
      'stowage analyze --help shows what can be',
    );
  }
  const limits = limitsOf(options);
  if (options.junit !== undefined && limits === undefined) {
    const hint = 'add --max-wasted, --max-wasted-percent or --min-efficiency';
    throw new CliError('--junit tells how limits were kept, and there are none', EXIT.usage, hint);
  }
  await checkOutputs(options, terminal);
  const place = (path: string | undefined) => path && resolve(terminal.directory, path);
  const named = place(options.dataset);
  const report = await interruptible(async (signal) => {
    // Within what can be interrupted, so that nothing stays behind then.
    const folder = named ?? (await mkdtemp(join(tmpdir(), 'stowage-analysis-')));
    try {
      const open = await toOpenOptions(options, terminal, join(folder, 'crawl'));
      const sources = await openSources(names, open, signal);
      const bar = openAnalysisBar(terminal);
      try {
        return await analyze({
          sources,
          folder,
          version: VERSION,
          threads: options.threads,
          memory: options.memory,
          chunks: options.chunks ? ['fixed-4096', 'cdc-8192'] : [],
          keepLayers: place(options.keepLayers),
          signal,
          onProgress: bar.show,
        });
      } finally {
        bar.close();
        await Promise.all(sources.map((source) => source.close()));
      }
    } finally {
      if (named === undefined) await rm(folder, { recursive: true, force: true });
    }
  });
  await show(report, options, context);
  // A gate tells all that was not looked at by itself, and does not pass then.
  const code =
    limits === undefined
      ? tellGaps(report, options.json === true, terminal)
      : await gate(report, limits, options, terminal);
  if (code !== EXIT.success) context.setExitCode(code);
}

/** Defines the command. */
export function command(context: CliContext): Command {
  const analyzeCommand = defineCommand({
    usage: 'analyze [sources...]',
    description:
      'Tells what is in a set of images: layers, files and their types, what is shared and what ' +
      'deduplication would save.',
    examples: [
      ['stowage analyze http://127.0.0.1:5000', 'all of a registry'],
      ['stowage analyze https://r.example.com -r "team/*" -t "v*"', 'some of it'],
      [
        'stowage analyze app.tar --max-wasted 50MB --junit gate.xml',
        'an image as docker save wrote it',
      ],
      ['stowage analyze layout/ --html report.html', 'with charts'],
      [
        'stowage analyze docker-hub:nginx --sample 50 --dataset hub',
        'a sample; run again to go on',
      ],
      ['stowage analyze diff old.tar new.tar', 'two images, file by file'],
    ],
  });
  withSelection(withSources(withJson(analyzeCommand)))
    .option('--dataset <folder>', 'keep the records there, and go on where a run before has ended')
    .option('--keep-layers <folder>', 'keep layers as they were fetched, and take them from there')
    .option('--chunks', 'cut files into chunks too, to see what that would save')
    .option(
      '--threads <count>',
      'layers scanned at a time; default: one for each processor',
      parseCount,
    )
    .option('--memory <size>', 'memory that queries may take; default: 1.5GiB', parseBytes)
    .option('--html <file>', 'write a report with charts')
    .option('--csv <folder>', 'write all tables')
    .option('--max-wasted <size>', 'fail when an image wastes more', parseBytes)
    .option(
      '--max-wasted-percent <share>',
      'fail when an image wastes more of its bytes',
      parseUpTo(100),
    )
    .option('--min-efficiency <score>', 'fail when an image is below, from 0 to 1', parseUpTo(1))
    .option('--junit <file>', 'write what failed as JUnit XML')
    .addHelpText('after', SOURCES_HELP)
    .action((names: string[], options: Options) => run(names, options, context));
  analyzeCommand.addCommand(diffCommand(context));
  return analyzeCommand;
}
