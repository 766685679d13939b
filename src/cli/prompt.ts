/** Asks the person at the terminal. */
import { createInterface } from 'node:readline/promises';
import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** A password longer than this is none. */
const MAX_LENGTH = 4096;

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const BACKSPACE = ['\u0008', '\u007f'];

/** Reads a line without showing it. */
function readHidden(terminal: Terminal, label: string): Promise<string> {
  const { input } = terminal;
  terminal.err(label);
  input.setRawMode?.(true);
  input.setEncoding('utf8');
  return new Promise<string>((resolve, reject) => {
    let typed: string[] = [];
    const finish = (): void => {
      input.off('data', onData);
      input.off('end', onEnd);
      input.setRawMode?.(false);
      input.pause();
      terminal.err('\n');
    };
    const onEnd = (): void => {
      finish();
      resolve(typed.join(''));
    };
    const onData = (text: string): void => {
      for (const character of text) {
        if (character === CTRL_C) {
          finish();
          reject(new CliError('interrupted', EXIT.interrupted));
          return;
        }
        if (character === '\r' || character === '\n' || character === CTRL_D) {
          onEnd();
          return;
        }
        if (BACKSPACE.includes(character)) typed = typed.slice(0, -1);
        else if (typed.length < MAX_LENGTH) typed.push(character);
      }
    };
    input.on('data', onData);
    input.once('end', onEnd);
    input.resume();
  });
}

async function readFirstLine(terminal: Terminal): Promise<string> {
  let text = '';
  for await (const part of terminal.input.setEncoding('utf8')) {
    text += part;
    if (text.includes('\n') || text.length > MAX_LENGTH) break;
  }
  return text.split('\n', 1)[0]!.replace(/\r$/, '');
}

/**
 * A new password: typed twice at a terminal, else the first line of standard input.
 * @throws CliError when the two differ
 */
export async function askNewPassword(terminal: Terminal): Promise<string> {
  if (terminal.input.isTTY !== true) return await readFirstLine(terminal);
  const first = await readHidden(terminal, 'New password: ');
  const second = await readHidden(terminal, 'Again: ');
  if (first !== second) throw new CliError('the two passwords differ', EXIT.failure);
  return first;
}

/**
 * Makes sure that something destructive is meant.
 * @throws CliError when it is not, or when nobody can be asked
 */
export async function confirm(terminal: Terminal, question: string): Promise<void> {
  if (terminal.input.isTTY !== true) {
    throw new CliError('nobody can be asked whether this is meant', EXIT.usage, 'add --yes');
  }
  const lines = createInterface({ input: terminal.input, output: terminal.errStream });
  try {
    const answer = await lines.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('nothing was done', EXIT.failure);
  } finally {
    lines.close();
  }
}
