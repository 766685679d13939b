/** `stowage analyze diff` */
import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import type { FileChange, ImageDiff } from '../../analysis/diff/compare.ts';
import { diffImages, onlyImage } from '../../analysis/run/diff.ts';
import { createScanner } from '../../analysis/scan/scanner.ts';
import { openSources } from '../../analysis/sources/open.ts';
import { formatBytes, printableName } from '../../lib/format.ts';
import { type CliContext, defineCommand, printJson, withJson } from '../context.ts';
import { interruptible } from '../interruption.ts';
import { SOURCES_HELP, type SourceOptions, toOpenOptions, withSources } from './analyze-sources.ts';

interface Options extends SourceOptions {
  readonly json?: true;
}

const MARKS = { added: '+', removed: '-', changed: '~' } as const;

function changeText({ path, kind, from, to, differences }: FileChange): string {
  const sizes = [from, to].map((state) => (state === undefined ? '' : formatBytes(state.size)));
  const size =
    sizes[0] === sizes[1] || kind !== 'changed' ? sizes[1] || sizes[0] : sizes.join(' -> ');
  const why = differences.length > 0 ? `  ${differences.join(', ')}` : '';
  return `${MARKS[kind]} ${printableName(path)}  ${size}${why}\n`;
}

/** The comparison for people. */
function formatDiff({ changes, added, removed, changed, same }: ImageDiff): string {
  return [
    ...changes.map(changeText),
    `${added.paths} added (${formatBytes(added.toBytes)}), `,
    `${removed.paths} removed (${formatBytes(removed.fromBytes)}), `,
    `${changed.paths} changed (${formatBytes(changed.fromBytes)} -> ${formatBytes(changed.toBytes)}), `,
    `${same.paths} the same\n`,
  ].join('');
}

async function run(from: string, to: string, options: Options, { terminal }: CliContext) {
  const diff = await interruptible(async (signal) => {
    const open = await toOpenOptions(options, terminal, tmpdir());
    const sources = [
      ...(await openSources([from], open, signal)),
      ...(await openSources([to], open, signal)),
    ];
    const scanner = createScanner({ threads: 1, signal });
    try {
      const [left, right] = [
        await onlyImage(sources[0]!, signal),
        await onlyImage(sources[1]!, signal),
      ];
      return await diffImages(left, right, { scanner, signal });
    } finally {
      await scanner.close();
      await Promise.all(sources.map((source) => source.close()));
    }
  });
  if (options.json) printJson(terminal, diff);
  else terminal.out(formatDiff(diff));
}

/** Defines the command. */
export function diffCommand(context: CliContext): Command {
  const command = defineCommand({
    usage: 'diff <from> <to>',
    description: 'Compares two images file by file, as one sees them when they are mounted.',
    examples: [
      ['stowage analyze diff old.tar new.tar', 'two archives'],
      [
        'stowage analyze diff docker://127.0.0.1:5000/app:1 docker://127.0.0.1:5000/app:2',
        'two tags',
      ],
    ],
  });
  return withSources(withJson(command))
    .addHelpText('after', SOURCES_HELP)
    .action((from: string, to: string, options: Options) => run(from, to, options, context));
}
