/** What every command gets, and what the commands have in common. */
import { Command } from 'commander';
import { type Connection, connect, type OpenDirectory, type TargetOptions } from './connect.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** The surroundings of the commands. */
export interface CliContext {
  readonly terminal: Terminal;
  readonly openDirectory: OpenDirectory;
  /** Ends with this code although nothing went wrong with the command itself. */
  setExitCode(code: ExitCode): void;
}

/** Options of the commands that work on a registry. */
export interface RegistryOptions extends TargetOptions {
  readonly json?: true;
}

/** How a command is described. */
export interface CommandText {
  /** Name and arguments, for example `delete <repository>`. */
  readonly usage: string;
  readonly description: string;
  /** Command lines with what they do, shown by `--help`. */
  readonly examples: readonly (readonly [string, string])[];
}

/** Starts the definition of a command. */
export function defineCommand({ usage, description, examples }: CommandText): Command {
  const [name, ...rest] = usage.split(' ');
  const command = new Command(name).description(description);
  if (rest.length > 0) command.arguments(rest.join(' '));
  if (examples.length === 0) return command;
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, meaning]) => `  ${line.padEnd(width)}  ${meaning}`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** Adds `--json`. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON');
}

/** Adds `--config`. */
export function withConfig(command: Command): Command {
  return command.option(
    '-c, --config <file>',
    'configuration file; else STOWAGE_CONFIG, else ./stowage.yaml',
  );
}

/** Adds the options of {@link RegistryOptions}. */
export function withRegistry(command: Command): Command {
  return withConfig(withJson(command)).option(
    '-s, --server <url>',
    'server to talk to; else STOWAGE_SERVER, else the one that runs on the data directory',
  );
}

/** Runs `use` on the registry that the options name, and lets go of it whatever happens. */
export async function withConnection<T>(
  context: CliContext,
  options: TargetOptions,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connect(options, context.terminal, context.openDirectory);
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

/** Prints a value as JSON. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`);
}
