/** Priority of threads: the system's scheduler lets those go first that somebody waits for. */
import { execFile } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT_MS = 10_000;

/**
 * Takes priority from the thread that calls this, for good: it gets what processor time others leave.
 *
 * Linux has policies for each thread. With SCHED_IDLE any other thread takes the processor from it the
 * moment that it has something to do; with a nice value alone it keeps it for its time slice, some
 * milliseconds, which each request would wait for. Node only sets nice values, so this asks `chrt` of
 * util-linux, which Debian always has. Where that is missing nice 10 remains; elsewhere, and where /proc
 * is not there, nothing happens.
 * @returns when it is done; there is no need to wait for it
 */
export async function standBack(): Promise<void> {
  try {
    // `PID/task/TID` of who reads it.
    const thread = basename(readlinkSync('/proc/thread-self'));
    setPriority(Number(thread), constants.priority.PRIORITY_BELOW_NORMAL);
    await run('chrt', ['-i', '-p', '0', thread], { timeout: TIMEOUT_MS });
  } catch {
    // It works all the same, only less considerately.
  }
}
