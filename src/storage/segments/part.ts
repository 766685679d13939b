/**
 * One segment on its way to be written. Small groups are gathered in a buffer, so that the file grows
 * in large writes whatever the size of the groups.
 */
import { randomBytes } from 'node:crypto';
import { readFully } from '../target/read.ts';
import { type FileId, FileMissingError, type FileWriter } from '../target/types.ts';
import type { SegmentContext, WritingSegment } from './context.ts';
import {
  decodeSegmentHeader,
  encodeGroupHeader,
  encodeSegmentHeader,
  MARK,
  SEGMENT_HEADER,
} from './layout.ts';
import { letGo } from './let-go.ts';
import type { Group, Placement } from './types.ts';

/** Bytes written in one go; what the buffer of a writer has. */
export const WRITE_SIZE = 1024 * 1024;

/** A segment that is being written; one call at a time. */
export interface Part {
  /** Whether so many bytes more belong here rather than in another segment. */
  hasRoom(bytes: number): boolean;
  /** Appends a group; its bytes may be used again once this resolves. */
  add(group: Group): Promise<Placement>;
  /** Resolves when all of it would survive power loss. */
  sync(): Promise<void>;
  /**
   * Lets go of the segment. What was not entered in the index is cut off, and the segment becomes
   * idle; when nothing was, it is removed.
   */
  close(): Promise<void>;
}

interface PartStart {
  /** Gathers small groups; nobody else uses it until the part is synced. */
  readonly buffer: Buffer;
  readonly file: FileWriter;
  readonly mark: Buffer;
  /** Bytes of the file that stay. */
  readonly end: number;
  readonly state: WritingSegment;
}

function createPart(context: SegmentContext, start: PartStart): Part {
  const { buffer, file, mark, state } = start;
  const segment = file.id;
  /** Bytes in the buffer, and in the file. */
  let gathered = 0;
  let written = start.end;
  /** Bytes that the file may have when a write has failed. */
  let reach = start.end;

  async function write(chunks: readonly Uint8Array[], size: number): Promise<void> {
    reach = written + size;
    await file.write(chunks, written);
    written = reach;
  }

  async function flush(): Promise<void> {
    if (gathered === 0) return;
    await write([buffer.subarray(0, gathered)], gathered);
    gathered = 0;
  }

  async function put(chunks: readonly Uint8Array[]): Promise<void> {
    const size = chunks.reduce((sum, { length }) => sum + length, 0);
    if (gathered + size > buffer.length) await flush();
    if (size > buffer.length) {
      await write(chunks, size);
      return;
    }
    for (const chunk of chunks) {
      buffer.set(chunk, gathered);
      gathered += chunk.length;
    }
  }

  if (start.end === 0) {
    buffer.set(encodeSegmentHeader(segment, mark));
    gathered = SEGMENT_HEADER;
  }
  return {
    hasRoom: (bytes) => {
      const end = written + gathered;
      return end <= SEGMENT_HEADER || end + bytes <= context.segmentSize;
    },
    async add(group) {
      const position = written + gathered;
      await put([encodeGroupHeader(group, mark), group.bytes]);
      const { id, kind, bytes } = group;
      return { id, kind, segment, position, length: bytes.length };
    },
    async sync() {
      const end = written + gathered;
      if (state.synced === end) return;
      await flush();
      await file.sync();
      state.synced = end;
      await context.faultPoint('segment.synced');
    },
    async close() {
      await file.close();
      await letGo(context, segment, reach);
    },
  };
}

async function createSegment(context: SegmentContext, buffer: Buffer): Promise<Part> {
  const file = await context.target.create();
  const state = { synced: 0 };
  context.writing.set(file.id, state);
  return createPart(context, { buffer, file, mark: randomBytes(MARK), end: 0, state });
}

/** The mark of a segment that may be written on: whole as far as it goes, and of this version. */
async function readMark(
  { target }: SegmentContext,
  segment: FileId,
  end: number,
): Promise<Buffer | undefined> {
  const reader = await target.open(segment);
  try {
    if ((await reader.size()) < end) return undefined;
    const header = Buffer.alloc(SEGMENT_HEADER);
    await readFully(reader, header, 0);
    return decodeSegmentHeader(header, segment);
  } finally {
    reader.release();
  }
}

/** Goes on with an idle segment; undefined when it is damaged, and then it is left alone. */
async function resumeSegment(
  context: SegmentContext,
  segment: FileId,
  { end, buffer }: Pick<PartStart, 'end' | 'buffer'>,
): Promise<Part | undefined> {
  context.idle.delete(segment);
  const state = { synced: end };
  context.writing.set(segment, state);
  try {
    const mark = await readMark(context, segment, end);
    if (mark !== undefined) {
      const file = await context.target.reopen(segment, end);
      return createPart(context, { buffer, file, mark, end, state });
    }
    context.logger.warn({ segment }, 'segment is damaged and not written on');
  } catch (error) {
    if (!(error instanceof FileMissingError)) {
      context.writing.delete(segment);
      throw error;
    }
    context.logger.warn({ segment }, 'segment is missing');
  }
  context.writing.delete(segment);
  return undefined;
}

/**
 * Takes a segment to write to: the first idle one with room, else a new one.
 * @param bytes - what is to be written at least
 * @param buffer - gathers what is written, until the part is synced
 */
export async function takePart(
  context: SegmentContext,
  bytes: number,
  buffer: Buffer,
): Promise<Part> {
  for (const [segment, end] of context.idle) {
    if (end + bytes > context.segmentSize) continue;
    const part = await resumeSegment(context, segment, { end, buffer });
    if (part !== undefined) return part;
  }
  return await createSegment(context, buffer);
}
