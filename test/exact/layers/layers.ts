/** The layers that every compressor is tried on. */
import { isLong } from '../../codec/support/effort.ts';
import * as shapes from './shapes.ts';
import * as trees from './trees.ts';

const MB = 1_000_000;

/** A layer. */
export interface Layer {
  readonly name: string;
  /** Plain bytes in the long form, about. */
  readonly size: number;
  /** Plain bytes in the short form, about. */
  readonly short: number;
  /**
   * Makes it; the same bytes for the same size in every run.
   * @param size - plain bytes, about
   * @returns its tar, cut where entries begin
   */
  make(size: number): readonly Buffer[] | Promise<readonly Buffer[]>;
}

/** Plain bytes for compressors that take minutes for what others do in a second, about. */
export const SLOW = isLong ? 1_000_000 : 120_000;
const SHORT = 120_000;

/** All of them. */
export const LAYERS: readonly Layer[] = [
  { name: 'a tree of Debian', size: 60 * MB, short: 5 * MB, make: trees.debian },
  { name: 'node_modules', size: 40 * MB, short: SHORT, make: trees.npm },
  { name: 'jars', size: 30 * MB, short: SHORT, make: trees.jars },
  { name: 'pictures', size: 30 * MB, short: SHORT, make: trees.pictures },
  { name: "umoci's odd tar", size: 2 * MB, short: SHORT, make: shapes.umoci },
  { name: 'an empty one', size: 1024, short: 1024, make: shapes.empty },
  { name: 'one file', size: 50 * MB, short: MB, make: shapes.oneFile },
  { name: 'sparse files', size: 20 * MB, short: SHORT, make: shapes.sparse },
  { name: 'long names', size: 10 * MB, short: SHORT, make: shapes.longNames },
  { name: 'hard links and devices', size: 10 * MB, short: SHORT, make: shapes.links },
  { name: 'no end', size: 15 * MB, short: SHORT, make: shapes.noEnd },
  { name: 'garbage after the end', size: 15 * MB, short: SHORT, make: shapes.garbage },
];
