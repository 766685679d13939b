/**
 * Writers append groups. Each has its segments to itself, so the groups of one writer are neighbours
 * on the disk, and what it leaves without having entered it can be cut off again.
 */
import { createBreather } from '../../lib/breather.ts';
import type { SegmentContext } from './context.ts';
import type { GroupNumbers } from './group-numbers.ts';
import { sizeOf } from './layout.ts';
import { type Part, takePart, WRITE_SIZE } from './part.ts';
import { type Group, MAX_GROUP, type NewGroup, type Placement } from './types.ts';

/** Milliseconds of checksums and copies in one go. */
const WORK = 1;

/**
 * Appends groups: `append`, `sync`, then the transaction that enters them, then `close`. After an
 * error of the disk only `close` is left to do.
 */
export interface SegmentWriter {
  /**
   * Writes groups one after the other. The bytes may be used again once it resolves.
   * @returns where they lie, in the same order
   * @throws RangeError for a group without bytes, with too many, or with a kind above 255; nothing was
   *   written then
   */
  append(groups: readonly NewGroup[]): Promise<Placement[]>;
  /** The same with numbers that the groups have already, for moving them. */
  copy(groups: readonly Group[]): Promise<Placement[]>;
  /** Resolves when all that was appended would survive power loss, and so may be entered. */
  sync(): Promise<void>;
  /** Gives back the space of what was not entered, even by a transaction under way. */
  close(): Promise<void>;
}

function checkGroups(groups: readonly NewGroup[]): void {
  for (const { kind, bytes } of groups) {
    if (bytes.length === 0 || bytes.length > MAX_GROUP) {
      throw new RangeError(`a group has 1 to ${MAX_GROUP} bytes, not ${bytes.length}`);
    }
    if (!Number.isInteger(kind) || kind < 0 || kind > 255) {
      throw new RangeError(`the kind of a group is 0 to 255, not ${kind}`);
    }
  }
}

/** Creates a writer. @param release - called when it is closed */
export function createWriter(
  context: SegmentContext,
  numbers: GroupNumbers,
  release: () => void,
): SegmentWriter {
  const parts: Part[] = [];
  const buffer = Buffer.allocUnsafeSlow(WRITE_SIZE);
  let turn: Promise<unknown> = Promise.resolve();
  let failure: unknown;
  let closing: Promise<void> | undefined;

  /** Runs one piece of work at a time, and none after one has failed. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (closing !== undefined) return Promise.reject(new Error('the writer is closed'));
    const result = turn.then(async () => {
      if (failure !== undefined) throw failure;
      try {
        return await work();
      } catch (error) {
        failure = error;
        throw error;
      }
    });
    turn = result.catch(() => undefined);
    return result;
  }

  async function partFor(bytes: number): Promise<Part> {
    const part = parts.at(-1);
    if (part?.hasRoom(bytes)) return part;
    await part?.sync();
    const next = await takePart(context, bytes, buffer);
    parts.push(next);
    return next;
  }

  async function write(groups: readonly Group[]): Promise<Placement[]> {
    const placements: Placement[] = [];
    const breathe = createBreather(WORK);
    for (const group of groups) {
      await breathe();
      const part = await partFor(sizeOf(group.bytes));
      placements.push(await part.add(group));
    }
    return placements;
  }

  async function end(): Promise<void> {
    await turn;
    try {
      for (const part of parts) {
        await part.close().catch((error: unknown) => {
          // What is left over is found by the first compaction after the next start.
          context.logger.warn({ err: error }, 'segment not closed properly');
        });
      }
    } finally {
      release();
    }
  }

  return {
    async append(groups) {
      checkGroups(groups);
      return await inTurn(async () => {
        const first = await numbers.take(groups.length);
        return await write(groups.map((group, i) => ({ ...group, id: first + i })));
      });
    },
    copy: (groups) => inTurn(() => write(groups)),
    sync: () => inTurn(async () => await parts.at(-1)?.sync()),
    close() {
      closing ??= end();
      return closing;
    },
  };
}
