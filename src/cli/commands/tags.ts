/** `stowage tags` */
import type { Command } from 'commander';
import { formatBytes, formatCount, formatTable, formatTime } from '../../lib/format.ts';
import {
  type CliContext,
  defineCommand,
  printJson,
  type RegistryOptions,
  withConnection,
  withRegistry,
} from '../context.ts';
import { readAll } from '../pages.ts';
import { parseReference } from '../reference.ts';
import { formatDeletion } from './repos.ts';

function listCommand(context: CliContext): Command {
  const { terminal } = context;
  const list = defineCommand({
    usage: 'list <repository>',
    description: 'List the tags of a repository.',
    examples: [['stowage tags list team/app', 'tags with digest, size and time']],
  });
  return withRegistry(list).action((repository: string, options: RegistryOptions) =>
    withConnection(context, options, async ({ operations }) => {
      const tags = await readAll((page) => operations.tags(repository, page));
      if (options.json) return printJson(terminal, tags);
      const table = formatTable(tags, [
        { title: 'TAG', text: ({ name }) => name },
        { title: 'DIGEST', text: ({ digest }) => digest },
        {
          title: 'SIZE',
          text: ({ bytes }) => (bytes === null ? '-' : formatBytes(bytes)),
          align: 'right',
        },
        { title: 'PUSHED', text: ({ pushedAt }) => formatTime(pushedAt) },
      ]);
      terminal.out(table);
    }),
  );
}

function deleteCommand(context: CliContext): Command {
  const { terminal } = context;
  const remove = defineCommand({
    usage: 'delete <reference>',
    description: 'Delete a tag, or a manifest and the tags that name it.',
    examples: [
      ['stowage tags delete team/app:v1', 'the tag; its manifest stays'],
      ['stowage tags delete team/app@sha256:...', 'the manifest and its tags'],
    ],
  });
  return withRegistry(remove).action((text: string, options: RegistryOptions) => {
    const { repository, kind, reference } = parseReference(text);
    return withConnection(context, options, async ({ operations }) => {
      const result =
        kind === 'tag'
          ? await operations.deleteTag(repository, reference)
          : await operations.deleteManifest(repository, reference);
      if (options.json) printJson(terminal, result);
      else terminal.out(formatDeletion(text, result));
    });
  });
}

function deletedCommand(context: CliContext): Command {
  const { terminal } = context;
  const deleted = defineCommand({
    usage: 'deleted <repository>',
    description: 'List deleted tags and manifests that can be restored, the latest first.',
    examples: [['stowage tags deleted team/app', 'what tags restore can bring back']],
  });
  return withRegistry(deleted).action((repository: string, options: RegistryOptions) =>
    withConnection(context, options, async ({ operations }) => {
      const items = await operations.deleted(repository);
      if (options.json) return printJson(terminal, items);
      const table = formatTable(items, [
        { title: 'KIND', text: ({ kind }) => kind },
        { title: 'REFERENCE', text: ({ reference }) => reference },
        {
          title: 'OF',
          text: ({ kind, digest, tags }) => (kind === 'tag' ? digest : tags.join(',')),
        },
        { title: 'DELETED', text: ({ deletedAt }) => formatTime(deletedAt) },
        { title: 'UNTIL', text: ({ restorableUntil }) => formatTime(restorableUntil) },
      ]);
      terminal.out(table);
    }),
  );
}

function restoreCommand(context: CliContext): Command {
  const { terminal } = context;
  const restore = defineCommand({
    usage: 'restore <reference>',
    description: 'Restore a deleted tag with its manifest, or a deleted manifest with its tags.',
    examples: [
      ['stowage tags restore team/app:v1', 'the tag as it was last deleted'],
      ['stowage tags restore team/app@sha256:...', 'a manifest'],
    ],
  });
  return withRegistry(restore).action((text: string, options: RegistryOptions) => {
    const { repository, reference } = parseReference(text);
    return withConnection(context, options, async ({ operations }) => {
      const result = await operations.restore(repository, reference);
      if (options.json) return printJson(terminal, result);
      const { tags, manifests } = result;
      const counts = `${formatCount(tags, 'tag')}, ${formatCount(manifests, 'manifest')}`;
      terminal.out(`restored ${text}: ${counts}\n`);
    });
  });
}

/** Defines the command. */
export function command(context: CliContext): Command {
  return defineCommand({
    usage: 'tags',
    description: 'List, delete or restore tags and manifests. Without a further word: list.',
    examples: [
      ['stowage tags team/app', 'list the tags of a repository'],
      ['stowage tags delete team/app:v1', 'delete a tag'],
      ['stowage tags restore team/app:v1', 'bring it back'],
    ],
  })
    .addCommand(listCommand(context), { isDefault: true })
    .addCommand(deleteCommand(context))
    .addCommand(deletedCommand(context))
    .addCommand(restoreCommand(context));
}
