/**
 * Reads groups and checks them. Neighbours on the disk are read in one go, and a few such runs ahead
 * of whoever takes the groups.
 */
import { freeBytes } from '../../lib/free-bytes.ts';
import { unreadable } from '../content.ts';
import type { GroupRecord } from '../metadata/records.ts';
import { readFully } from '../target/read.ts';
import { type FileId, FileMissingError } from '../target/types.ts';
import type { SegmentContext } from './context.ts';
import { GroupDamagedError, GroupMissingError } from './errors.ts';
import { findGroup, quarantineGroup, samePlace } from './group-index.ts';
import { checkGroup, GROUP_DAMAGE, GROUP_HEADER, sizeOf } from './layout.ts';
import type { Group, GroupId } from './types.ts';

/** Bytes read in one go, and dead bytes between two groups that are read along. */
const MAX_RUN = 1024 * 1024;
const MAX_GAP = 64 * 1024;
/** Bytes, and runs, that are read before they are asked for. */
const AHEAD = 4 * 1024 * 1024;
const MAX_RUNS_AHEAD = 16;

/** A group, or why it cannot be had. */
export type ReadResult =
  | { readonly id: GroupId; readonly group: Group }
  | { readonly id: GroupId; readonly error: GroupMissingError | GroupDamagedError };

/** Groups that are read in one go. */
interface Run {
  readonly segment: FileId;
  /** Where it begins and ends, bytes from the start of the segment. */
  readonly from: number;
  to: number;
  readonly places: { readonly id: GroupId; readonly record: GroupRecord }[];
}

/** Bytes of some place, or what is wrong with them. */
type Outcome = Group | string;

/** A run that was read. */
interface RunResults {
  readonly results: readonly ReadResult[];
  /** What the groups are parts of. */
  readonly buffer: Uint8Array;
}

/** The run of one group. */
function runOf(id: GroupId, record: GroupRecord): Run {
  const { segment, position } = record;
  return { segment, from: position, to: position + sizeOf(record), places: [{ id, record }] };
}

/** Whether a group is one that can be read in one go with the run before it. */
function follows(run: Run, { segment, position, length }: GroupRecord): boolean {
  if (segment !== run.segment || position < run.to || position > run.to + MAX_GAP) return false;
  return position + sizeOf({ length }) - run.from <= MAX_RUN;
}

/** Cuts a list of groups into runs; a group that cannot be read is one by itself. */
function* runsOf(context: SegmentContext, ids: Iterable<GroupId>): Generator<Run | GroupId> {
  let run: Run | undefined;
  for (const id of ids) {
    const record = findGroup(context, id);
    const isSound = record !== undefined && record.damaged === undefined;
    if (isSound && run !== undefined && follows(run, record)) {
      run.places.push({ id, record });
      run.to = record.position + sizeOf(record);
      continue;
    }
    if (run !== undefined) yield run;
    run = undefined;
    if (!isSound) {
      yield id;
      continue;
    }
    run = runOf(id, record);
  }
  if (run !== undefined) yield run;
}

/**
 * Reads the groups of a run as they lie there.
 * @param buffer - as long as the run; the groups are parts of it
 */
async function readPlaces(context: SegmentContext, run: Run, buffer: Buffer): Promise<Outcome[]> {
  let bytes: Buffer;
  try {
    const reader = await context.target.open(run.segment);
    try {
      bytes = buffer.subarray(0, await readFully(reader, buffer, run.from));
    } catch (error) {
      return run.places.map(() => unreadable(error));
    } finally {
      reader.release();
    }
  } catch (error) {
    // Not being able to open a file says nothing about its bytes.
    if (!(error instanceof FileMissingError)) throw error;
    return run.places.map(() => GROUP_DAMAGE.missing);
  }
  return run.places.map(({ id, record }) => {
    const { position, length, kind } = record;
    const at = position - run.from;
    const own = bytes.subarray(at, at + sizeOf(record));
    const problem = checkGroup(own, { id, kind, length });
    return problem ?? { id, kind, bytes: own.subarray(GROUP_HEADER) };
  });
}

/** Memory for a run, by itself so that it can be freed by hand. */
function bufferOf({ from, to }: Run): Buffer {
  return Buffer.allocUnsafeSlow(to - from);
}

/** Reads one group as it lies in some place. */
async function readPlace(
  context: SegmentContext,
  id: GroupId,
  record: GroupRecord,
): Promise<Outcome> {
  const run = runOf(id, record);
  const [outcome] = await readPlaces(context, run, bufferOf(run));
  return outcome!;
}

/** What is wrong with a group as it lies in some place; undefined when nothing is. */
export async function inspectGroup(
  context: SegmentContext,
  id: GroupId,
  record: GroupRecord,
): Promise<string | undefined> {
  const outcome = await readPlace(context, id, record);
  return typeof outcome === 'string' ? outcome : undefined;
}

/**
 * Reads one group by itself. When it has been moved meanwhile it is read from its new place; when its
 * bytes are wrong it is quarantined.
 */
export async function readGroup(context: SegmentContext, id: GroupId): Promise<ReadResult> {
  for (;;) {
    const record = findGroup(context, id);
    if (record === undefined) return { id, error: new GroupMissingError(id) };
    if (record.damaged !== undefined) {
      return { id, error: new GroupDamagedError(id, record.damaged) };
    }
    const outcome = await readPlace(context, id, record);
    if (typeof outcome === 'object') return { id, group: outcome };
    if (!samePlace(findGroup(context, id), record)) continue;
    await quarantineGroup(context, id, record, outcome).catch((error: unknown) => {
      // It will be found again.
      context.logger.warn({ err: error, group: id }, 'damaged group not quarantined');
    });
    return { id, error: new GroupDamagedError(id, outcome) };
  }
}

async function readRun(context: SegmentContext, run: Run | GroupId): Promise<RunResults> {
  if (typeof run === 'number') {
    return { results: [await readGroup(context, run)], buffer: Buffer.alloc(0) };
  }
  const buffer = bufferOf(run);
  const outcomes = await readPlaces(context, run, buffer);
  const results: ReadResult[] = [];
  for (const [i, { id }] of run.places.entries()) {
    const outcome = outcomes[i]!;
    // Wrong at first sight: perhaps it has been moved, perhaps a second look finds it sound.
    if (typeof outcome === 'string') results.push(await readGroup(context, id));
    else results.push({ id, group: outcome });
  }
  return { results, buffer };
}

/** How groups are read. */
export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * Frees the memory of groups by hand, for those who need the bytes of one only until they ask for
   * the next: they are empty then. Halves the CPU time of reading.
   */
  readonly frees?: boolean;
}

/**
 * Reads groups in the order of `ids`, some of them ahead.
 * @throws the signal's reason, and errors of the system that say nothing about the bytes
 */
export async function* readGroups(
  context: SegmentContext,
  ids: Iterable<GroupId>,
  { signal, frees = false }: ReadOptions,
): AsyncGenerator<ReadResult> {
  const runs = runsOf(context, ids);
  const ahead: { readonly bytes: number; readonly read: Promise<RunResults> }[] = [];
  let bytes = 0;

  function readAhead(): void {
    while (ahead.length === 0 || (bytes < AHEAD && ahead.length < MAX_RUNS_AHEAD)) {
      signal?.throwIfAborted();
      const { value: run, done } = runs.next();
      if (done) return;
      const size = typeof run === 'number' ? 0 : run.to - run.from;
      const read = readRun(context, run);
      // It is looked at in its turn; until then a failure is not unhandled.
      read.catch(() => undefined);
      ahead.push({ bytes: size, read });
      bytes += size;
    }
  }

  try {
    for (;;) {
      readAhead();
      const run = ahead.shift();
      if (run === undefined) return;
      const { results, buffer } = await run.read;
      bytes -= run.bytes;
      readAhead();
      for (const result of results) {
        signal?.throwIfAborted();
        yield result;
      }
      if (frees) freeBytes(buffer);
    }
  } finally {
    // Nobody closes the files under reads that are on their way.
    await Promise.allSettled(ahead.map(({ read }) => read));
  }
}
