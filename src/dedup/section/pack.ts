/** Turns a section into what is stored of it: references to parts that are known, and new parts. */
import { BaseGroupWriter, type BaseParts } from '../../codec/tokens/base-group.ts';
import { GapGroupWriter } from '../../codec/tokens/gap-group.ts';
import type { PackOptions } from '../../codec/tokens/group.ts';
import type { TokenPart } from '../../codec/tokens/part.ts';
import { PatchGroupWriter } from '../../codec/tokens/patch-group.ts';
import { type GroupId, MAX_GROUP } from '../../storage/segments/types.ts';
import type { DraftPart, SectionDraft } from './draft.ts';
import { packStructure, type SectionPieces } from './format.ts';
import type { BasePlace, PartReference } from './model.ts';

/**
 * What tokens cost in DEFLATE and as patches, in bits: averages over layers of Debian and npm files.
 * They only decide which of two ways is shorter.
 */
const LITERAL_BITS = 7;
const MATCH_BITS = 19;
const EDIT_BITS = 10;
const NEW_TOKEN_BITS = 10;

/**
 * Level of zstd for what plain layers bring. Of what gzip makes of them at level 6, it takes 96 to
 * 102 %; level 1 takes 108 to 111 %.
 */
const PLAIN_LEVEL = 3;

/** Share of a part's bits above which a patch is compared with those against other variants. */
const GOOD_PATCH = 0.08;
/** Share above which the part is stored anew. */
const POOR_PATCH = 0.6;

/** Bytes that the streams of a base group may have, so that it fits in a group of the store. */
const FULL_BASE = MAX_GROUP - 64 * 1024;

/** New parts in a group. */
export interface NewBase {
  readonly bytes: Uint8Array;
  /** Hashes of its parts, in their order. */
  readonly hashes: readonly string[];
}

/** Where each part of a section was found before, and the groups that were named. */
export interface KnownParts {
  /** For each part of the section, in its order. */
  readonly variants: readonly (readonly BasePlace[])[];
  /** Groups that can be read, by number. */
  readonly groups: ReadonlyMap<GroupId, BaseParts>;
}

/** A part of this section that is stored anew: the number of its new group, and its index there. */
interface FreshPlace {
  readonly fresh: number;
  readonly index: number;
}

/** A part and where its tokens are kept. */
interface Candidate {
  readonly part: TokenPart;
  readonly place: BasePlace | FreshPlace;
}

type PlannedPart = Pick<PartReference, 'gap' | 'lead'> & { readonly place: BasePlace | FreshPlace };

/** A section of which all is known but the numbers of its new groups. */
export interface PackedSection {
  readonly bases: readonly NewBase[];
  /**
   * The rest of it.
   * @param ids - numbers of the new groups, in the order of `bases`
   */
  finish(ids: readonly GroupId[]): SectionPieces & {
    /** Groups whose parts it refers to, each once. */
    readonly uses: readonly GroupId[];
  };
}

function countMatches(tokens: Uint32Array): number {
  let matches = 0;
  for (let i = 0; i < tokens.length; i++) if (tokens[i]! > 0xff) matches++;
  return matches;
}

function isSame(a: TokenPart, b: TokenPart): boolean {
  const length = a.tokens.length;
  if (a.lead !== b.lead || length !== b.tokens.length) return false;
  for (let i = 0; i < length; i++) if (a.tokens[i] !== b.tokens[i]) return false;
  return true;
}

/** Whether no match is worth a word in a part: as plain layers bring them, and noise. */
function isLiteral({ tokens, size, lead }: TokenPart): boolean {
  return lead === 0 && tokens.length === size;
}

/** Bytes that the row of a part has at most in a table. */
const ROOM_FOR_ROW = 16;

/** Upper bound of what a part adds to the streams of a base group. */
function roomOf({ tokens, size }: TokenPart): number {
  return Math.min(4 * tokens.length, size + Math.ceil(size / 3)) + 40 * 1024;
}

let shared: BaseGroupWriter | undefined;

/** The writer of this thread, which packs one section at a time: its memory is used again. */
function emptyWriter(): BaseGroupWriter {
  shared ??= new BaseGroupWriter();
  shared.clear();
  return shared;
}

/** Gathers new parts in groups. */
class NewBases {
  readonly done: NewBase[] = [];
  readonly #writer = emptyWriter();
  #hashes: string[] = [];
  readonly #layer: unknown;
  readonly #options: PackOptions;

  constructor(layer: unknown, options: PackOptions) {
    this.#layer = layer;
    this.#options = options;
  }

  add(part: DraftPart, plain: Uint8Array): FreshPlace {
    const base = { ...part, layer: this.#layer, plain };
    this.#makeRoom(roomOf(part), this.#writer.hasRoomFor(base));
    return this.#place(this.#writer.add(base), part);
  }

  addLiterals(part: DraftPart, bytes: Uint8Array): FreshPlace {
    this.#makeRoom(part.size + ROOM_FOR_ROW, this.#writer.hasRoomForLiterals(part.size));
    return this.#place(this.#writer.addLiterals(bytes), part);
  }

  /** Finishes the group when it is full, or has no room for another part. */
  #makeRoom(room: number, fits: boolean): void {
    const isTooMuch = this.#writer.size + room > FULL_BASE || !fits;
    if (this.#writer.isFull || (isTooMuch && this.#hashes.length > 0)) this.finish();
  }

  #place(index: number, { hash }: DraftPart): FreshPlace {
    this.#hashes.push(hash);
    return { fresh: this.done.length, index };
  }

  finish(): void {
    if (this.#hashes.length === 0) return;
    this.done.push({ bytes: this.#writer.finish(this.#options), hashes: this.#hashes });
    this.#hashes = [];
  }
}

/** How sections of one layer are packed. */
export interface SectionPacking extends Required<PackOptions> {
  /** Tells layers apart, see `BasePart.layer`. */
  readonly layer: unknown;
  /** Most variants of one part that are kept, but for those without matches. */
  readonly maxVariants: number;
}

/** Packs a section. */
export function packSection(
  draft: SectionDraft,
  known: KnownParts,
  { layer, maxVariants, level }: SectionPacking,
): PackedSection {
  const { isPlain } = draft;
  const options = { level: isPlain ? Math.max(level, PLAIN_LEVEL) : level };
  const bases = new NewBases(layer, options);
  const patches = new PatchGroupWriter();
  /** Patches that are made only to see how large they are. */
  let trial = new PatchGroupWriter();
  const fresh = new Map<string, Candidate[]>();
  const freshPlain = new Map<string, FreshPlace>();
  const planned: PlannedPart[] = [];
  let hasPatches = false;

  function candidatesOf(part: DraftPart, places: readonly BasePlace[]): Candidate[] {
    const found: Candidate[] = [...(fresh.get(part.hash) ?? [])];
    for (const place of places) {
      const other = known.groups.get(place.group)?.parts[place.index];
      if (other?.size === part.size) found.push({ part: other, place });
    }
    return found;
  }

  function addFresh(part: DraftPart): FreshPlace {
    const place = bases.add(part, draft.plainOf(part));
    const others = fresh.get(part.hash) ?? [];
    // With more of them, the time for many parts of the same bytes would grow with their square.
    if (others.length < maxVariants) fresh.set(part.hash, [...others, { part, place }]);
    return place;
  }

  /** Of a plain layer only the bytes of a part are wanted, which any of its variants makes. */
  function planPlain(part: DraftPart, places: readonly BasePlace[]): PlannedPart {
    const { gap, hash } = part;
    let place: PlannedPart['place'] | undefined = freshPlain.get(hash) ?? places[0];
    if (place === undefined) {
      place = bases.addLiterals(part, draft.plainOf(part).subarray(-part.size));
      freshPlain.set(hash, place);
    }
    return { gap, place, lead: undefined };
  }

  function plan(part: DraftPart, places: readonly BasePlace[]): PlannedPart {
    const { gap } = part;
    const candidates = candidatesOf(part, places);
    if (candidates.length === 0) return { gap, place: addFresh(part), lead: undefined };
    const same = candidates.find((candidate) => isSame(candidate.part, part));
    if (same !== undefined) return { gap, place: same.place, lead: undefined };
    const rich = candidates.filter((candidate) => !isLiteral(candidate.part));
    const matches = countMatches(part.tokens);
    const bits = (part.tokens.length - matches) * LITERAL_BITS + matches * MATCH_BITS;
    // A patch against literals has all matches in it, and the next layer would need it again.
    if (rich.length === 0 && matches * NEW_TOKEN_BITS > GOOD_PATCH * bits) {
      return { gap, place: addFresh(part), lead: undefined };
    }
    let best: Candidate | undefined;
    let least = Number.POSITIVE_INFINITY;
    if (trial.isFull) trial = new PatchGroupWriter();
    for (const candidate of rich.length > 0 ? rich : candidates) {
      const { edits, newTokens } = trial.add(candidate.part, part);
      const cost = edits * EDIT_BITS + newTokens * NEW_TOKEN_BITS;
      if (cost < least) {
        least = cost;
        best = candidate;
      }
      if (cost <= GOOD_PATCH * bits) break;
    }
    const limit = rich.length < maxVariants ? POOR_PATCH : 1;
    if (best === undefined || least > limit * bits) {
      return { gap, place: addFresh(part), lead: undefined };
    }
    patches.add(best.part, part);
    hasPatches = true;
    return { gap, place: best.place, lead: part.lead };
  }

  const planPart = isPlain ? planPlain : plan;
  for (const [i, part] of draft.parts.entries()) planned.push(planPart(part, known.variants[i]!));
  bases.finish();
  const { events, gapTokens, lastGap } = draft;

  return {
    bases: bases.done,
    finish(ids) {
      const parts = planned.map(({ gap, lead, place }): PartReference => {
        const group = 'fresh' in place ? ids[place.fresh]! : place.group;
        return { gap, lead, group, index: place.index };
      });
      const gaps = new GapGroupWriter();
      gaps.add(gapTokens);
      return {
        structure: packStructure({ isPlain, events, parts, lastGap }, options),
        gaps: gapTokens.length > 0 ? gaps.finish(options) : new Uint8Array(0),
        patches: hasPatches ? patches.finish(options) : new Uint8Array(0),
        uses: [...new Set(parts.map(({ group }) => group))],
      };
    },
  };
}
