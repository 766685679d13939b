/** What tokens cost in the stream that they come from. */
import type { Block } from '../../../src/codec/deflate/block.ts';
import { distanceOf, IRREGULAR, lengthOf } from '../../../src/codec/deflate/token.ts';
import { WINDOW } from '../../../src/codec/kernels/layout.ts';
import { readHeader } from '../reference/header.ts';
import { DISTANCES, FIXED_DISTANCES, FIXED_LITERALS, LENGTHS } from '../reference/huffman.ts';

/** The symbol of a length, by length - 3, without the irregular one. */
const LENGTH_SYMBOLS = Array.from(
  { length: 256 },
  (_, i) => 257 + LENGTHS.findLastIndex(({ base }) => base <= i + 3),
);
/** The symbol of length 258 in its irregular code. */
const IRREGULAR_SYMBOL = 284;

/** The symbol of a distance, by distance. */
const DISTANCE_SYMBOLS = Uint8Array.from({ length: WINDOW + 1 }, (_, distance) =>
  Math.max(
    0,
    DISTANCES.findLastIndex(({ base }) => base <= distance),
  ),
);

/** Code lengths of literals and lengths, and of distances. */
function codeLengths({ type, header }: Block): readonly [readonly number[], readonly number[]] {
  if (type === 1) return [FIXED_LITERALS, FIXED_DISTANCES];
  let bit = 0;
  const { literals, distances } = readHeader((count) => {
    let value = 0;
    for (let i = 0; i < count; i++, bit++) value |= ((header[bit >> 3]! >> (bit & 7)) & 1) << i;
    return value;
  });
  return [literals, distances];
}

/** Bits of each token of a block, which its header and end-of-block code are not part of. */
export function tokenBits(block: Block, tokens: Uint32Array): Uint8Array {
  if (block.type === 0) return new Uint8Array(tokens.length).fill(8);
  const [literals, distances] = codeLengths(block);
  const matchBits = (token: number): number => {
    const length = token >= IRREGULAR ? IRREGULAR_SYMBOL : LENGTH_SYMBOLS[lengthOf(token) - 3]!;
    const distance = DISTANCE_SYMBOLS[distanceOf(token)]!;
    const extra = LENGTHS[length - 257]!.extra + DISTANCES[distance]!.extra;
    return literals[length]! + distances[distance]! + extra;
  };
  return Uint8Array.from(tokens, (token) => (token < 256 ? literals[token]! : matchBits(token)));
}
