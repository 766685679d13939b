/**
 * How a layer's tokens are divided. A token belongs to the file in whose body it starts. All others
 * are gap tokens: those of headers and padding, and those that begin there and reach into a file.
 *
 * Bodies are cut into parts by the same rule, at multiples of {@link PART_SIZE}, so that everything
 * that works on the tokens of a file is bounded by a part, however large the file is.
 */

/** Plain bytes of a part; the last one of a body may be shorter. */
export const PART_SIZE = 1024 * 1024;

/** The tokens that start in one part of a body. */
export interface TokenPart {
  readonly tokens: Uint32Array;
  /** Plain bytes of the part. */
  readonly size: number;
  /** Plain bytes at its begin that belong to a token before; all of them when no token starts. */
  readonly lead: number;
}
