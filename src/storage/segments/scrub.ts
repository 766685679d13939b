/**
 * The scrub of the segments reads all groups again, in the order in which they lie, and quarantines
 * those that are damaged. It remembers how far it has come, so that a server that is started anew
 * every day still gets through.
 */
import { after } from '../kv/types.ts';
import { change } from '../metadata/changes.ts';
import { keys, numberOf, ranges } from '../metadata/keys.ts';
import { decode, type SegmentScrubRecord } from '../metadata/records.ts';
import { startPace } from '../pace.ts';
import { limitRate } from '../rate.ts';
import { keySteps } from '../steps.ts';
import type { SegmentContext } from './context.ts';
import { GroupDamagedError } from './errors.ts';
import { sizeOf } from './layout.ts';
import { readGroups } from './reader.ts';

/** Groups between two notes of how far the pass has come. */
const NOTE_EVERY = 1024;
const STEP = 256;

/** What a pass has read, since it was begun or gone on with. */
export interface SegmentScrubReport {
  /** When the pass began, perhaps in an earlier run; milliseconds since 1970. */
  readonly started: number;
  /** Groups, and their bytes with headers. */
  readonly groups: number;
  readonly bytes: number;
  /** Groups that are damaged, those included that were known to be. */
  readonly damaged: number;
}

/** How a pass is run. */
export interface SegmentScrubOptions {
  /** Bytes a second. */
  readonly rate: () => number;
  readonly signal: AbortSignal;
}

/**
 * Goes on with the pass that was cut short, else begins one, and reads to the end.
 * @throws the signal's reason, CommitError
 */
export async function scrubSegments(
  context: SegmentContext,
  { rate, signal }: SegmentScrubOptions,
): Promise<SegmentScrubReport> {
  const { kv, clock } = context;
  const noted = kv.read(keys.segmentScrub, decode<SegmentScrubRecord>);
  const { last, started } = noted?.completed === undefined && noted ? noted : { started: clock() };
  const report = { started, groups: 0, bytes: 0, damaged: 0 };
  const pay = limitRate(rate, signal);
  const note = (record: SegmentScrubRecord): Promise<unknown> =>
    change(kv, (changes) => changes.put(keys.segmentScrub, record));

  const { from, to } = ranges.allGroupsAt();
  const range = { from: last === undefined ? from : after(last), to };
  const options = { pace: startPace(signal), signal, limit: STEP };
  let sinceNote = 0;
  for await (const found of keySteps(kv, range, options)) {
    for await (const result of readGroups(context, found.map(numberOf), { signal, frees: true })) {
      if ('group' in result) {
        report.groups++;
        report.bytes += sizeOf(result.group.bytes);
        await pay(sizeOf(result.group.bytes));
      } else if (result.error instanceof GroupDamagedError) report.damaged++;
    }
    sinceNote += found.length;
    if (sinceNote < NOTE_EVERY) continue;
    await note({ started, last: found.at(-1)! });
    sinceNote = 0;
  }
  await note({ started, completed: clock() });
  return report;
}
