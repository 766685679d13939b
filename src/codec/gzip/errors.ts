/** What can be wrong with a gzip file besides its DEFLATE streams. */

const MESSAGES = {
  magic: 'not a gzip file',
  method: 'compression method other than DEFLATE',
  flags: 'reserved flags',
  'header-size': 'header longer than 128 KiB',
  truncated: 'file ends too early',
  order: 'parts in an order that no file has',
} as const;

/** A kind of error. */
export type GzipErrorCode = keyof typeof MESSAGES;

/** A file that cannot be read, or parts that make none. */
export class GzipError extends Error {
  override readonly name = 'GzipError';
  readonly code: GzipErrorCode;
  /** Bytes of the file before what is wrong. */
  readonly offset: number;

  constructor(code: GzipErrorCode, offset: number) {
    super(`${MESSAGES[code]} (byte ${offset})`);
    this.code = code;
    this.offset = offset;
  }
}
