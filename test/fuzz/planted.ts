/** A target with mistakes in it, behind comparisons that have to be passed one after the other. */
import type { FuzzTarget } from './target.ts';

const low = (byte: number | undefined): number => (byte ?? 0) & 15;

/** How far it comes: each branch is one that coverage sees. */
function depthOf([a, b, c, d]: Uint8Array): number {
  if (low(a) !== 6) return 0;
  if (low(b) !== 5) return 1;
  if (low(c) !== 10) return 2;
  if (low(d) === 10) return 3;
  if (low(d) === 1) return 4;
  return 5;
}

/** The target. */
export const target: FuzzTarget = {
  maxSize: 16,
  dictionary: [],
  seeds: () => [[new Uint8Array(4)]],
  covers: (url) => url.endsWith('/planted.ts'),
  run([text]) {
    const depth = depthOf(text!);
    if (depth === 3) throw new Error('planted');
    while (depthOf(text!) === 4);
  },
  replay: () => undefined,
};
