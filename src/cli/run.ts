/**
 * The command line: finds the command, runs it, and turns what goes wrong into a message and an exit
 * code. Only the module of the command that is asked for is loaded, which keeps every start short.
 */
import { Command, CommanderError } from 'commander';
import { printable } from '../lib/format.ts';
import { VERSION } from '../registry/admin/version.ts';
import type { OpenDirectory } from './connect.ts';
import type { CliContext } from './context.ts';
import { explain } from './errors.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

interface CommandModule {
  /** Defines the command with its options and what it does. */
  command(context: CliContext): Command;
}

interface Entry {
  readonly summary: string;
  load(): Promise<CommandModule>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  serve: { summary: 'run the registry', load: () => import('./commands/serve.ts') },
  status: { summary: 'show the state of a registry', load: () => import('./commands/status.ts') },
  repos: { summary: 'list or delete repositories', load: () => import('./commands/repos.ts') },
  tags: {
    summary: 'list, delete or restore tags and manifests',
    load: () => import('./commands/tags.ts'),
  },
  files: {
    summary: 'list, read, find or compare files inside of images',
    load: () => import('./commands/files.ts'),
  },
  analyze: {
    summary: 'tell what is in images, what they share, and what deduplication would save',
    load: () => import('./commands/analyze.ts'),
  },
  gc: { summary: 'run or look at the collector', load: () => import('./commands/gc.ts') },
  scrub: { summary: 'check what is stored', load: () => import('./commands/scrub.ts') },
  dedup: {
    summary: 'look at layers that are stored file by file, wait for them, or undo it',
    load: () => import('./commands/dedup.ts'),
  },
  config: {
    summary: 'check, show or begin a configuration',
    load: () => import('./commands/config.ts'),
  },
  passwd: {
    summary: 'add, change or remove a user of an htpasswd file',
    load: () => import('./commands/passwd.ts'),
  },
};

const HELP = `
Examples:
  stowage serve                   serve on 127.0.0.1:5000, with data in ./data
  stowage serve -c stowage.yaml   serve as the file says
  stowage status                  state of the server on this data directory
  stowage help gc                 more about one command

Exit codes: 0 success, 1 failure, 2 wrong usage, 3 wrong configuration, 4 no server or directory
to work on, 5 no such repository, tag or user, 6 damage found, 130 interrupted.`;

/** What the command line stands in. */
export interface CliOptions {
  readonly terminal: Terminal;
  readonly openDirectory: OpenDirectory;
}

/** The command that the arguments name, `help NAME` included. */
function wantedCommand(args: readonly string[]): string | undefined {
  const words = args.filter((word) => !word.startsWith('-'));
  const name = words[0] === 'help' ? words[1] : words[0];
  return name !== undefined && Object.hasOwn(COMMANDS, name) ? name : undefined;
}

/** Makes `command` and all below it throw instead of ending the process, and write to `terminal`. */
function hold(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => terminal.out(text),
    writeErr: (text) => terminal.err(text),
  });
  for (const child of command.commands) hold(child, terminal);
}

async function buildProgram(args: readonly string[], context: CliContext): Promise<Command> {
  const program = new Command('stowage')
    .description('A container registry that stores every file once.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .addHelpText('after', HELP);
  const wanted = wantedCommand(args);
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    if (name === wanted) program.addCommand((await load()).command(context).summary(summary));
    else program.command(name).summary(summary);
  }
  hold(program, context.terminal);
  return program;
}

function report(error: unknown, json: boolean, terminal: Terminal): ExitCode {
  if (error instanceof CommanderError) {
    // Commander has told what is wrong already.
    return error.exitCode === 0 ? EXIT.success : EXIT.usage;
  }
  const { message, hint, exitCode } = explain(error);
  if (json) {
    terminal.err(`${JSON.stringify({ error: { message, hint, exitCode } })}\n`);
  } else {
    const { red, dim } = terminal.colors;
    const lines = printable(message).split('\n');
    for (const line of lines) terminal.err(`${red('stowage:')} ${line}\n`);
    if (hint !== undefined) terminal.err(`${dim(`  hint: ${printable(hint)}`)}\n`);
  }
  return exitCode;
}

/**
 * Runs one command line. Never rejects.
 * @param args - what follows the name of the program
 * @returns the exit code
 */
export async function runCli(args: readonly string[], options: CliOptions): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.success;
  const context: CliContext = {
    ...options,
    setExitCode(code) {
      exitCode = code;
    },
  };
  try {
    const program = await buildProgram(args, context);
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error, args.includes('--json'), options.terminal);
  }
}
