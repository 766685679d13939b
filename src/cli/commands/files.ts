/** `stowage files` */
import { StringDecoder } from 'node:string_decoder';
import { type Command, InvalidArgumentError } from 'commander';
import {
  formatBytes,
  formatTable,
  formatTime,
  printable,
  printableName,
} from '../../lib/format.ts';
import { isDigest } from '../../oci/digest.ts';
import { isTag } from '../../oci/name.ts';
import type {
  FileChange,
  FileSummary,
  FoundFileSummary,
  SearchPage,
} from '../../registry/admin/file-operations.ts';
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
import { parseReference } from '../reference.ts';
import type { Terminal } from '../terminal.ts';

/** Entries asked for at a time: the most that a server gives. */
const PAGE_SIZE = 1000;

interface ImageOptions extends RegistryOptions {
  readonly layer?: string;
  readonly platform?: string;
}

interface PageOptions {
  /** Entries at most. */
  readonly limit: number;
  /** Where to begin. */
  readonly after?: string;
}

function parseCount(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw new InvalidArgumentError('it has to be a number from 1 on');
  return count;
}

function parseLayer(text: string): string {
  if (!isDigest(text)) throw new InvalidArgumentError('it has to look like sha256:...');
  return text;
}

/** Adds the options that say what of an image is looked at. */
function withImage(command: Command): Command {
  return withRegistry(command)
    .option('--layer <digest>', 'look at this layer alone', parseLayer)
    .option('--platform <os/arch>', 'which image of an index; else the first one');
}

/** Adds the options that say which part of a long list is wanted. */
function withPages(command: Command): Command {
  return command
    .option('-n, --limit <count>', 'entries at most', parseCount, PAGE_SIZE)
    .option('--after <place>', 'go on where an earlier list ended');
}

/** Reads pages until there are enough entries. */
async function gather<Item>(
  { limit, after }: PageOptions,
  read: (limit: number, after: string | undefined) => Promise<Omit<SearchPage<Item>, 'timeUp'>>,
): Promise<{ readonly items: readonly Item[]; readonly next: string | null }> {
  const items: Item[] = [];
  let next: string | null = after ?? null;
  do {
    const page = await read(Math.min(PAGE_SIZE, limit - items.length), next ?? undefined);
    items.push(...page.items);
    next = page.next;
  } while (next !== null && items.length < limit);
  return { items, next };
}

/** Says that there is more, where it does not get mixed up with the list. */
function tellNext(terminal: Terminal, next: string | null): void {
  if (next === null) return;
  terminal.err(`There is more: go on with --after '${printableName(next)}'\n`);
}

const LETTERS: Readonly<Record<string, string>> = {
  directory: 'd',
  symlink: 'l',
  'character-device': 'c',
  'block-device': 'b',
  fifo: 'p',
  hardlink: 'h',
  whiteout: 'w',
  other: '?',
};

/** Type and permissions, such as `-rwsr-xr-x`; `h` is a hard link, `w` a whiteout. */
export function formatMode({ type, mode }: Pick<FileSummary, 'type' | 'mode'>): string {
  let text = LETTERS[type] ?? '-';
  const special = [0o4000, 0o2000, 0o1000];
  for (const [who, bit] of special.entries()) {
    const bits = (mode >> (6 - 3 * who)) & 7;
    const isExecutable = (bits & 1) !== 0;
    const mark = who === 2 ? 't' : 's';
    text += (bits & 4) === 0 ? '-' : 'r';
    text += (bits & 2) === 0 ? '-' : 'w';
    if ((mode & bit) !== 0) text += isExecutable ? mark : mark.toUpperCase();
    else text += isExecutable ? 'x' : '-';
  }
  return text;
}

function formatFiles(files: readonly FileSummary[]): string {
  return formatTable(files, [
    { title: 'MODE', text: formatMode },
    { title: 'OWNER', text: ({ uid, gid }) => `${uid}:${gid}`, align: 'right' },
    { title: 'SIZE', text: ({ size }) => formatBytes(size), align: 'right' },
    {
      title: 'MODIFIED',
      text: ({ modifiedAt }) => (modifiedAt === null ? '-' : formatTime(modifiedAt)),
    },
    {
      title: 'PATH',
      text: ({ path, link, opaque }) =>
        printableName(`/${path}${link === '' ? '' : ` -> ${link}`}${opaque ? ' (opaque)' : ''}`),
    },
  ]);
}

function formatFound(files: readonly FoundFileSummary[]): string {
  return formatTable(files, [
    { title: 'REPOSITORY', text: ({ repository }) => repository },
    { title: 'TAGS', text: ({ tags }) => (tags.length === 0 ? '-' : tags.join(',')) },
    { title: 'MANIFEST', text: ({ manifest }) => manifest },
    { title: 'SIZE', text: ({ size }) => formatBytes(size), align: 'right' },
    { title: 'PATH', text: ({ path }) => printableName(`/${path}`) },
  ]);
}

const MARKS: Readonly<Record<FileChange['kind'], string>> = {
  added: '+',
  removed: '-',
  changed: '~',
};

/** One line for each change: `~ /etc/passwd (content: 812 B -> 844 B)`. */
export function formatChanges(changes: readonly FileChange[]): string {
  const line = ({ path, kind, differences, from, to }: FileChange): string => {
    const sizes = [from, to].flatMap((file) => (file === null ? [] : [formatBytes(file.size)]));
    const size = kind === 'changed' && sizes[0] === sizes[1] ? '' : `: ${sizes.join(' -> ')}`;
    const what = kind === 'changed' ? `${differences.join(', ')}${size}` : sizes[0];
    return `${MARKS[kind]} ${printableName(`/${path}`)} (${what})\n`;
  };
  return changes.map(line).join('');
}

function listCommand(context: CliContext): Command {
  const { terminal } = context;
  const list = defineCommand({
    usage: 'ls <reference> [path]',
    description: 'List a directory of an image, or show a single file.',
    examples: [
      ['stowage files ls team/app:v1', 'the root directory'],
      ['stowage files ls team/app:v1 /etc', 'another one; links are followed'],
      ['stowage files ls team/app:v1 / -R --json', 'everything, as JSON'],
      ['stowage files ls team/app:v1 / --layer sha256:...', 'what one layer has, whiteouts too'],
    ],
  });
  type Options = ImageOptions & PageOptions & { readonly recursive?: true };
  return withPages(withImage(list))
    .option('-R, --recursive', 'also what is in directories below')
    .action((text: string, path: string | undefined, options: Options) => {
      const { repository, reference } = parseReference(text);
      const { layer, platform, recursive } = options;
      const target = { repository, reference, path: path ?? '', layer, platform };
      return withConnection(context, options, async ({ operations }) => {
        let found: { manifest: string; entry: FileSummary } | undefined;
        const { items, next } = await gather(options, async (limit, after) => {
          const page = await operations.files.list(target, { limit, after, recursive });
          found = { manifest: page.manifest, entry: page.entry };
          return page;
        });
        if (options.json) return printJson(terminal, { ...found, items, next });
        const isDirectory = found?.entry.type === 'directory';
        terminal.out(formatFiles(isDirectory ? items : [found!.entry]));
        tellNext(terminal, next);
      });
    });
}

/** Writes bytes; those that a person reads are not allowed to move the cursor. */
async function show(terminal: Terminal, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const decoder = new StringDecoder('utf8');
  for await (const some of bytes) {
    if (!terminal.isOutTTY) await terminal.outBytes(some);
    else {
      const lines = decoder.write(Buffer.from(some)).split('\t').map(printable);
      terminal.out(lines.join('\t'));
    }
  }
  if (terminal.isOutTTY) terminal.out(printable(decoder.end()));
}

function catCommand(context: CliContext): Command {
  const { terminal } = context;
  const cat = defineCommand({
    usage: 'cat <reference> <path>',
    description:
      'Write the bytes of a file of an image to standard output, or a directory as a tar archive.\n' +
      'At a terminal, control characters are written as \\u{1b}.',
    examples: [
      ['stowage files cat team/app:v1 /etc/os-release', 'a file'],
      ['stowage files cat --tar team/app:v1 /etc | tar -t', 'a directory'],
    ],
  });
  return withImage(cat)
    .option('--tar', 'a directory as an archive')
    .action((text: string, path: string, options: ImageOptions & { readonly tar?: true }) => {
      const { repository, reference } = parseReference(text);
      const { layer, platform, tar = false } = options;
      return withConnection(context, options, async ({ operations }) => {
        const target = { repository, reference, path, layer, platform };
        const download = await operations.files.open(target, { tar });
        if (download === undefined) {
          const hint = 'stowage files ls lists it, --tar writes it as an archive';
          throw new CliError(`${path} is a directory`, EXIT.failure, hint);
        }
        const { signal } = new AbortController();
        try {
          await show(terminal, download.bytes({ signal }));
        } finally {
          download.close();
        }
      });
    });
}

function findCommand(context: CliContext): Command {
  const { terminal } = context;
  const find = defineCommand({
    usage: 'find <what>',
    description:
      'Find files in all images whose layers have been taken apart: by the SHA-256 of their bytes, by\n' +
      'their name, or by a pattern. * stands for anything but a slash, ** for anything; a pattern with\n' +
      'a slash is compared with whole paths.',
    examples: [
      ['stowage files find sha256:...', 'who has this very file'],
      ['stowage files find log4j-core-2.14.1.jar', 'who has a file of this name'],
      ["stowage files find '*.pem'", 'who has files of this kind'],
      ["stowage files find 'usr/lib/**/libssl.so*'", 'in a directory'],
    ],
  });
  return withPages(withRegistry(find)).action(
    (what: string, options: RegistryOptions & PageOptions) =>
      withConnection(context, options, async ({ operations }) => {
        const query = isDigest(what)
          ? { digest: what }
          : /[*/]/.test(what)
            ? { glob: what }
            : { name: what };
        const { items, next } = await gather(options, (limit, cursor) =>
          operations.files.find({ ...query, limit, cursor }),
        );
        if (options.json) printJson(terminal, { items, next });
        else {
          terminal.out(formatFound(items));
          tellNext(terminal, next);
        }
      }),
  );
}

function diffCommand(context: CliContext): Command {
  const { terminal } = context;
  const diff = defineCommand({
    usage: 'diff <reference> <other>',
    description:
      'Show which files differ between two images of a repository: + added, - removed, ~ changed.\n' +
      'Times of files do not count.',
    examples: [
      ['stowage files diff team/app:v1 v2', 'what v2 has otherwise'],
      ['stowage files diff team/app:v1 sha256:... --json', 'against a manifest, as JSON'],
    ],
  });
  type Options = RegistryOptions & PageOptions & { readonly platform?: string };
  return withPages(withRegistry(diff))
    .option('--platform <os/arch>', 'which image of an index; else the first one')
    .action((text: string, to: string, options: Options) => {
      const { repository, reference: from } = parseReference(text);
      if (!isTag(to) && !isDigest(to)) {
        throw new CliError(`${to} is no tag and no digest`, EXIT.usage);
      }
      const { platform } = options;
      return withConnection(context, options, async ({ operations }) => {
        const { items, next } = await gather(options, (limit, after) =>
          operations.files.diff({ repository, from, to, platform, limit, after }),
        );
        if (options.json) printJson(terminal, { items, next });
        else {
          terminal.out(formatChanges(items));
          tellNext(terminal, next);
        }
      });
    });
}

/** Defines the command. */
export function command(context: CliContext): Command {
  return defineCommand({
    usage: 'files',
    description: 'List, read, find or compare files inside of images, without pulling them.',
    examples: [
      ['stowage files ls team/app:v1 /etc', 'list a directory'],
      ['stowage files cat team/app:v1 /etc/os-release', 'read a file'],
      ["stowage files find '*.jar'", 'find files in all images'],
      ['stowage files diff team/app:v1 v2', 'compare two images'],
    ],
  })
    .addCommand(listCommand(context))
    .addCommand(catCommand(context))
    .addCommand(findCommand(context))
    .addCommand(diffCommand(context));
}
