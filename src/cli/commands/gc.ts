/** `stowage gc` */
import type { Command } from 'commander';
import { formatBytes, formatCount, formatTime } from '../../lib/format.ts';
import type { CollectionReport } from '../../registry/admin/operations.ts';
import {
  type CliContext,
  defineCommand,
  printJson,
  type RegistryOptions,
  withConnection,
  withRegistry,
} from '../context.ts';
import { follow } from '../follow.ts';

/** A report of the collector for people. */
export function formatCollection(report: CollectionReport | null): string {
  if (report === null) return 'the collector has not run yet\n';
  const { state, startedAt, finishedAt, dryRun, phase, progress, error } = report;
  const parts = [
    `${formatCount(report.removedBlobs, 'blob')} (${formatBytes(report.removedBytes)})`,
    formatCount(report.removedManifests, 'manifest'),
    formatCount(report.removedUploads, 'upload'),
    formatCount(report.removedRepositories, 'repository'),
    formatCount(report.removedRecipes, 'recipe'),
  ];
  const verb = dryRun ? 'would be removed' : 'removed';
  const when =
    finishedAt === null
      ? `since ${formatTime(startedAt)}, at ${phase}, ${progress.done} of ${progress.total ?? '?'} blobs`
      : `at ${formatTime(finishedAt)}`;
  const reason = error === null ? '' : `: ${error}`;
  return `${state} ${when}${reason}\n${parts.join(', ')} ${verb}\n`;
}

interface Options extends RegistryOptions {
  readonly now?: true;
  readonly dryRun?: true;
}

/** Defines the command. */
export function command(context: CliContext): Command {
  const { terminal } = context;
  const gc = defineCommand({
    usage: 'gc',
    description:
      'The collector frees what nothing needs any more. It runs by itself while the server runs;\n' +
      'without options this shows its running or last round.',
    examples: [
      ['stowage gc', 'the running or last round'],
      ['stowage gc --now', 'run a round and wait for its end'],
      ['stowage gc --dry-run', 'only count what a round would remove'],
    ],
  });
  return withRegistry(gc)
    .option('--now', 'run a round and wait for its end')
    .option('--dry-run', 'the same, but remove nothing')
    .action((options: Options) =>
      withConnection(context, options, async ({ operations: { collection } }) => {
        const dryRun = options.dryRun === true;
        const report =
          options.now || dryRun
            ? await follow({
                label: 'Collecting',
                start: () => collection.start({ dryRun }),
                report: () => collection.report(),
                terminal,
              })
            : await collection.report();
        if (options.json) printJson(terminal, report);
        else terminal.out(formatCollection(report));
      }),
    );
}
