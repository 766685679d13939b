/**
 * The table of content-defined cutting: a random number for each byte. Two tools find the same cuts
 * only with the same table, so it is made from a stated seed.
 */

/** Seed of {@link GEAR}. */
export const GEAR_SEED = 0x53544f57;

/** 256 numbers of 32 bits by SplitMix32 (after Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). */
export function makeGear(seed: number): Uint32Array {
  const gear = new Uint32Array(256);
  let state = seed | 0;
  for (let i = 0; i < gear.length; i++) {
    state = (state + 0x9e3779b9) | 0;
    let word = state ^ (state >>> 16);
    word = Math.imul(word, 0x21f0aaad);
    word ^= word >>> 15;
    word = Math.imul(word, 0x735a2d97);
    gear[i] = word ^ (word >>> 15);
  }
  return gear;
}

/** The table in use. */
export const GEAR: Uint32Array = makeGear(GEAR_SEED);
