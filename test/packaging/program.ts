/** Starts a server by any command that ends in `stowage serve` and waits until it listens. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const READY_TIMEOUT_MS = 180_000;

/** A server behind some command. */
export interface Program {
  readonly url: string;
  /** Process id of the server, which need not be that of the command. */
  readonly pid: number;
  /** Sends SIGTERM to the command; resolves with its exit code, null after a signal. */
  stop(): Promise<number | null>;
}

/**
 * Runs the command.
 * @throws Error with its output when it ends, or does not listen in time
 */
export async function startProgram(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Program> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const exited = new Promise<number | null>((done, failed) => {
    child.once('error', failed);
    child.once('close', (code) => done(code));
  });
  const listening = new Promise<Pick<Program, 'url' | 'pid'>>((done) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        output += `${line}\n`;
        if (!line.includes('"msg":"listening"')) return;
        const { url, pid } = JSON.parse(line);
        done({ url, pid });
      });
    }
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new Error('does not listen in time')), READY_TIMEOUT_MS);
  });
  const stop = (): Promise<number | null> => {
    child.kill('SIGTERM');
    return exited;
  };
  try {
    const ended = exited.then((code) => {
      throw new Error(`ended with code ${code}`);
    });
    return { ...(await Promise.race([listening, ended, late])), stop };
  } catch (error) {
    await stop();
    throw new Error(`${program} ${(error as Error).message}\n${output.slice(-4000)}`);
  } finally {
    clearTimeout(timer);
  }
}
