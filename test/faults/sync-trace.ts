/**
 * What a server hands to the disk and when it answers, from a trace of its system calls. A sync is an
 * fsync, an fdatasync or a write to a file that was opened with O_DSYNC or O_SYNC (decisions 2).
 */
import { readFile } from 'node:fs/promises';

/** Arguments of strace, before the program that is traced. */
export const straceTo = (file: string): readonly string[] => [
  ...['strace', '-f', '-y', '-s', '24', '-o', file],
  ...['-e', 'trace=fsync,fdatasync,openat,close,pwrite64,pwritev,pwritev2,write,writev'],
  ...['-e', 'signal=none'],
];

/** Something durable, or an answer. */
export type TraceEvent =
  | {
      readonly kind: 'sync';
      readonly call: string;
      /** What was synced. */
      readonly path: string;
    }
  | { readonly kind: 'answer'; readonly status: number };

interface Call {
  readonly name: string;
  readonly args: string;
  readonly result: string;
}

const WRITES = new Set(['pwrite64', 'pwritev', 'pwritev2', 'write', 'writev']);

/** `7</path/of/the/file>, ...` */
function targetOf(args: string): { readonly fd: string; readonly path: string } {
  const [, fd = '', path = ''] = /^(\d+)<([^>]*)>/.exec(args) ?? [];
  return { fd, path };
}

/**
 * Reads a trace: syncs stand where they ended, answers where they began, so an answer that stands
 * after a sync was given after it.
 */
export async function readTrace(file: string): Promise<TraceEvent[]> {
  const events: TraceEvent[] = [];
  /** Calls that another thread interrupted, by thread. */
  const begun = new Map<string, string>();
  /** Descriptors that write through. */
  const through = new Set<string>();

  function ended({ name, args, result }: Call): void {
    const { fd, path } = targetOf(args);
    if (name === 'openat') {
      const opened = /^(\d+)/.exec(result)?.[1];
      if (opened !== undefined && /O_D?SYNC/.test(args)) through.add(opened);
    } else if (name === 'close') through.delete(fd);
    else if (!result.startsWith('-')) {
      const isSync = !WRITES.has(name) || through.has(fd);
      if (isSync) events.push({ kind: 'sync', call: name, path });
    }
  }

  function started(name: string, args: string): void {
    const status = WRITES.has(name) ? /"HTTP\/1\.1 (\d{3}) /.exec(args)?.[1] : undefined;
    if (status !== undefined) events.push({ kind: 'answer', status: Number(status) });
  }

  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. (\w+) resumed>(.*)\) += (.*)$/.exec(rest);
    if (resumed !== null) {
      const [, name = '', more = '', result = ''] = resumed;
      ended({ name, args: (begun.get(thread) ?? '') + more, result });
      begun.delete(thread);
      continue;
    }
    const call = /^(\w+)\((.*)$/.exec(rest);
    if (call === null) continue;
    const [, name = '', tail = ''] = call;
    started(name, tail);
    const whole = /^(.*)\) += (.*)$/.exec(tail);
    if (whole === null) begun.set(thread, tail.replace(/ *<unfinished \.\.\.>$/, ''));
    else ended({ name, args: whole[1]!, result: whole[2]! });
  }
  return events;
}

/** An answer and the syncs since the answer before it. */
export interface Answered {
  readonly status: number;
  readonly syncs: readonly { readonly call: string; readonly path: string }[];
}

/** Cuts the events of requests that came one after the other at their answers. */
export function byAnswer(events: readonly TraceEvent[]): Answered[] {
  const answers: Answered[] = [];
  let syncs: { call: string; path: string }[] = [];
  for (const event of events) {
    if (event.kind === 'sync') syncs.push(event);
    else {
      answers.push({ status: event.status, syncs });
      syncs = [];
    }
  }
  return answers;
}
