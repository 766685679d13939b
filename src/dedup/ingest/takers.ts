/** Who takes layers apart. */
import type { LayerTaker } from './take-apart.ts';

/** Takers, each of which takes one layer apart at a time. */
export interface LayerTakers {
  /** Layers at once; further ones wait. */
  readonly count: number;
  /**
   * Lends a taker for as long as `work` lasts.
   * @throws what `work` throws, the signal's reason
   */
  use<T>(signal: AbortSignal, work: (taker: LayerTaker) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
