/** Watches a running server with strace(1). */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { processesOf } from './process.ts';
import { countSyscalls, type SyscallCounts, TRACED_CALLS } from './trace.ts';

/** O_DSYNC, which O_SYNC includes, as /proc/PID/fdinfo shows it. */
const O_DSYNC = 0o10000;

/** True when strace is installed. */
export async function hasStrace(): Promise<boolean> {
  try {
    await promisify(execFile)('strace', ['-V']);
    return true;
  } catch {
    return false;
  }
}

/** Descriptors of a process that sync each write by themselves. */
function syncedDescriptors(pid: number): number[] {
  return readdirSync(`/proc/${pid}/fdinfo`)
    .map(Number)
    .filter((fd) => {
      try {
        const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'));
        return (Number.parseInt(flags?.[1] ?? '0', 8) & O_DSYNC) !== 0;
      } catch {
        return false;
      }
    });
}

/**
 * Counts the system calls that a server makes while `work` runs.
 * @param file - scratch file for the trace; removed again
 * @throws Error when strace may not attach (it needs ptrace rights), or the error of `work`
 */
export async function countDuring(
  pid: number,
  file: string,
  work: () => Promise<unknown>,
): Promise<SyscallCounts> {
  const pids = processesOf(pid);
  const synced = pids.flatMap(syncedDescriptors);
  const targets = pids.flatMap((id) => ['-p', String(id)]);
  const calls = TRACED_CALLS.join(',');
  const args = ['-f', '-e', `trace=${calls}`, '-e', 'signal=none', '-s', '0', '-o', file];
  const strace = spawn('strace', [...args, ...targets], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(strace, 'exit');
  try {
    await new Promise<void>((resolve, reject) => {
      let attached = 0;
      createInterface({ input: strace.stderr }).on('line', (line) => {
        if (!line.includes('attached')) reject(new Error(line));
        attached += 1;
        if (attached === pids.length) resolve();
      });
      exited.then(() => reject(new Error('strace ended')));
    });
    await work();
  } finally {
    strace.kill('SIGINT');
    await exited;
  }
  const trace = await readFile(file, 'latin1');
  await rm(file);
  return countSyscalls(trace, synced);
}
