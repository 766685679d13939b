/**
 * Sizes and numbers that the kernels and their callers agree on. Plain integers only, because
 * AssemblyScript compiles this file too.
 */

/** Bytes that a DEFLATE match may reach back (RFC 1951, 2). */
export const WINDOW = 32768;

/** Compressed bytes the reader kernel takes at once. */
export const INPUT_CAPACITY = 65536;
/** Plain bytes after which a run of the reader stops; the last match may add 257. */
export const OUTPUT_CAPACITY = 131072;
/** Tokens after which a run of the reader stops, and which the writer kernel takes at once. */
export const TOKEN_CAPACITY = 32768;
/** Blocks after whose begin a run of the reader stops. */
export const BLOCK_CAPACITY = 256;

/**
 * Bytes of the longest dynamic header after its first three bits: 14 bits of counts, 19 lengths of
 * 3 bits, and 316 lengths that take at most 7 bits each (a repeat takes fewer per length).
 */
export const HEADER_CAPACITY = 288;
/** Space between `end` and the writer's capacity that one block header never passes. */
export const WRITER_MARGIN = 512;
/** Compressed bytes of the writer kernel's buffer. */
export const WRITER_CAPACITY = 131072;

/** Bytes by which the last token of a stretch may reach beyond its end. */
export const MAX_OVERHANG = 257;
/** Bytes of each stream, and so literals and matches, that the token kernel takes at once. */
export const STREAM_CAPACITY = 32768;
/** Plain bytes of the space kernel. */
export const SPACE_CAPACITY = 8388608;

/** Numbers in a block record of the reader: see the names that follow. */
export const RECORD_SIZE = 5;
/** BTYPE, plus 4 for the final block. */
export const RECORD_TYPE = 0;
/** Stored: value of the skipped bits. Dynamic: bits of the header, without the first three. */
export const RECORD_DETAIL = 1;
/** Bit of the input buffer at which the block begins. */
export const RECORD_BIT = 2;
/** Tokens and plain bytes of this run that lie before the block. */
export const RECORD_TOKEN = 3;
export const RECORD_BYTE = 4;

/** BTYPE of RFC 1951, 3.2.3. */
export const STORED = 0;
export const FIXED = 1;
export const DYNAMIC = 2;

/** What a run ends with. The reader wants more input, or room; the writer wants tokens, or room. */
export const NEED_INPUT = 0;
export const FULL = 1;
export const END = 2;

/** Errors of reader and writer. */
export const BAD_BLOCK_TYPE = 16;
export const BAD_STORED_LENGTH = 17;
export const BAD_SYMBOL_COUNT = 18;
export const BAD_LENGTH_CODE = 19;
export const BAD_REPEAT = 20;
export const NO_END_OF_BLOCK = 21;
export const BAD_LITERAL_CODE = 22;
export const BAD_DISTANCE_CODE = 23;
export const UNUSED_CODE = 24;
export const DISTANCE_TOO_FAR = 25;

/** Errors of the writer only. */
export const BAD_TOKEN = 32;
export const BAD_HEADER_SIZE = 33;
export const BAD_PADDING = 34;

/** Errors of the token and the space kernel, which also have BAD_TOKEN. */
export const BAD_RUN = 48;
export const BAD_POSITION = 49;
