/** Finds the groups of a segment by their headers, without the index. */
import { readFully } from '../target/read.ts';
import type { FileReader } from '../target/types.ts';
import {
  decodeGroupHeader,
  decodeSegmentHeader,
  GROUP_HEADER,
  MARK,
  SEGMENT_HEADER,
  sizeOf,
} from './layout.ts';
import type { Placement } from './types.ts';

/** Bytes read at a time: many headers where groups are small, little too much where they are large. */
const WINDOW = 16 * 1024;

/** Part of a file. */
interface Window {
  readonly from: number;
  readonly bytes: Buffer;
}

/** The mark of a segment: from its header, or from its first group when that is damaged. */
async function findMark(reader: FileReader, segment: number): Promise<Buffer | undefined> {
  const bytes = Buffer.alloc(SEGMENT_HEADER + GROUP_HEADER);
  const read = bytes.subarray(0, await readFully(reader, bytes, 0));
  const mark = decodeSegmentHeader(read, segment);
  return mark ?? decodeGroupHeader(read.subarray(SEGMENT_HEADER))?.mark;
}

/**
 * The groups whose header is sound and whose bytes are all there, in their order. Behind a damaged
 * header it goes on at the next sound one. Bodies are neither read nor checked, so a header of this
 * segment in a wrong place, which only a misplaced write can bring about, may hide a group.
 * @throws SegmentVersionError, errors of the file system
 */
export async function* walkSegment(reader: FileReader, segment: number): AsyncGenerator<Placement> {
  const mark = await findMark(reader, segment);
  if (mark === undefined) return;
  const end = await reader.size();
  let window: Window = { from: 0, bytes: Buffer.alloc(0) };

  /** At least the header at a position, and what lies behind it in the window. */
  async function bytesAt(position: number): Promise<Buffer> {
    const { from, bytes } = window;
    const known = position >= from && position + GROUP_HEADER <= from + bytes.length;
    if (known) return bytes.subarray(position - from);
    const buffer = Buffer.allocUnsafe(WINDOW);
    window = {
      from: position,
      bytes: buffer.subarray(0, await readFully(reader, buffer, position)),
    };
    return window.bytes;
  }

  let position = SEGMENT_HEADER;
  while (position + GROUP_HEADER <= end) {
    const bytes = await bytesAt(position);
    // The file may have become shorter.
    if (bytes.length < GROUP_HEADER) return;
    const header = bytes.subarray(0, MARK).equals(mark) ? decodeGroupHeader(bytes) : undefined;
    if (header !== undefined && position + sizeOf(header) <= end) {
      const { id, kind, length } = header;
      yield { id, kind, segment, position, length };
      position += sizeOf(header);
      continue;
    }
    const next = bytes.indexOf(mark, 1);
    // A mark may begin within the last bytes of the window.
    position += next >= 0 ? next : Math.max(1, bytes.length - MARK + 1);
  }
}
