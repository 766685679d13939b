/**
 * Writes a patch: what makes the tokens of one occurrence of a part out of those of another.
 *
 * A patch is a number of edits. Each says how many tokens are the same as in the base, and then
 * gives new tokens until one starts where a base token starts (plain position). There is no end
 * mark: both sides see when that is so.
 */
import { distanceOf, IRREGULAR, isMatch, lengthOf } from '../deflate/token.ts';
import type { TokenPart } from './part.ts';
import {
  DISTANCE_CLASSES,
  DISTANCE_FOREIGN,
  DISTANCE_NEAR,
  KIND_IRREGULAR,
  KIND_LITERAL,
  KIND_MATCH,
  LENGTH_COVERING,
  LENGTH_EXPLICIT,
  LENGTH_NEXT,
  PatchModel,
} from './patch-model.ts';
import type { PatchWriters } from './patch-streams.ts';

/** What a patch of one part came to. */
export interface PatchFigures {
  readonly edits: number;
  /** Tokens that are not those of the base. */
  readonly newTokens: number;
}

function lengthClassOf(model: PatchModel, end: number): number {
  if (end === model.coveringEnd) return LENGTH_COVERING;
  return end === model.nextEnd ? LENGTH_NEXT : LENGTH_EXPLICIT;
}

function distanceClassOf(model: PatchModel, distance: number, position: number): number {
  for (let candidate = 0; candidate < DISTANCE_FOREIGN; candidate++) {
    if (model.foretell(candidate) === distance) return candidate;
  }
  return distance > position ? DISTANCE_FOREIGN : DISTANCE_NEAR;
}

function writeNear(writers: PatchWriters, distance: number): void {
  writers.nearLow.byte((distance - 1) & 0xff);
  writers.nearHigh.byte((distance - 1) >> 8);
}

function writeMatch(
  writers: PatchWriters,
  model: PatchModel,
  token: number,
  position: number,
): void {
  const length = lengthOf(token);
  const distance = distanceOf(token);
  if (token >= IRREGULAR) {
    writers.kinds.byte(KIND_IRREGULAR);
    writeNear(writers, distance);
  } else {
    const lengthClass = lengthClassOf(model, position + length);
    const distanceClass = distanceClassOf(model, distance, position);
    writers.kinds.byte(KIND_MATCH + lengthClass * DISTANCE_CLASSES + distanceClass);
    if (lengthClass === LENGTH_EXPLICIT) writers.lengths.byte(length - 3);
    if (distanceClass === DISTANCE_NEAR) writeNear(writers, distance);
    if (distanceClass === DISTANCE_FOREIGN) {
      const beyond = distance - position - 1;
      writers.foreignLow.byte(beyond & 0xff);
      writers.foreignHigh.byte(beyond >> 8);
    }
  }
  model.learn(distance);
}

/**
 * Writes the patch of one part.
 * @param base - an occurrence of the part that is kept
 * @param part - another occurrence of the same bytes
 */
export function encodePatch(base: TokenPart, part: TokenPart, writers: PatchWriters): PatchFigures {
  const { tokens } = part;
  const model = new PatchModel(base.tokens, base.lead);
  let position = part.lead;
  let run = 0;
  let edits = 0;
  let newTokens = 0;
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    const isAligned = model.moveTo(position);
    if (isAligned && base.tokens[model.index] === token) {
      model.pass();
      run++;
    } else {
      if (isAligned) {
        writers.runs.number(run);
        run = 0;
        edits++;
      }
      newTokens++;
      if (isMatch(token)) {
        model.look(isAligned);
        writeMatch(writers, model, token, position);
      } else {
        writers.kinds.byte(KIND_LITERAL);
        writers.literals.byte(token);
      }
    }
    position += lengthOf(token);
  }
  writers.edits.number(edits);
  return { edits, newTokens };
}
