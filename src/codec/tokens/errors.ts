/** What can be wrong with stored tokens and patches. */

const MESSAGES = {
  truncated: 'ends too early',
  trailing: 'something is left over',
  format: 'not a group of this kind and version',
  checksum: 'damaged: the checksum differs',
  size: 'larger than it may be',
  number: 'a number that cannot be',
  token: 'a token that cannot be',
  position: 'tokens that do not lie where their file lies',
} as const;

/** A kind of error. */
export type TokenErrorCode = keyof typeof MESSAGES;

/** Stored tokens or a patch that cannot be used. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  readonly code: TokenErrorCode;

  constructor(code: TokenErrorCode, options?: ErrorOptions) {
    super(MESSAGES[code], options);
    this.code = code;
  }
}
