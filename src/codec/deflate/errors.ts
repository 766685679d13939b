/** What can be wrong with a DEFLATE stream, or with the tokens and blocks one is written from. */
import * as status from '../kernels/layout.ts';

const MESSAGES = {
  'block-type': 'block type 3',
  'stored-length': 'stored block whose length and its complement differ',
  'symbol-count': 'more symbols than there are',
  'length-code': 'code lengths are coded by an incomplete or over-full code',
  repeat: 'repeated code length without a first one, or one too many',
  'no-end-of-block': 'code without end of block',
  'literal-code': 'incomplete or over-full literal code',
  'distance-code': 'incomplete or over-full distance code',
  'unused-code': 'code that stands for nothing',
  distance: 'distance reaches before the begin',
  truncated: 'stream ends too early',
  token: 'token that its block cannot hold',
  'header-size': 'header of another size than stated',
  padding: 'padding that does not fit its bits',
  'token-count': 'tokens and blocks do not agree',
  'after-end': 'something follows the final block',
} as const;

/** A kind of error. */
export type DeflateErrorCode = keyof typeof MESSAGES;

const CODE_OF: Readonly<Record<number, DeflateErrorCode>> = {
  [status.BAD_BLOCK_TYPE]: 'block-type',
  [status.BAD_STORED_LENGTH]: 'stored-length',
  [status.BAD_SYMBOL_COUNT]: 'symbol-count',
  [status.BAD_LENGTH_CODE]: 'length-code',
  [status.BAD_REPEAT]: 'repeat',
  [status.NO_END_OF_BLOCK]: 'no-end-of-block',
  [status.BAD_LITERAL_CODE]: 'literal-code',
  [status.BAD_DISTANCE_CODE]: 'distance-code',
  [status.UNUSED_CODE]: 'unused-code',
  [status.DISTANCE_TOO_FAR]: 'distance',
  [status.BAD_TOKEN]: 'token',
  [status.BAD_HEADER_SIZE]: 'header-size',
  [status.BAD_PADDING]: 'padding',
};

/** A stream that cannot be read, or parts of one that cannot be written. */
export class DeflateError extends Error {
  override readonly name = 'DeflateError';
  readonly code: DeflateErrorCode;
  /** Bits of the DEFLATE stream before the block header or token that is wrong. */
  readonly bit: number;

  constructor(code: DeflateErrorCode, bit: number) {
    super(`${MESSAGES[code]} (bit ${bit})`);
    this.code = code;
    this.bit = bit;
  }
}

/** The error that a kernel's status stands for. */
export function errorOf(kernelStatus: number, bit: number): DeflateError {
  const code = CODE_OF[kernelStatus];
  if (code === undefined) throw new RangeError(`unknown kernel status ${kernelStatus}`);
  return new DeflateError(code, bit);
}
