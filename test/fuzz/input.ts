/** What a target gets: a few pieces of bytes, so that a change in one leaves the others where they are. */
export type Input = readonly Uint8Array[];

/** Bytes that an input has at most, with the lengths of its pieces. */
export const INPUT_ROOM = 1024 * 1024;
const LENGTH = 4;

/** All pieces in one: a length (32 bits, little endian) and the bytes of each. */
export function joinInput(input: Input): Buffer {
  return Buffer.concat(
    input.flatMap((piece) => {
      const length = Buffer.alloc(LENGTH);
      length.writeUInt32LE(piece.length);
      return [length, piece];
    }),
  );
}

/** The pieces again. @throws RangeError when they do not fit together */
export function splitInput(bytes: Uint8Array): Input {
  const all = Buffer.from(bytes);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < all.length; ) {
    const length = all.readUInt32LE(at);
    at += LENGTH;
    if (length > all.length - at) throw new RangeError('a piece is cut short');
    pieces.push(all.subarray(at, at + length));
    at += length;
  }
  return pieces;
}
