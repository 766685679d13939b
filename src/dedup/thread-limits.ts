/** What the threads of this floor may keep in memory. */

/**
 * Young objects of a thread, in MiB. V8 would let them grow to 48 before it looks for garbage, and
 * keeps the memory; a thread works mostly on buffers, and has no more of them within a section.
 */
const YOUNG_SIZE = 12;

/** The limits of each thread. */
export const THREAD_LIMITS = { maxYoungGenerationSizeMb: YOUNG_SIZE };
