/** `stowage scrub` */
import type { Command } from 'commander';
import { formatBytes, formatCount, formatSpan, formatTime, printable } from '../../lib/format.ts';
import type { ScrubReport } from '../../registry/admin/operations.ts';
import {
  type CliContext,
  defineCommand,
  printJson,
  type RegistryOptions,
  withConnection,
  withRegistry,
} from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { follow } from '../follow.ts';

function progressText({ progress, startedAt }: ScrubReport): string {
  const { done, total, etaSeconds } = progress;
  const all = total === null ? '?' : formatBytes(total);
  const eta = etaSeconds === null ? '' : `, ${formatSpan(etaSeconds)} to go`;
  return `since ${formatTime(startedAt)}, ${formatBytes(done)} of ${all}${eta}`;
}

/** A report of the check for people. */
export function formatScrub(report: ScrubReport | null): string {
  if (report === null) return 'nothing has been checked yet\n';
  const { state, finishedAt, error, checkedBlobs, checkedBytes, damagedBlobs } = report;
  const when = finishedAt === null ? progressText(report) : `at ${formatTime(finishedAt)}`;
  const reason = error === null ? '' : `: ${error}`;
  const lines = [
    `${state} ${when}${reason}`,
    `${formatCount(checkedBlobs, 'blob')} checked (${formatBytes(checkedBytes)}), ${damagedBlobs} damaged`,
  ];
  if (report.quarantine.length > 0) {
    lines.push('in quarantine, until the images that need them are pushed again:');
    lines.push(...report.quarantine.map(({ digest, reason }) => `  ${digest}  ${reason}`));
  }
  return `${printable(lines.join('\n'))}\n`;
}

/** Defines the command. */
export function command(context: CliContext): Command {
  const { terminal } = context;
  const scrub = defineCommand({
    usage: 'scrub',
    description:
      'Compares what is stored with its digests. It runs by itself while the server runs; without\n' +
      'options this shows the running or last check. Exit code 6 while something is in quarantine.',
    examples: [
      ['stowage scrub', 'the running or last check'],
      ['stowage scrub --now', 'check everything now and wait for the end'],
    ],
  });
  return withRegistry(scrub)
    .option('--now', 'check everything now and wait for the end')
    .action((options: RegistryOptions & { readonly now?: true }) =>
      withConnection(context, options, async ({ operations }) => {
        const job = operations.scrub;
        const report = options.now
          ? await follow({
              label: 'Checking',
              start: () => job.start(),
              report: () => job.report(),
              terminal,
            })
          : await job.report();
        if (options.json) printJson(terminal, report);
        else terminal.out(formatScrub(report));
        if (report !== null && report.quarantine.length > 0) context.setExitCode(EXIT.damaged);
      }),
    );
}
