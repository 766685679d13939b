/** `stowage config` */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { configJsonSchema } from '../../registry/config/json-schema.ts';
import { DEFAULT_FILE, loadConfig } from '../../registry/config/load.ts';
import { ConfigError, formatProblem } from '../../registry/config/problems.ts';
import { configTemplate } from '../../registry/config/template.ts';
import { type CliContext, defineCommand, printJson, withConfig, withJson } from '../context.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';

interface Options {
  readonly config?: string;
  readonly json?: true;
}

function load({ terminal }: CliContext, { config }: Options) {
  const { environment, directory } = terminal;
  return loadConfig({ file: config, environment, directory });
}

function checkCommand(context: CliContext): Command {
  const { terminal } = context;
  const check = defineCommand({
    usage: 'check',
    description:
      'Check the configuration, file and environment, and tell everything that is wrong with it.',
    examples: [
      ['stowage config check', 'what serve would use here'],
      ['stowage config check -c new.yaml', 'another file'],
    ],
  });
  return withJson(withConfig(check)).action(async (options: Options) => {
    try {
      const { file } = await load(context, options);
      const place = file ?? 'no file: defaults and environment';
      if (options.json) printJson(terminal, { valid: true, file: file ?? null, problems: [] });
      else terminal.out(`the configuration is valid (${place})\n`);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const { problems } = error;
      if (options.json) printJson(terminal, { valid: false, problems });
      else terminal.out(problems.map((problem) => `${formatProblem(problem)}\n`).join(''));
      context.setExitCode(EXIT.configuration);
    }
  });
}

function showCommand(context: CliContext): Command {
  const { terminal } = context;
  const show = defineCommand({
    usage: 'show',
    description: 'Show the configuration in force: file, environment and defaults together.',
    examples: [['stowage config show --json', 'as JSON']],
  });
  return withJson(withConfig(show)).action(async (options: Options) => {
    const { settings } = await load(context, options);
    if (options.json) printJson(terminal, settings);
    else terminal.out(stringify(settings));
  });
}

function schemaCommand({ terminal }: CliContext): Command {
  return defineCommand({
    usage: 'schema',
    description: 'Print the JSON Schema of the configuration file, for editors.',
    examples: [['stowage config schema > stowage.schema.json', 'keep it beside the file']],
  }).action(() => terminal.out(configJsonSchema()));
}

function initCommand({ terminal }: CliContext): Command {
  return defineCommand({
    usage: 'init [file]',
    description: 'Write a configuration file with every key, its default and its meaning.',
    examples: [
      ['stowage config init', `write ./${DEFAULT_FILE}`],
      ['stowage config init -', 'print it'],
    ],
  })
    .option('-f, --force', 'replace a file that is there')
    .action(async (name: string | undefined, { force }: { readonly force?: true }) => {
      const text = configTemplate();
      if (name === '-') return terminal.out(text);
      const file = resolve(terminal.directory, name ?? DEFAULT_FILE);
      await writeFile(file, text, { flag: force ? 'w' : 'wx' }).catch(
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'EEXIST') throw error;
          throw new CliError(`${file} is there already`, EXIT.failure, '--force replaces it');
        },
      );
      terminal.out(`wrote ${file}\n`);
    });
}

/** Defines the command. */
export function command(context: CliContext): Command {
  return defineCommand({
    usage: 'config',
    description: 'Check, show or begin a configuration.',
    examples: [
      ['stowage config init', 'begin a configuration file'],
      ['stowage config check', 'check it'],
      ['stowage config show', 'see what is in force'],
    ],
  })
    .addCommand(checkCommand(context))
    .addCommand(showCommand(context))
    .addCommand(schemaCommand(context))
    .addCommand(initCommand(context));
}
