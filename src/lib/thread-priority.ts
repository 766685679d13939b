/** Priority of threads: the system's scheduler lets those go first that somebody waits for. */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';

/**
 * Takes priority from the thread that calls this, for good. Linux has priorities for each thread;
 * elsewhere, and where /proc is not there, nothing happens. It is left with nice 10.
 */
export function standBack(): void {
  try {
    // `PID/task/TID` of who reads it.
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It works all the same, only less considerately.
  }
}
