/**
 * The index of a recipe: where the sections of a layer are stored and which of its bytes each
 * gives, and the checksums of these bytes. docs/formats.md, "Recipe indexes".
 */
import { ByteReader, ByteWriter } from '../../codec/tokens/bytes.ts';
import { openGroup, packGroup } from '../../codec/tokens/group.ts';
import { type GroupId, MAX_GROUP } from '../../storage/segments/types.ts';
import { RecipeError } from '../errors.ts';
import { BLOCK_SIZE, SUM_SIZE } from './block-sums.ts';

/** A section and its place in the layer. */
export interface IndexedSection {
  /** The first of its groups; the others have the numbers that follow. */
  readonly group: GroupId;
  readonly groupCount: number;
  /** Bits of the layer before it; it ends where the next one begins. */
  readonly startBit: number;
  /** Plain bytes that the tokens before it stand for. */
  readonly startByte: number;
}

/** An index. */
export interface RecipeIndex {
  /** Bytes of the layer, and plain ones. */
  readonly size: number;
  readonly plainSize: number;
  readonly sections: readonly IndexedSection[];
  /** {@link SUM_SIZE} bytes for each {@link BLOCK_SIZE} bytes of the layer. */
  readonly sums: Uint8Array;
}

const STREAM_COUNT = 3;

/** The bytes of an index, in pieces that fit in groups of the store. */
export function encodeRecipeIndex(index: RecipeIndex): Uint8Array[] {
  const head = new ByteWriter();
  head.number(index.size);
  head.number(index.plainSize);
  const sections = new ByteWriter();
  let last = { group: 0, groupCount: 0, startBit: 0, startByte: 0 };
  for (const section of index.sections) {
    // Numbers grow from one section to the next.
    sections.number(section.group - last.group);
    sections.number(section.groupCount);
    sections.number(section.startBit - last.startBit);
    sections.number(section.startByte - last.startByte);
    last = section;
  }
  const bytes = packGroup('R', [head.bytes, sections.bytes, index.sums]);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += MAX_GROUP) {
    pieces.push(bytes.subarray(at, at + MAX_GROUP));
  }
  return pieces;
}

/**
 * Reads an index.
 * @param bytes - all pieces, one after the other
 * @throws TokenError, RecipeError when it is damaged
 */
export function decodeRecipeIndex(bytes: Uint8Array): RecipeIndex {
  const group = openGroup('R', STREAM_COUNT, bytes);
  const [headStream, sectionStream, sums] = group.streams(0, STREAM_COUNT) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const head = new ByteReader(headStream);
  const size = head.number();
  const plainSize = head.number();
  head.end();
  if (sums.length !== Math.ceil(size / BLOCK_SIZE) * SUM_SIZE) {
    throw new RecipeError('not as many checksums as blocks');
  }
  const reader = new ByteReader(sectionStream);
  const sections: IndexedSection[] = [];
  let last = { group: 0, groupCount: 0, startBit: 0, startByte: 0 };
  while (reader.left > 0) {
    const groupNumber = last.group + reader.number();
    const groupCount = reader.number();
    const startBit = last.startBit + reader.number();
    const startByte = last.startByte + reader.number();
    if (startBit > size * 8) throw new RecipeError('a section beyond the end');
    last = { group: groupNumber, groupCount, startBit, startByte };
    sections.push(last);
  }
  if (sections[0]?.startBit !== 0) throw new RecipeError('nothing begins at the begin');
  return { size, plainSize, sections, sums };
}
