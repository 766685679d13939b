/** Reads a patch: base tokens and edits give the tokens of an occurrence again. */
import { IRREGULAR, lengthOf, matchToken } from '../deflate/token.ts';
import { TokenError } from './errors.ts';
import { PART_SIZE, type TokenPart } from './part.ts';
import {
  DISTANCE_CLASSES,
  DISTANCE_FOREIGN,
  DISTANCE_NEAR,
  KIND_IRREGULAR,
  KIND_LITERAL,
  KIND_MATCH,
  LENGTH_COVERING,
  LENGTH_EXPLICIT,
  PatchModel,
} from './patch-model.ts';
import type { PatchReaders } from './patch-streams.ts';

const MAX_DISTANCE = 32_768;
/** The length that has an irregular code. */
const MAX_LENGTH = 258;

function readLength(readers: PatchReaders, model: PatchModel, kind: number, at: number): number {
  const lengthClass = Math.floor((kind - KIND_MATCH) / DISTANCE_CLASSES);
  if (lengthClass === LENGTH_EXPLICIT) return readers.lengths.byte() + 3;
  return (lengthClass === LENGTH_COVERING ? model.coveringEnd : model.nextEnd) - at;
}

function readNear(readers: PatchReaders): number {
  return (readers.nearLow.byte() | (readers.nearHigh.byte() << 8)) + 1;
}

function readDistance(readers: PatchReaders, model: PatchModel, kind: number, at: number): number {
  const distanceClass = (kind - KIND_MATCH) % DISTANCE_CLASSES;
  if (distanceClass === DISTANCE_NEAR) return readNear(readers);
  if (distanceClass !== DISTANCE_FOREIGN) return model.foretell(distanceClass);
  return (readers.foreignLow.byte() | (readers.foreignHigh.byte() << 8)) + 1 + at;
}

/** @throws TokenError `truncated`, `token` */
function readToken(
  readers: PatchReaders,
  model: PatchModel,
  position: number,
  isAligned: boolean,
): number {
  const kind = readers.kinds.byte();
  if (kind === KIND_LITERAL) return readers.literals.byte();
  if (kind > KIND_IRREGULAR) throw new TokenError('token');
  model.look(isAligned);
  const isIrregular = kind === KIND_IRREGULAR;
  const length = isIrregular ? MAX_LENGTH : readLength(readers, model, kind, position);
  const distance = isIrregular ? readNear(readers) : readDistance(readers, model, kind, position);
  if (length < 3 || length > MAX_LENGTH || distance < 1 || distance > MAX_DISTANCE) {
    throw new TokenError('token');
  }
  model.learn(distance);
  return matchToken(length, distance) + (isIrregular ? IRREGULAR : 0);
}

/** Applies patches, one after the other; it keeps room for the tokens of one part. */
export class PatchApplier {
  #room = new Uint32Array(0);

  /**
   * Applies the next patch of some streams.
   * @param base - what the patch was made against
   * @param lead - of the occurrence, see `TokenPart`
   * @returns its tokens, valid until the next call
   * @throws TokenError `truncated`, `number`, `token` when the patch is damaged; whether the tokens
   *   fill the part is seen when they are merged
   */
  apply(base: TokenPart, lead: number, readers: PatchReaders): Uint32Array {
    const edits = readers.edits.number();
    if (edits === 0 && lead === base.lead) return base.tokens;
    return this.#edit(base, lead, edits, readers);
  }

  #edit(base: TokenPart, lead: number, edits: number, readers: PatchReaders): Uint32Array {
    const { tokens, size } = base;
    if (size > PART_SIZE || tokens.length > PART_SIZE) throw new TokenError('size');
    // One token starts at each byte at most, until the rest is copied from the base.
    const most = size + tokens.length;
    if (this.#room.length < most) this.#room = new Uint32Array(2 * most);
    const out = this.#room;
    const model = new PatchModel(tokens, base.lead);
    let count = 0;
    let position = lead;
    let left = edits;
    // Tokens to be copied before the next edit; after the last edit there is nothing but copying.
    let run = left > 0 ? readers.runs.number() : Number.POSITIVE_INFINITY;
    while (position < size) {
      const isAligned = model.moveTo(position);
      if (isAligned && run > 0) {
        if (left === 0) {
          out.set(tokens.subarray(model.index), count);
          return out.subarray(0, count + tokens.length - model.index);
        }
        const copied = model.copy(run, out, count);
        count += copied;
        run -= copied;
        position = model.start;
        continue;
      }
      if (isAligned) {
        left--;
        run = left > 0 ? readers.runs.number() : Number.POSITIVE_INFINITY;
      }
      const token = readToken(readers, model, position, isAligned);
      out[count++] = token;
      position += lengthOf(token);
    }
    // What was announced and is not there was left out of the bytes, or never meant.
    if (left > 0) throw new TokenError('number');
    return out.subarray(0, count);
  }
}
