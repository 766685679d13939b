/** Where sections end. */

/** Plain bytes after which a section ends with the next gap or part. */
export const SECTION_SIZE = 4 * 1024 * 1024;
/** The same for gap tokens: what no file brings is stored with the section. */
export const MAX_GAP_TOKENS = 1024 * 1024;
/** The same for parts: each may cost an entry of the part index, and all are entered together. */
export const MAX_PARTS = 4096;
/** The same for bytes after the last gzip member. */
export const MAX_TAIL = 1024 * 1024;
/** Bytes that the events of a section may take in memory, see `EventLog`. */
export const MAX_EVENT_BYTES = 4 * 1024 * 1024;
