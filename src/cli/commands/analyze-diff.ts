/** `stowage analyze diff` */
import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import type { FileChange, ImageDiff } from '../../analysis/diff/compare.ts';
import { diffImages, type OpenImage, onlyImage } from '../../analysis/run/diff.ts';
import { createScanner } from '../../analysis/scan/scanner.ts';
import { openSources, readSourceName } from '../../analysis/sources/open.ts';
import type { ImageSource } from '../../analysis/sources/types.ts';
import { formatBytes, printableName } from '../../lib/format.ts';
import { type CliContext, defineCommand, printJson, withJson } from '../context.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
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
  if ([from, to].some((name) => readSourceName(name).kind === 'docker-hub')) {
    const hint = 'name one: docker://registry-1.docker.io/library/nginx:latest';
    throw new CliError('a sample of Docker Hub is more than one image', EXIT.usage, hint);
  }
  const diff = await interruptible(async (signal) => {
    const open = await toOpenOptions(options, terminal, tmpdir());
    const sources: ImageSource[] = [];
    const scanner = createScanner({ threads: 1, signal });
    try {
      const images: OpenImage[] = [];
      for (const name of [from, to]) {
        const [source] = await openSources([name], open, signal);
        sources.push(source!);
        images.push(await onlyImage(source!, signal));
      }
      return await diffImages(images[0]!, images[1]!, { scanner, signal });
    } finally {
      await scanner.close();
      await Promise.all(sources.map((source) => source.close()));
    }
  });
  if (options.json) printJson(terminal, diff);
  else terminal.out(formatDiff(diff));
}

/**
 * `analyze` takes the options of a line for its own where it has one of that name: those that are not
 * of this command as well must not be passed over in silence.
 * @throws CliError
 */
function refuseForeign(self: Command): void {
  const own = new Set(self.options.map((option) => option.attributeName()));
  const foreign = self.parent?.options.find((option) => {
    const name = option.attributeName();
    return !own.has(name) && self.parent?.getOptionValueSource(name) === 'cli';
  });
  if (foreign === undefined) return;
  const hint = 'stowage analyze diff --help shows those that it has';
  throw new CliError(`analyze diff has no option ${foreign.long}`, EXIT.usage, hint);
}

/** Defines the command. */
export function diffCommand(context: CliContext): Command {
  const command = defineCommand({
    usage: 'diff <from> <to>',
    description: 'Compares two images file by file, as one sees them when they are mounted.',
    examples: [
      ['stowage analyze diff old.tar new.tar', 'two archives'],
      ['stowage analyze diff oci:layout:v1 oci:layout:v2', 'two images of one layout'],
      [
        'stowage analyze diff docker://127.0.0.1:5000/app:1 docker://127.0.0.1:5000/app:2',
        'two tags',
      ],
    ],
  });
  return withSources(withJson(command))
    .addHelpText('after', SOURCES_HELP)
    .action((from: string, to: string, _: Options, self: Command) => {
      refuseForeign(self);
      return run(from, to, self.optsWithGlobals<Options>(), context);
    });
}
