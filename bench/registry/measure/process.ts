/**
 * CPU time and memory of a server as Linux accounts them: the process, all its threads and its
 * children. See proc_pid_stat(5) and proc_pid_status(5).
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const MS_PER_TICK = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Memory of a process tree in bytes. */
export interface Memory {
  /** RssAnon plus RssShmem: what the processes themselves hold. */
  readonly own: number;
  /** RssFile: mapped files (program text, the metadata store's map), which the kernel may take back. */
  readonly file: number;
}

interface Stat {
  readonly parent: number;
  /** utime, stime, cutime and cstime together, in clock ticks. */
  readonly ticks: number;
}

function parseStat(text: string): Stat {
  // The command name may hold blanks and parentheses; the fields start after the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const number = (field: number): number => Number(fields[field - 3]);
  return { parent: number(4), ticks: number(14) + number(15) + number(16) + number(17) };
}

function readStat(pid: number): Stat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** The process and everything it started that still runs, with their accounts. */
function treeOf(pid: number): Map<number, Stat> {
  const all = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const id = Number(name);
    const stat = Number.isInteger(id) ? readStat(id) : undefined;
    if (stat !== undefined) all.set(id, stat);
  }
  const root = all.get(pid);
  if (root === undefined) throw new Error(`the server process ${pid} has ended`);
  const tree = new Map([[pid, root]]);
  // A Map's iteration visits entries added while it runs, so this walks level by level.
  for (const parent of tree.keys()) {
    for (const [id, stat] of all) if (stat.parent === parent) tree.set(id, stat);
  }
  return tree;
}

/** Process ids of a server: the process itself and its descendants. */
export function processesOf(pid: number): number[] {
  return [...treeOf(pid).keys()];
}

/**
 * CPU milliseconds (user and system) used so far by a process tree, children that have ended
 * included. The kernel counts in ticks of usually 10 ms, so differences need some hundred of them.
 * @throws Error when the process does not run any more
 */
export function cpuMillisecondsOf(pid: number): number {
  let ticks = 0;
  for (const stat of treeOf(pid).values()) ticks += stat.ticks;
  return ticks * MS_PER_TICK;
}

function statusBytes(text: string, field: string): number {
  const start = text.indexOf(`\n${field}:`);
  return start < 0 ? 0 : Number.parseInt(text.slice(start + field.length + 2), 10) * 1024;
}

/** Memory held now by the given processes; those that have ended count as nothing. */
export function memoryOf(pids: readonly number[]): Memory {
  let own = 0;
  let file = 0;
  for (const pid of pids) {
    let text: string;
    try {
      text = readFileSync(`/proc/${pid}/status`, 'latin1');
    } catch {
      continue;
    }
    own += statusBytes(text, 'RssAnon') + statusBytes(text, 'RssShmem');
    file += statusBytes(text, 'RssFile');
  }
  return { own, file };
}

/** Samples a process tree until it is stopped; `stop` gives the peaks of both figures. */
export function sampleMemory(pid: number, intervalMs: number): { stop(): Memory } {
  const pids = processesOf(pid);
  let peak = memoryOf(pids);
  const sample = (): void => {
    const now = memoryOf(pids);
    peak = { own: Math.max(peak.own, now.own), file: Math.max(peak.file, now.file) };
  };
  const timer = setInterval(sample, intervalMs);
  return {
    stop() {
      clearInterval(timer);
      sample();
      return peak;
    },
  };
}
