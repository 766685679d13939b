/** Runs command lines in this process and looks at what they print. */
import { PassThrough, Writable } from 'node:stream';
import picocolors from 'picocolors';
import type { OpenDirectory } from '../../src/cli/connect.ts';
import { CliError } from '../../src/cli/errors.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { runCli } from '../../src/cli/run.ts';
import type { Input, Terminal } from '../../src/cli/terminal.ts';

/** A terminal that keeps what is written to it. */
export interface FakeTerminal extends Terminal {
  readonly output: { out: string; err: string };
  /** What was written as bytes. */
  readonly bytes: Buffer[];
}

/** How a fake terminal behaves. */
export interface FakeTerminalOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** Text on standard input, which then ends. */
  readonly input?: string;
  /** Makes standard input and error a terminal; each entry is typed after the next question. */
  readonly typed?: readonly string[];
  readonly colors?: boolean;
}

/** Makes a terminal. Standard error, what a progress bar draws included, goes to `output.err`. */
export function fakeTerminal(options: FakeTerminalOptions = {}): FakeTerminal {
  const output = { out: '', err: '' };
  const bytes: Buffer[] = [];
  const interactive = options.typed !== undefined;
  const answers = [...(options.typed ?? [])];
  const input: PassThrough & { isTTY?: boolean; raw?: boolean } = new PassThrough();
  if (interactive) input.isTTY = true;
  else input.end(options.input ?? '');
  const asked = (text: string): void => {
    const question = interactive && /: $|\] $/.test(text);
    const answer = question ? answers.shift() : undefined;
    if (answer !== undefined) setImmediate(() => input.write(answer));
  };
  const write = (text: string): void => {
    output.err += text;
    asked(text);
  };
  const errStream: Writable & { isTTY?: boolean } = new Writable({
    write(part, _, done) {
      write(String(part));
      done();
    },
  });
  if (interactive) errStream.isTTY = true;
  return {
    output,
    bytes,
    isOutTTY: false,
    async outBytes(some) {
      bytes.push(Buffer.from(some));
    },
    out: (text) => {
      output.out += text;
    },
    err: write,
    input: Object.assign(input, { setRawMode: (on: boolean) => (input.raw = on) }) as Input,
    errStream,
    colors: picocolors.createColors(options.colors ?? false),
    environment: options.environment ?? {},
    directory: options.directory ?? '/nonexistent',
  };
}

/** What a command line did. */
export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const noDirectory: OpenDirectory = () =>
  Promise.reject(new CliError('the directory was opened', EXIT.unreachable));

/** Runs a command line. */
export async function cli(
  args: readonly string[],
  options: FakeTerminalOptions & { readonly openDirectory?: OpenDirectory } = {},
): Promise<CliResult> {
  const terminal = fakeTerminal(options);
  const openDirectory = options.openDirectory ?? noDirectory;
  const code = await runCli(args, { terminal, openDirectory });
  return { code, ...terminal.output };
}
