/** Finds what somebody meant who mistyped a name. */

/** Longer names are not worth the quadratic work: nobody mistypes a key of that length. */
const MAX_LENGTH = 64;

/**
 * Edits between two texts: insertions, deletions, replacements, and swaps of neighbours, each one
 * (optimal string alignment distance; Damerau, "A technique for computer detection and correction of
 * spelling errors", 1964).
 */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, beforeLast[j - 2]! + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/**
 * The candidate that is nearest to `name`, or undefined when none is near enough to be a likely slip:
 * a third of its letters at most, at least two.
 */
export function closest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate.length > MAX_LENGTH) continue;
    const found = distance(wanted, candidate.toLowerCase());
    // A distance as long as the candidate itself means that nothing is shared.
    if (found < bestDistance && found < candidate.length) {
      best = candidate;
      bestDistance = found;
    }
  }
  return best;
}
