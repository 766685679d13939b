/** Blocks: how a compressor cut its tokens, and what Huffman codes it chose for them. */

/** BTYPE of RFC 1951, 3.2.3: 0 stored, 1 fixed codes, 2 dynamic codes. */
export type BlockType = 0 | 1 | 2;

/** All that is needed, besides its tokens, to write a block again bit for bit. */
export interface BlockHead {
  readonly type: BlockType;
  /** BFINAL: no block follows. */
  readonly final: boolean;
  /** Number of tokens without the end-of-block mark; of a stored block, its bytes. */
  readonly tokens: number;
  /** Stored: value of the bits between the first three and LEN, which should be 0; else 0. */
  readonly padding: number;
  /** Dynamic: the bits from HLIT to the last code length, verbatim, first bit lowest; else empty. */
  readonly header: Uint8Array;
  /** Number of bits in `header`; those of the last byte beyond them are 0. */
  readonly headerBits: number;
}

/** A block as it was read: with its place. */
export interface Block extends BlockHead {
  /** Bits of the DEFLATE stream before this block. */
  readonly startBit: number;
  /** Tokens of the stream before this block. */
  readonly startToken: number;
  /** Plain bytes of the stream before this block. */
  readonly startByte: number;
  /** Plain bytes of this block. */
  readonly bytes: number;
}
