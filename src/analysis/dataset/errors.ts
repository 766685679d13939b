/** What goes wrong with datasets. */

/** A dataset cannot be read or written; the message says what, and what helps. */
export class DatasetError extends Error {
  override readonly name = 'DatasetError';
}
