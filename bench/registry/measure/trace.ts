/** Reads a trace of strace and counts what wears a disk: syncs, files created, names changed. */

/** System calls of a server over some time. */
export interface SyscallCounts {
  /** fsync, fdatasync, syncfs, msync(MS_SYNC) and writes that are synced by themselves (O_DSYNC). */
  syncs: number;
  /** Successful opens with O_CREAT, temporary files included. */
  created: number;
  /** mkdir. */
  folders: number;
  unlinked: number;
  /** rename and link. */
  renamed: number;
}

/** The system calls that a trace must hold for {@link countSyscalls}. */
export const TRACED_CALLS = [
  ...['open', 'openat', 'openat2', 'creat', 'close', 'mkdir', 'mkdirat', 'unlink', 'unlinkat'],
  ...['rename', 'renameat', 'renameat2', 'link', 'linkat'],
  ...['fsync', 'fdatasync', 'syncfs', 'sync', 'msync'],
  ...['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'],
] as const;

const SYNCS = new Set(['fsync', 'fdatasync', 'syncfs', 'sync']);
const OPENS = new Set(['open', 'openat', 'openat2', 'creat']);
const WRITES = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2']);
/** The counter that each of the remaining calls belongs to. */
const NAMES: ReadonlyMap<string, 'folders' | 'unlinked' | 'renamed'> = new Map([
  ['mkdir', 'folders'],
  ['mkdirat', 'folders'],
  ['unlink', 'unlinked'],
  ['unlinkat', 'unlinked'],
  ['rename', 'renamed'],
  ['renameat', 'renamed'],
  ['renameat2', 'renamed'],
  ['link', 'renamed'],
  ['linkat', 'renamed'],
] as const);

/** `PID call(arguments` with ` = result` unless the call was interrupted by another thread's. */
const CALL = /^(\d+) +(\w+)\((.*)$/;
const RESUMED = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/;
const UNFINISHED = / <unfinished \.\.\.>$/;
const RESULT = /\) += (-?\d+)/;

/**
 * Counts the calls of a trace made by `strace -f -o`.
 * @param synced - descriptors that were open with O_DSYNC or O_SYNC when the trace began
 */
export function countSyscalls(trace: string, synced: Iterable<number>): SyscallCounts {
  const counts = { syncs: 0, created: 0, folders: 0, unlinked: 0, renamed: 0 };
  const syncedDescriptors = new Set(synced);
  const unfinished = new Map<string, string>();

  const count = (name: string, args: string): void => {
    const result = Number(RESULT.exec(args)?.[1] ?? -1);
    if (result < 0) return;
    const fd = Number.parseInt(args, 10);
    const counter = NAMES.get(name);
    if (counter !== undefined) counts[counter]++;
    else if (SYNCS.has(name) || (name === 'msync' && args.includes('MS_SYNC'))) counts.syncs++;
    else if (name === 'close') syncedDescriptors.delete(fd);
    else if (OPENS.has(name)) {
      if (name === 'creat' || args.includes('O_CREAT')) counts.created++;
      if (/O_D?SYNC/.test(args)) syncedDescriptors.add(result);
      else syncedDescriptors.delete(result);
    } else if (WRITES.has(name) && (syncedDescriptors.has(fd) || /RWF_D?SYNC/.test(args))) {
      counts.syncs++;
    }
  };

  for (const line of trace.split('\n')) {
    const call = CALL.exec(line);
    if (call !== null) {
      const [, thread, name, args] = call as unknown as [string, string, string, string];
      if (UNFINISHED.test(args)) unfinished.set(thread, `${name}(${args.replace(UNFINISHED, '')}`);
      else count(name, args);
      continue;
    }
    const resumed = RESUMED.exec(line);
    const begun = resumed === null ? undefined : unfinished.get(resumed[1]!);
    if (begun === undefined) continue;
    unfinished.delete(resumed![1]!);
    const open = begun.indexOf('(');
    count(begun.slice(0, open), begun.slice(open + 1) + resumed![2]!);
  }
  return counts;
}
