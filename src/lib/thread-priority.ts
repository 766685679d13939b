/** Priority of threads: the system's scheduler lets those go first that somebody waits for. */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';

/**
 * Takes priority from the thread that calls this, for good. Linux has priorities for each thread;
 * elsewhere, and where /proc is not there, nothing happens.
 * @param nice - 1 to 19; default 10
 */
export function standBack(nice: number = constants.priority.PRIORITY_BELOW_NORMAL): void {
  try {
    // `PID/task/TID` of who reads it.
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), nice);
  } catch {
    // It works all the same, only less considerately.
  }
}
