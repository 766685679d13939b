/**
 * What a new token of a patch is likely to be, seen from the base. Both sides of the patch follow
 * the base with this model, so that a class of length and one of distance, a single byte together,
 * say most tokens whole.
 */
import { distanceOf, lengthOf } from '../deflate/token.ts';

/** The length stands there. */
export const LENGTH_EXPLICIT = 0;
/** The match ends where the base token that covers its start ends. */
export const LENGTH_COVERING = 1;
/** The match ends where the base token after that one ends. */
export const LENGTH_NEXT = 2;

/** The distance of the covering base token. */
const DISTANCE_SAME = 0;
/** That, changed by as much as the last time. */
const DISTANCE_SHIFTED = 1;
/** The distance of the base token after the covering one. */
const DISTANCE_NEXT = 2;
/** The distance of the new match before. */
const DISTANCE_REPEATED = 3;
/** Reaches before the start of the part; counted from there. */
export const DISTANCE_FOREIGN = 4;
/** Any other. */
export const DISTANCE_NEAR = 5;

/** Classes of distance. */
export const DISTANCE_CLASSES = 6;

/** Kind of a new token that is a literal. */
export const KIND_LITERAL = 0;
/** The first kind of match: 1 + length class * {@link DISTANCE_CLASSES} + distance class. */
export const KIND_MATCH = 1;
/** A match with the irregular code of length 258; its distance is coded like a near one. */
export const KIND_IRREGULAR = KIND_MATCH + 3 * DISTANCE_CLASSES;

/** Follows the tokens of a base, and foretells new ones. Positions count from the part's start. */
export class PatchModel {
  readonly #base: Uint32Array;
  /** The first base token that starts at the current position or after it. */
  #index = 0;
  #start: number;
  /** Base distance at the current position, and after it; 0 for none. */
  #covering = 0;
  #next = 0;
  #shift = 0;
  #repeated = 0;
  /** Where the covering base token ends, and the one after it. */
  coveringEnd = 0;
  nextEnd = 0;

  /** @param lead - of the base, see `TokenPart` */
  constructor(base: Uint32Array, lead: number) {
    this.#base = base;
    this.#start = lead;
  }

  /** Index of the base token at the position that was moved to. */
  get index(): number {
    return this.#index;
  }

  /** Where that token starts. */
  get start(): number {
    return this.#start;
  }

  /**
   * Moves on to a position.
   * @returns whether a base token starts there
   */
  moveTo(position: number): boolean {
    const base = this.#base;
    let index = this.#index;
    let start = this.#start;
    while (start < position && index < base.length) start += lengthOf(base[index++]!);
    this.#index = index;
    this.#start = start;
    return start === position && index < base.length;
  }

  /** Passes the base token at the position. */
  pass(): void {
    this.#start += lengthOf(this.#base[this.#index++]!);
  }

  /**
   * Passes up to `most` base tokens from the position on, and copies them.
   * @returns how many there were
   */
  copy(most: number, into: Uint32Array, at: number): number {
    const base = this.#base;
    const from = this.#index;
    const to = Math.min(from + most, base.length);
    let start = this.#start;
    for (let index = from; index < to; index++) {
      const token = base[index]!;
      into[at + index - from] = token;
      start += lengthOf(token);
    }
    this.#index = to;
    this.#start = start;
    return to - from;
  }

  /** Looks at the base around the position; `isAligned` is what {@link moveTo} returned. */
  look(isAligned: boolean): void {
    const base = this.#base;
    const covering = isAligned ? this.#index : this.#index - 1;
    const next = covering + 1;
    this.#covering = covering >= 0 ? distanceOf(base[covering]!) : 0;
    this.#next = next < base.length ? distanceOf(base[next]!) : 0;
    this.coveringEnd = isAligned ? this.#start + lengthOf(base[covering]!) : this.#start;
    this.nextEnd = next < base.length ? this.coveringEnd + lengthOf(base[next]!) : 0;
  }

  /** The distance that a class foretells; 0 or less, or too large, where it foretells none. */
  foretell(distanceClass: number): number {
    switch (distanceClass) {
      case DISTANCE_SAME:
        return this.#covering;
      case DISTANCE_SHIFTED:
        return this.#covering === 0 ? 0 : this.#covering + this.#shift;
      case DISTANCE_NEXT:
        return this.#next;
      case DISTANCE_REPEATED:
        return this.#repeated;
      default:
        return 0;
    }
  }

  /** Learns from a new match. */
  learn(distance: number): void {
    if (this.#covering !== 0) this.#shift = distance - this.#covering;
    this.#repeated = distance;
  }
}
