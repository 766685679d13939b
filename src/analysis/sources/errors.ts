/** What goes wrong with sources. */

/** Something of a source cannot be had; the message says what, and what helps. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}
