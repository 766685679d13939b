/** Where a command reads and writes. Commands get it handed in, so that tests can look on. */
import type { Readable } from 'node:stream';
import picocolors from 'picocolors';
import { EXIT } from './exit-codes.ts';

const { createColors } = picocolors;

/** Functions that colour a text. */
export type Colors = ReturnType<typeof createColors>;

/** Standard input, with what a terminal adds to it. */
export type Input = Readable & {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
};

/** The surroundings of a command. */
export interface Terminal {
  /** Standard output: what was asked for. */
  out(text: string): void;
  /** Standard output: bytes. Resolves when more can be taken. @throws when nobody reads any more */
  outBytes(bytes: Uint8Array): Promise<void>;
  /** Whether standard output is read by a person. */
  readonly isOutTTY: boolean;
  /** Standard error: remarks, questions, progress. */
  err(text: string): void;
  readonly input: Input;
  /** The stream behind `err`, for progress bars. */
  readonly errStream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Colours for `err`; they change nothing where nobody would see them. */
  readonly colors: Colors;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Working directory. */
  readonly directory: string;
}

/** As https://no-color.org has it. */
function wantsColors({ isTTY }: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** Tells what standard output could not take, but for `| head` and the like, who has read enough. */
function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`stowage: standard output: ${error.message}\n`);
    process.once('exit', () => {
      process.exitCode ||= EXIT.failure;
    });
  });
  // There is nowhere left to say so.
  process.stderr.on('error', () => undefined);
}

/** The surroundings of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr, stdin, env } = process;
  watchOutput();
  return {
    out: (text) => void stdout.write(text),
    outBytes: (bytes) =>
      new Promise((resolve, reject) => {
        stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    isOutTTY: stdout.isTTY === true,
    err: (text) => void stderr.write(text),
    input: stdin,
    errStream: stderr,
    colors: createColors(wantsColors(stderr, env)),
    environment: env,
    directory: process.cwd(),
  };
}
