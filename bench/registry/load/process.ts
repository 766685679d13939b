/** The benchmark's end of a load process. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type {
  Command,
  OpenCommand,
  Reply,
  RunCommand,
  RunResult,
  VerifyCommand,
} from './protocol.ts';

/** A load process. One command at a time; each rejects when any answer was not what it must be. */
export interface Load {
  open(command: Omit<OpenCommand, 'command'>): Promise<void>;
  run(command: Omit<RunCommand, 'command'>): Promise<RunResult>;
  /** Pushes images whose blobs travel side by side over all open connections. */
  pushSideBySide(images: number): Promise<RunResult>;
  /** Reads back a random sample of what was pushed since `open`, and checks the digests. */
  verify(options?: Omit<VerifyCommand, 'command'>): Promise<void>;
  /** Closes the connections; the process stays. */
  close(): Promise<void>;
  /** Ends the process. */
  end(): void;
}

function ask(child: ChildProcess, command: Command): Promise<RunResult | undefined> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('the load process ended'));
    child.once('exit', ended);
    child.once('message', (reply: Reply) => {
      child.removeListener('exit', ended);
      if (reply.ok) resolve(reply.result);
      else reject(new Error(reply.error));
    });
    child.send(command);
  });
}

/** Starts a load process. */
export function startLoad(): Load {
  const child = fork(join(import.meta.dirname, 'worker.ts'), { execArgv: [] });
  return {
    async open(command) {
      await ask(child, { command: 'open', ...command });
    },
    async run(command) {
      return (await ask(child, { command: 'run', ...command }))!;
    },
    async pushSideBySide(images) {
      return (await ask(child, { command: 'side-by-side', images }))!;
    },
    async verify(options) {
      await ask(child, { command: 'verify', ...options });
    },
    async close() {
      await ask(child, { command: 'close' });
    },
    end: () => child.disconnect(),
  };
}
