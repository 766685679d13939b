/** `stowage status` */
import type { Command } from 'commander';
import { formatBytes, formatCount, formatPairs, formatSpan, formatTime } from '../../lib/format.ts';
import type { Status } from '../../registry/admin/operations.ts';
import {
  type CliContext,
  defineCommand,
  printJson,
  type RegistryOptions,
  withConnection,
  withRegistry,
} from '../context.ts';

function spaceText({ space }: Status): string {
  const { freeBytes, totalBytes, reserveBytes, pushesRefused } = space;
  const text = `${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}`;
  return pushesRefused
    ? `${text}; below the reserve of ${formatBytes(reserveBytes)}, PUSHES ARE REFUSED`
    : `${text}, reserve ${formatBytes(reserveBytes)}`;
}

function collectorText({ collection }: Status): string {
  const { last, rounds, removedBlobs, removedBytes } = collection;
  const sum = `${formatCount(rounds, 'round')}, ${formatCount(removedBlobs, 'blob')} removed (${formatBytes(removedBytes)})`;
  if (last === null) return sum;
  if (last.state === 'running') return `${sum}; running since ${formatTime(last.startedAt)}`;
  return `${sum}; last ${last.state} at ${formatTime(last.finishedAt ?? last.startedAt)}`;
}

function scrubText({ scrub, quarantinedBlobs }: Status): string {
  const { last, checkedBlobs, checkedBytes } = scrub;
  const sum = `${formatCount(checkedBlobs, 'blob')} checked (${formatBytes(checkedBytes)}), ${quarantinedBlobs} in quarantine`;
  if (last?.state !== 'running') return sum;
  const { done, total } = last.progress;
  const percent = total === null || total === 0 ? '' : ` ${Math.floor((100 * done) / total)} %`;
  return `${sum}; running${percent}`;
}

function dedupText({ dedup }: Status): string {
  const { layers, ratio, state } = dedup;
  const sum = `${formatCount(layers.recipeOnly + layers.both, 'layer')} taken apart, ${layers.queued} queued`;
  return `${sum}, ratio ${ratio === null ? '-' : ratio.toFixed(2)}; ${state}`;
}

/** The status for people. */
export function formatStatus(status: Status, place: string): string {
  const { memory } = status;
  const pairs: [string, string][] = [
    ['place', place],
    ['version', `${status.version}, format ${status.formatVersion}`],
    ['up', `${formatSpan(status.uptimeSeconds)}, since ${formatTime(status.startedAt)}`],
    ['repositories', String(status.repositories)],
    ['tags', String(status.tags)],
    ['manifests', String(status.manifests)],
    ['blobs', `${status.blobs} (${formatBytes(status.blobBytes)})`],
    ['uploads', `${status.openUploads} open`],
    ['space', spaceText(status)],
    ['collector', collectorText(status)],
    ['scrub', scrubText(status)],
    ['dedup', dedupText(status)],
    ['memory', `${formatBytes(memory.residentBytes)} resident`],
  ];
  return formatPairs(pairs);
}

/** Defines the command. */
export function command(context: CliContext): Command {
  const { terminal } = context;
  const status = defineCommand({
    usage: 'status',
    description: 'Show the state of a registry: contents, space, background work.',
    examples: [
      ['stowage status', 'the server on the data directory of ./stowage.yaml'],
      ['stowage status --json', 'the same as JSON'],
      ['stowage status -s http://127.0.0.1:5000', 'another server'],
    ],
  });
  return withRegistry(status).action((options: RegistryOptions) =>
    withConnection(context, options, async ({ operations, place }) => {
      const answer = await operations.status();
      if (options.json) printJson(terminal, answer);
      else terminal.out(formatStatus(answer, place));
    }),
  );
}
