/**
 * Keys in byte order. Ranges are found by binary search, so that they cost what lies in them and not
 * what lies beside them.
 */

/** Some keys, each once. */
export interface SortedKeys {
  add(key: string): void;
  /** Drops the keys that are not to be kept. */
  retain(isKept: (key: string) => boolean): void;
  /** The keys of a half-open range, ascending. */
  between(from: string, to: string): string[];
}

/** Starts without a key. */
export function createSortedKeys(): SortedKeys {
  let keys: string[] = [];

  /** Where a key stands, or would stand. */
  function positionOf(key: string): number {
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    add(key) {
      const position = positionOf(key);
      if (keys[position] !== key) keys.splice(position, 0, key);
    },
    retain(isKept) {
      keys = keys.filter(isKept);
    },
    between(from, to) {
      const first = positionOf(from);
      // Most ranges hold nothing: one search is enough for them.
      if (first === keys.length || keys[first]! >= to) return [];
      return keys.slice(first, positionOf(to));
    },
  };
}
