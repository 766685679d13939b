/**
 * The bytes of a section: its structure, the tokens of its gaps and the patches of its parts.
 * docs/formats.md, "Sections".
 */
import type { BlockType } from '../../codec/deflate/block.ts';
import { DYNAMIC, HEADER_CAPACITY, STORED } from '../../codec/kernels/layout.ts';
import { ByteReader, ByteWriter } from '../../codec/tokens/bytes.ts';
import { openGroup, type PackOptions, packGroup } from '../../codec/tokens/group.ts';
import type { GroupId } from '../../storage/segments/types.ts';
import { RecipeError } from '../errors.ts';
import type { BlockEvent, PartReference, SectionEvent, SectionStructure } from './model.ts';

/** Streams of the structure, in stored order. */
const NAMES = ['table', 'gaps', 'places', 'leads', 'events', 'trees', 'verbatim'] as const;

type Streams<T> = Readonly<Record<(typeof NAMES)[number], T>>;

function mapStreams<T>(make: (index: number) => T): Streams<T> {
  return Object.fromEntries(NAMES.map((name, index) => [name, make(index)])) as Streams<T>;
}

/** What an event is, in the lowest three bits of its first byte; 0 to 2 are types of blocks. */
const HEADER = 3;
const TRAILER = 4;
const TAIL = 5;
/** The only event of a section of a plain layer. */
const PLAIN = 6;
const KIND_MASK = 7;
/** Further bits of that byte. */
const FINAL = 8;
const RESUMED = 16;
const CONTINUES = 32;

const TRAILER_SIZE = 8;
const EMPTY = new Uint8Array(0);

/** A section as it is stored. */
export interface SectionPieces {
  readonly structure: Uint8Array;
  /** A gap group; empty when there are no gap tokens. */
  readonly gaps: Uint8Array;
  /** A patch group; empty when no part is patched. */
  readonly patches: Uint8Array;
}

/** Signed numbers in LEB128: 0, -1, 1, -2 ... become 0, 1, 2, 3 ... */
function writeSigned(to: ByteWriter, value: number): void {
  to.number(value < 0 ? -2 * value - 1 : 2 * value);
}

function readSigned(from: ByteReader): number {
  const value = from.number();
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function writeBlock(event: BlockEvent, events: ByteWriter, trees: ByteWriter): void {
  const { type, final, isResumed, continues, tokens, padding, header, headerBits, whole } = event;
  events.byte(type + (final ? FINAL : 0) + (isResumed ? RESUMED : 0) + (continues ? CONTINUES : 0));
  events.number(tokens);
  if (type === STORED) {
    events.byte(padding);
    events.number(whole);
  } else if (type === DYNAMIC) {
    events.number(headerBits);
    trees.append(header);
  }
}

function writeEvents(all: readonly SectionEvent[], streams: Streams<ByteWriter>): void {
  const { events, trees, verbatim } = streams;
  for (const event of all) {
    if (event.kind === 'block') {
      writeBlock(event, events, trees);
      continue;
    }
    verbatim.append(event.bytes);
    if (event.kind === 'trailer') {
      events.byte(TRAILER);
      events.byte(event.padding);
    } else {
      events.byte(event.kind === 'header' ? HEADER : TAIL);
      events.number(event.bytes.length);
    }
  }
}

function writeParts({ parts, lastGap }: SectionStructure, streams: Streams<ByteWriter>): void {
  const { table, gaps, places, leads } = streams;
  const numbers = new Map<GroupId, number>();
  let lastGroup = 0;
  let lastNumber = 0;
  let nextIndex = 0;
  for (const { gap, group, index, lead } of parts) {
    let number = numbers.get(group);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(group, number);
      writeSigned(table, group - lastGroup);
      lastGroup = group;
    }
    gaps.number(gap);
    writeSigned(places, number - lastNumber);
    writeSigned(places, index - (number === lastNumber ? nextIndex : 0));
    leads.number(lead === undefined ? 0 : lead + 1);
    lastNumber = number;
    nextIndex = index + 1;
  }
  gaps.number(lastGap);
}

/** Packs what a section says of its structure. */
export function packStructure(structure: SectionStructure, options?: PackOptions): Uint8Array {
  const streams = mapStreams(() => new ByteWriter());
  writeParts(structure, streams);
  if (structure.isPlain) streams.events.byte(PLAIN);
  else writeEvents(structure.events, streams);
  const bytes = NAMES.map((name) => streams[name].bytes);
  return packGroup('S', bytes, options);
}

/** Puts the pieces of a section together. */
export function joinSection({ structure, gaps, patches }: SectionPieces): Uint8Array {
  const pieces = [structure, gaps, patches];
  const lengths = new ByteWriter();
  for (const piece of pieces) lengths.number(piece.length);
  return Buffer.concat([lengths.bytes, ...pieces]);
}

/**
 * Takes a section apart into its pieces, which are views of it.
 * @throws TokenError when their lengths are not those of the section
 */
export function splitSection(bytes: Uint8Array): SectionPieces {
  const reader = new ByteReader(bytes);
  const lengths = [reader.number(), reader.number(), reader.number()] as const;
  const [structure, gaps, patches] = lengths.map((length) => reader.take(length));
  reader.end();
  return { structure: structure!, gaps: gaps!, patches: patches! };
}

function readBlock(flags: number, events: ByteReader, trees: ByteReader): BlockEvent {
  const type = (flags & KIND_MASK) as BlockType;
  const tokens = events.number();
  const padding = type === STORED ? events.byte() : 0;
  const whole = type === STORED ? events.number() : 0;
  const headerBits = type === DYNAMIC ? events.number() : 0;
  const headerSize = Math.ceil(headerBits / 8);
  if (headerSize > HEADER_CAPACITY) throw new RecipeError('a header of a block');
  return {
    kind: 'block',
    type,
    final: (flags & FINAL) !== 0,
    isResumed: (flags & RESUMED) !== 0,
    continues: (flags & CONTINUES) !== 0,
    tokens,
    padding,
    whole,
    headerBits,
    header: headerSize === 0 ? EMPTY : trees.take(headerSize),
  };
}

/** The events of a section; undefined when its layer is plain. */
function readEvents({ events, trees, verbatim }: Streams<ByteReader>): SectionEvent[] | undefined {
  const all: SectionEvent[] = [];
  while (events.left > 0) {
    const flags = events.byte();
    const kind = flags & KIND_MASK;
    if (flags === PLAIN && all.length === 0) return undefined;
    if (kind < HEADER) {
      all.push(readBlock(flags, events, trees));
    } else if (kind === TRAILER) {
      const padding = events.byte();
      all.push({ kind: 'trailer', padding, bytes: verbatim.take(TRAILER_SIZE) });
    } else if (kind === HEADER || kind === TAIL) {
      const bytes = verbatim.take(events.number());
      all.push({ kind: kind === HEADER ? 'header' : 'tail', bytes });
    } else {
      throw new RecipeError('an event of unknown kind');
    }
  }
  return all;
}

function readTable(table: ByteReader): GroupId[] {
  const groups: GroupId[] = [];
  let last = 0;
  while (table.left > 0) {
    last += readSigned(table);
    groups.push(last);
  }
  return groups;
}

/**
 * Reads the structure of a section.
 * @throws TokenError, RecipeError when it is damaged
 */
export function readStructure(bytes: Uint8Array): SectionStructure {
  const group = openGroup('S', NAMES.length, bytes);
  const unpacked = group.streams(0, NAMES.length);
  const streams = mapStreams((index) => new ByteReader(unpacked[index]!));
  const { gaps, places, leads } = streams;
  const table = readTable(streams.table);
  const parts: PartReference[] = [];
  let number = 0;
  let nextIndex = 0;
  while (leads.left > 0) {
    const step = readSigned(places);
    number += step;
    const index = readSigned(places) + (step === 0 ? nextIndex : 0);
    const lead = leads.number();
    const base = table[number];
    if (base === undefined || index < 0) throw new RecipeError('a part of no group');
    parts.push({
      gap: gaps.number(),
      group: base,
      index,
      lead: lead === 0 ? undefined : lead - 1,
    });
    nextIndex = index + 1;
  }
  const lastGap = gaps.number();
  const events = readEvents(streams);
  for (const name of NAMES) streams[name].end();
  const isPlain = events === undefined;
  if (isPlain && parts.some(({ lead }) => lead !== undefined)) {
    throw new RecipeError('a patch in a plain layer');
  }
  return { isPlain, events: events ?? [], parts, lastGap };
}
