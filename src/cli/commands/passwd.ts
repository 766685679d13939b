/** `stowage passwd` */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import {
  DEFAULT_COST,
  removeHtpasswdUser,
  setHtpasswdUser,
} from '../../registry/auth/htpasswd-file.ts';
import { type CliContext, defineCommand, printJson, withJson } from '../context.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { askNewPassword } from '../prompt.ts';

interface Options {
  readonly delete?: true;
  readonly cost: number;
  readonly json?: true;
}

function readCost(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new InvalidArgumentError('It has to be a number.');
  return Number(text);
}

/** Defines the command. */
export function command(context: CliContext): Command {
  const { terminal } = context;
  const passwd = defineCommand({
    usage: 'passwd <file> <user>',
    description:
      'Add a user to an htpasswd file, or change the password of one. The password is asked for,\n' +
      'or read from the first line of standard input. A running server sees the change by itself.',
    examples: [
      ['stowage passwd htpasswd alice', 'ask for the password'],
      ['stowage passwd htpasswd ci < secret', 'read it from a file'],
      ['stowage passwd htpasswd alice --delete', 'remove the user'],
    ],
  });
  return withJson(passwd)
    .option('-d, --delete', 'remove the user')
    .option('--cost <number>', 'log2 of the rounds of bcrypt, 10 to 16', readCost, DEFAULT_COST)
    .action(async (name: string, user: string, options: Options) => {
      const file = resolve(terminal.directory, name);
      if (options.delete) {
        const found = await removeHtpasswdUser(file, user);
        if (!found) throw new CliError(`there is no user ${user} in ${file}`, EXIT.notFound);
      } else {
        const password = await askNewPassword(terminal);
        await setHtpasswdUser(file, { user, password }, { cost: options.cost });
      }
      const change = options.delete ? 'removed' : 'set';
      if (options.json) printJson(terminal, { file, user, change });
      else
        terminal.out(`${user} ${change === 'set' ? 'has a password' : 'was removed'} in ${file}\n`);
    });
}
