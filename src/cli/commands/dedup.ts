/** `stowage dedup` */
import type { Command } from 'commander';
import { formatBytes, formatCount, formatPairs } from '../../lib/format.ts';
import type { DedupReport, Progress, UndoReport } from '../../registry/admin/operations.ts';
import {
  type CliContext,
  defineCommand,
  printJson,
  type RegistryOptions,
  withConnection,
  withRegistry,
} from '../context.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { follow } from '../follow.ts';

/** A rate for people, such as `12.3 MiB/s`. */
function rateText({ bytes, seconds }: DedupReport['ingested']): string {
  return seconds === 0 ? '' : `, ${formatBytes(bytes / seconds)}/s`;
}

/** The figures for people. */
export function formatDedup(report: DedupReport): string {
  const { layers, stored, ratio, ingested, restored } = report;
  const { refused } = layers;
  const storedBytes = Object.values(stored).reduce((sum, bytes) => sum + bytes, 0);
  const pairs: [string, string][] = [
    ['policy', report.policy],
    ['state', report.state],
    ['logical', formatBytes(report.logicalBytes)],
    ['intact', formatBytes(report.intactBytes)],
    ['taken apart', formatBytes(storedBytes)],
    ['  files', formatBytes(stored.baseBytes)],
    ['  patches', formatBytes(stored.patchBytes)],
    ['  gaps', formatBytes(stored.gapBytes)],
    ['  structure', formatBytes(stored.structureBytes)],
    ['  recipe index', formatBytes(stored.indexBytes)],
    ['  trees', formatBytes(stored.treeBytes)],
    ['  headers', formatBytes(stored.overheadBytes)],
    ['  waste', formatBytes(stored.wasteBytes)],
    [
      'files',
      `${report.files.entries} in trees, found by ${report.files.keys} keys ` +
        `(${formatBytes(report.files.keyBytes)})`,
    ],
    ['ratio', ratio === null ? '-' : ratio.toFixed(2)],
    ['blobs', `${layers.intact} intact, ${layers.both} both, ${layers.recipeOnly} as recipes only`],
    ['queue', `${formatCount(layers.queued, 'layer')}, ${layers.retrying} to be tried again`],
    [
      'refused',
      `${refused.format} no gzip or tar, ${refused.zstd} zstd, ${refused.broken} broken, ` +
        `${refused.structure} by structure, ${refused.notWorthIt} not worth it, ${refused.notExact} not exact`,
    ],
    [
      'ingested',
      `${formatCount(ingested.layers, 'layer')} (${formatBytes(ingested.bytes)})${rateText(ingested)}`,
    ],
    [
      'restored',
      `${formatCount(restored.layers, 'time')} (${formatBytes(restored.bytes)})${rateText(restored)}, ` +
        `${restored.damaged} broken off`,
    ],
  ];
  return formatPairs(pairs);
}

/** What an undo did, for people. */
function formatUndo({ restoredLayers, restoredBytes }: UndoReport): string {
  return `${formatCount(restoredLayers, 'layer')} as pushed again (${formatBytes(restoredBytes)} written)\n`;
}

/** A look at the queue as the report of a job that works it off. */
function queueJob(report: () => Promise<DedupReport>) {
  const began = performance.now();
  let total = 0;
  return async () => {
    const found = await report();
    if (found.state === 'paused') {
      throw new CliError('free space is below the reserve: nothing is ingested', EXIT.failure);
    }
    const left = found.layers.queued - found.layers.retrying;
    if (found.state === 'idle' && left > 0 && found.policy !== 'off') {
      throw new CliError(`${formatCount(left, 'layer')} queued, and no server runs`, EXIT.failure);
    }
    total = Math.max(total, left);
    const done = total - left;
    const ratePerSecond = (done * 1000) / Math.max(1, performance.now() - began);
    const etaSeconds = ratePerSecond === 0 ? null : left / ratePerSecond;
    const progress: Progress = { unit: 'blobs', done, total, ratePerSecond, etaSeconds };
    const state = found.state === 'working' ? ('running' as const) : ('finished' as const);
    return { state, progress, error: null, found };
  };
}

/** Defines the command. */
export function command(context: CliContext): Command {
  const { terminal } = context;
  const dedup = defineCommand({
    usage: 'dedup',
    description:
      'Layers are taken apart, every file of them is stored once, and they are put together again\n' +
      'when they are pulled. That happens by itself while the server runs.',
    examples: [
      ['stowage dedup report', 'what it saves'],
      ['stowage dedup wait', 'wait until pushed layers have been taken apart'],
      ['stowage dedup undo', 'write layers back, after dedup.policy: off'],
    ],
  });
  const report = withRegistry(
    defineCommand({
      usage: 'report',
      description: 'Show what is stored in which way.',
      examples: [],
    }),
  ).action((options: RegistryOptions) =>
    withConnection(context, options, async ({ operations }) => {
      const found = await operations.dedup.report();
      if (options.json) printJson(terminal, found);
      else terminal.out(formatDedup(found));
    }),
  );
  const wait = withRegistry(
    defineCommand({
      usage: 'wait',
      description:
        'Wait until nothing is left to be ingested now, and what need not stay as it was pushed has\n' +
        'gone. Layers whose ingest failed are not waited for.',
      examples: [],
    }),
  ).action((options: RegistryOptions) =>
    withConnection(context, options, async ({ operations }) => {
      const look = queueJob(() => operations.dedup.report());
      const { found } = await follow({ label: 'Ingesting', start: look, report: look, terminal });
      if (options.json) printJson(terminal, found);
      else terminal.out(formatDedup(found));
    }),
  );
  const undo = withRegistry(
    defineCommand({
      usage: 'undo',
      description:
        'Write back, as they were pushed, the layers that dedup.policy and dedup.repositories do not\n' +
        'allow to be taken apart, and free what stood for them. Nothing is done without room for all.',
      examples: [],
    }),
  ).action((options: RegistryOptions) =>
    withConnection(context, options, async ({ operations }) => {
      const job = operations.dedup.undo;
      const done = await follow({
        label: 'Writing back',
        start: () => job.start(),
        report: () => job.report(),
        terminal,
      });
      if (options.json) printJson(terminal, done);
      else terminal.out(formatUndo(done));
    }),
  );
  return dedup.addCommand(report).addCommand(wait).addCommand(undo);
}
