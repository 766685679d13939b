/** Reads the codes of a dynamic block from its bits (RFC 1951, 3.2.7). */
import * as status from '../../../src/codec/kernels/layout.ts';
import { codesOf, fullnessOf, LENGTH_ORDER } from './huffman.ts';

/** An error, as the status that the kernels give for it. */
export class StatusError extends Error {
  readonly status: number;

  constructor(kernelStatus: number) {
    super(`status ${kernelStatus}`);
    this.status = kernelStatus;
  }
}

/** Takes the next bits of a stream, lowest first; throws when there are none. */
export type TakeBits = (count: number) => number;

/** Decodes one symbol; a code that stands for nothing is an error once no longer one could match. */
export function decode(codes: ReadonlyMap<string, number>, take: TakeBits): number {
  const longest = Math.max(1, ...[...codes.keys()].map((code) => code.length));
  let code = '';
  while (code.length < longest) {
    code += take(1);
    const symbol = codes.get(code);
    if (symbol !== undefined) return symbol;
  }
  throw new StatusError(status.UNUSED_CODE);
}

/** Code lengths of a dynamic block. */
export interface DynamicLengths {
  readonly literals: readonly number[];
  readonly distances: readonly number[];
}

/** @throws StatusError for what zlib refuses as well */
export function readHeader(take: TakeBits): DynamicLengths {
  const literalCount = take(5) + 257;
  const distanceCount = take(5) + 1;
  const orderCount = take(4) + 4;
  if (literalCount > 286 || distanceCount > 30) throw new StatusError(status.BAD_SYMBOL_COUNT);
  const orderLengths = new Array(19).fill(0);
  for (const symbol of LENGTH_ORDER.slice(0, orderCount)) orderLengths[symbol] = take(3);
  if (fullnessOf(orderLengths) !== 'complete') throw new StatusError(status.BAD_LENGTH_CODE);
  const order = codesOf(orderLengths);
  const lengths: number[] = [];
  while (lengths.length < literalCount + distanceCount) {
    const symbol = decode(order, take);
    if (symbol < 16) {
      lengths.push(symbol);
      continue;
    }
    const last = lengths.at(-1);
    if (symbol === 16 && last === undefined) throw new StatusError(status.BAD_REPEAT);
    const times = symbol === 16 ? 3 + take(2) : symbol === 17 ? 3 + take(3) : 11 + take(7);
    lengths.push(...new Array(times).fill(symbol === 16 ? last : 0));
  }
  if (lengths.length > literalCount + distanceCount) throw new StatusError(status.BAD_REPEAT);
  const literals = lengths.slice(0, literalCount);
  const distances = lengths.slice(literalCount);
  if (literals[256] === 0) throw new StatusError(status.NO_END_OF_BLOCK);
  if (fullnessOf(literals) === 'bad') throw new StatusError(status.BAD_LITERAL_CODE);
  if (fullnessOf(distances) === 'bad') throw new StatusError(status.BAD_DISTANCE_CODE);
  return { literals, distances };
}
