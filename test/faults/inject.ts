/** Makes system calls of a running server fail, by strace. Needs root. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Which calls fail, and how. */
export interface Injection {
  /** Names of system calls. */
  readonly calls: readonly string[];
  /** As strace takes it: `error=EIO`, or `retval=0` for a write that takes nothing. */
  readonly result: string;
  /** Only calls on these files. */
  readonly paths?: readonly string[] | undefined;
}

/** Lets calls of a process fail while `work` runs, and no longer. */
export async function withFailing<T>(
  pid: number,
  { calls, result, paths = [] }: Injection,
  work: () => Promise<T>,
): Promise<T> {
  const names = calls.join(',');
  const tracer = spawn(
    'strace',
    [
      ...['-f', '-o', '/dev/null', '-p', String(pid)],
      ...paths.flatMap((path) => ['-P', path]),
      ...['-e', `trace=${names}`, '-e', `inject=${names}:${result}`],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = once(tracer, 'exit');
  const lines = createInterface({ input: tracer.stderr! });
  const said: string[] = [];
  const attached = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      said.push(line);
      if (line.includes('attached')) resolve();
    });
  });
  try {
    await Promise.race([
      attached,
      ended.then(() => {
        throw new Error(`strace ended: ${said.join('\n')}`);
      }),
    ]);
    return await work();
  } finally {
    // It lets go of the process and leaves it running.
    tracer.kill('SIGINT');
    await ended;
  }
}
