/** `stowage repos` */
import type { Command } from 'commander';
import { formatCount, formatTable, formatTime } from '../../lib/format.ts';
import type { DeletionResult } from '../../registry/admin/operations.ts';
import {
  type CliContext,
  defineCommand,
  printJson,
  type RegistryOptions,
  withConnection,
  withRegistry,
} from '../context.ts';
import { readAll } from '../pages.ts';
import { confirm } from '../prompt.ts';

/** What was deleted, for people. */
export function formatDeletion(what: string, result: DeletionResult): string {
  const { tags, manifests, restorableUntil } = result;
  const counts = `${formatCount(tags, 'tag')}, ${formatCount(manifests, 'manifest')}`;
  const undo =
    restorableUntil === null ? '' : `; can be restored until ${formatTime(restorableUntil)}`;
  return `deleted ${what}: ${counts}${undo}\n`;
}

function listCommand(context: CliContext): Command {
  const { terminal } = context;
  const list = defineCommand({
    usage: 'list',
    description: 'List repositories with the number of their tags and manifests.',
    examples: [['stowage repos list --json', 'as JSON']],
  });
  return withRegistry(list).action((options: RegistryOptions) =>
    withConnection(context, options, async ({ operations }) => {
      const repositories = await readAll((page) => operations.repositories(page));
      if (options.json) return printJson(terminal, repositories);
      const table = formatTable(repositories, [
        { title: 'REPOSITORY', text: ({ name }) => name },
        { title: 'TAGS', text: ({ tags }) => String(tags), align: 'right' },
        { title: 'MANIFESTS', text: ({ manifests }) => String(manifests), align: 'right' },
      ]);
      terminal.out(table);
    }),
  );
}

function deleteCommand(context: CliContext): Command {
  const { terminal } = context;
  const remove = defineCommand({
    usage: 'delete <repository>',
    description: 'Delete all tags and manifests of a repository.',
    examples: [['stowage repos delete team/app --yes', 'without asking']],
  });
  return withRegistry(remove)
    .option('-y, --yes', 'do not ask')
    .action((repository: string, options: RegistryOptions & { readonly yes?: true }) =>
      withConnection(context, options, async ({ operations, place }) => {
        if (!options.yes) {
          await confirm(terminal, `Delete everything in ${repository} at ${place}?`);
        }
        const result = await operations.deleteRepository(repository);
        if (options.json) printJson(terminal, result);
        else terminal.out(formatDeletion(repository, result));
      }),
    );
}

/** Defines the command. */
export function command(context: CliContext): Command {
  return defineCommand({
    usage: 'repos',
    description: 'List or delete repositories. Without a further word: list.',
    examples: [
      ['stowage repos', 'list all repositories'],
      ['stowage repos delete team/app', 'delete everything in one'],
    ],
  })
    .addCommand(listCommand(context), { isDefault: true })
    .addCommand(deleteCommand(context));
}
