/**
 * What earlier runs of the program have left behind: files that no transaction ever named, bytes
 * behind the last group that was entered, and segments that died before their file could be removed.
 * Nothing of it is damage.
 */
import { keys, numberOf, ranges } from '../metadata/keys.ts';
import { keySteps, type StepOptions } from '../steps.ts';
import { type FileId, FileMissingError } from '../target/types.ts';
import type { SegmentContext } from './context.ts';
import { removeDeadSegment } from './group-index.ts';
import { claimSegment, letGo } from './let-go.ts';

/** What was found and freed. */
export interface Leftovers {
  /** Files that were removed. */
  readonly files: number;
  /** Bytes, those of the files included. */
  readonly bytes: number;
}

/** Bytes of a file; undefined when it is not there. */
async function fileSize({ target }: SegmentContext, id: FileId): Promise<number | undefined> {
  try {
    const reader = await target.open(id);
    return await reader.size().finally(() => reader.release());
  } catch (error) {
    if (error instanceof FileMissingError) return undefined;
    throw error;
  }
}

/**
 * Removes what earlier runs have left.
 * @param firstOwn - segments below this number come from earlier runs
 */
export async function removeLeftovers(
  context: SegmentContext,
  firstOwn: FileId,
  { pace, signal }: StepOptions,
): Promise<Leftovers> {
  let files = 0;
  let bytes = 0;
  for await (const id of context.target.files()) {
    signal.throwIfAborted();
    if (pace.due()) await pace.rest();
    if (id >= firstOwn || !claimSegment(context, id)) continue;
    let size = 0;
    try {
      size = (await fileSize(context, id)) ?? 0;
    } finally {
      bytes += await letGo(context, id, size);
    }
    if (!context.kv.has(keys.segment(id))) files++;
  }
  return { files, bytes };
}

/** Removes the files of segments that are dead, when that failed before or was cut short. */
export async function removeDeadSegments(
  context: SegmentContext,
  options: StepOptions,
): Promise<void> {
  for await (const found of keySteps(context.kv, ranges.deadSegments(), options)) {
    for (const key of found) await removeDeadSegment(context, numberOf(key));
  }
}
