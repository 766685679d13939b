/** Runs a program to its end and returns what it printed. */
import { execFile } from 'node:child_process';

/** How to run it. */
export interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to its standard input. */
  readonly input?: string;
  /** Milliseconds until it is killed. Default 120,000. */
  readonly timeoutMs?: number;
}

/** The message holds the program's arguments and the end of its output. */
class RunError extends Error {
  override readonly name = 'RunError';
}

/**
 * Runs a program without a shell.
 * @returns its standard output, without the white space at the end
 * @throws Error when it cannot be started, fails or takes too long
 */
export function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { cwd, env, input, timeoutMs = 120_000 } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        cwd,
        env: { ...process.env, ...env },
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout.trimEnd());
        const how = error.killed ? `killed after ${timeoutMs} ms` : `code ${error.code}`;
        const said = `${stdout}${stderr}`.slice(-4000);
        reject(new RunError(`${[program, ...args].join(' ')}: ${how}\n${said}`));
      },
    );
    child.stdin?.end(input);
  });
}
