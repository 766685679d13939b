/**
 * The bytes of a segment: a header, then groups, each with a header of its own, without gaps between
 * them but for what was written and never entered. docs/formats.md has the same as tables. Numbers are
 * big-endian.
 *
 * Each segment has a mark of 8 random bytes, and each of its groups begins with it. So a group can be
 * found again behind damaged bytes, and nobody who pushes a layer can put into it what would be taken
 * for the header of a group.
 *
 * Checksums are CRC-32 (ISO 3309, as in gzip). One sees every change of one or two bits and every
 * burst of up to 32 bits (W. W. Peterson and D. T. Brown, 1961), and misses one of 2^32 other changes.
 * SHA-256 and others were measured: docs/dependencies.md.
 */
import { crc32 } from 'node:zlib';
import type { FileId } from '../target/types.ts';
import { SegmentVersionError } from './errors.ts';
import { type Group, type GroupId, MAX_GROUP } from './types.ts';

/** Bytes of the header of a segment. */
export const SEGMENT_HEADER = 32;
/** Bytes of the header of a group. */
export const GROUP_HEADER = 28;
/** Bytes of a segment's mark. */
export const MARK = 8;
/** The version that is written. */
const SEGMENT_VERSION = 1;

const MAGIC = Buffer.from('STOWSEG\n');

/** Bytes that a group takes in a segment. */
export function sizeOf({ length }: { readonly length: number }): number {
  return GROUP_HEADER + length;
}

/** Puts the CRC-32 of all bytes before it at the end of a header. */
function seal(header: Buffer): Buffer {
  const at = header.length - 4;
  header.writeUInt32BE(crc32(header.subarray(0, at)), at);
  return header;
}

function isSealed(header: Buffer): boolean {
  const at = header.length - 4;
  return crc32(header.subarray(0, at)) === header.readUInt32BE(at);
}

/** The header of a segment. */
export function encodeSegmentHeader(segment: FileId, mark: Uint8Array): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER);
  MAGIC.copy(header, 0);
  header.writeUInt32BE(SEGMENT_VERSION, 8);
  header.writeUIntBE(segment, 12, 6);
  header.set(mark, 18);
  return seal(header);
}

/**
 * The mark of a segment.
 * @param bytes - its header
 * @returns undefined when the header is damaged, or that of another segment
 * @throws SegmentVersionError when a newer version wrote it
 */
export function decodeSegmentHeader(bytes: Buffer, segment: FileId): Buffer | undefined {
  if (bytes.length < SEGMENT_HEADER) return undefined;
  const header = bytes.subarray(0, SEGMENT_HEADER);
  if (!isSealed(header) || !header.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const version = header.readUInt32BE(8);
  if (version > SEGMENT_VERSION) throw new SegmentVersionError(version, SEGMENT_VERSION);
  if (header.readUIntBE(12, 6) !== segment) return undefined;
  return Buffer.from(header.subarray(18, 18 + MARK));
}

/** What the header of a group says. */
export interface GroupHeader {
  readonly mark: Buffer;
  readonly id: GroupId;
  readonly kind: number;
  /** Bytes that follow. */
  readonly length: number;
  /** Their CRC-32. */
  readonly checksum: number;
}

/** The header of a group. */
export function encodeGroupHeader({ id, kind, bytes }: Group, mark: Uint8Array): Buffer {
  const header = Buffer.alloc(GROUP_HEADER);
  header.set(mark, 0);
  header.writeUIntBE(id, 8, 6);
  header.writeUInt8(kind, 14);
  header.writeUInt32BE(bytes.length, 16);
  header.writeUInt32BE(crc32(bytes), 20);
  return seal(header);
}

/** Reads the header of a group; undefined when it is damaged, cut short or none. */
export function decodeGroupHeader(bytes: Buffer): GroupHeader | undefined {
  if (bytes.length < GROUP_HEADER) return undefined;
  const header = bytes.subarray(0, GROUP_HEADER);
  if (!isSealed(header)) return undefined;
  const length = header.readUInt32BE(16);
  if (length === 0 || length > MAX_GROUP) return undefined;
  return {
    mark: header.subarray(0, MARK),
    id: header.readUIntBE(8, 6),
    kind: header.readUInt8(14),
    length,
    checksum: header.readUInt32BE(20),
  };
}

/** Why bytes are not the group that they should be, in the words of the log. */
export const GROUP_DAMAGE = {
  missing: 'its segment is missing',
  short: 'its segment is short',
  header: 'its header is damaged',
  other: 'another group lies in its place',
  body: 'its bytes have another checksum',
} as const;

/**
 * Compares a group with its checksums.
 * @param bytes - header and body, or what there is of them
 * @param wanted - what should lie there
 * @returns what is wrong, undefined when nothing is
 */
export function checkGroup(
  bytes: Buffer,
  wanted: { readonly id: GroupId; readonly kind: number; readonly length: number },
): string | undefined {
  if (bytes.length < sizeOf(wanted)) return GROUP_DAMAGE.short;
  const header = decodeGroupHeader(bytes);
  if (header === undefined) return GROUP_DAMAGE.header;
  const { id, kind, length } = header;
  if (id !== wanted.id || kind !== wanted.kind || length !== wanted.length) {
    return GROUP_DAMAGE.other;
  }
  const body = bytes.subarray(GROUP_HEADER, sizeOf(wanted));
  return crc32(body) === header.checksum ? undefined : GROUP_DAMAGE.body;
}
