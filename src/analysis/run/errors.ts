/** What goes wrong while layers are read. */

/** The bytes that a source gave for a layer are not those of its digest, twice. */
export class WrongBytesError extends Error {
  override readonly name = 'WrongBytesError';
}
