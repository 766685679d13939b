/**
 * Bounds the lines that anybody can cause as often as they like, so that nobody can fill the disk of
 * the log, or hide something else between them.
 */

/** Lines that may come at once, and milliseconds until there is room for another one. */
const BURST = 60;
const REFILL = 1000;

/** Room for lines of one kind. */
export interface LineLimit {
  /**
   * Asks for room for a line.
   * @returns how many lines were left out since the last one that was written; undefined when this
   *   one has to be left out as well
   */
  take(): number | undefined;
}

/**
 * A bucket of 60 lines that fills again by one a second.
 * @param now - milliseconds of a clock that is never set back
 */
export function createLineLimit(now: () => number = () => performance.now()): LineLimit {
  let room = BURST;
  let at = now();
  let leftOut = 0;
  return {
    take() {
      const time = now();
      room = Math.min(BURST, room + (time - at) / REFILL);
      at = time;
      if (room < 1) {
        leftOut++;
        return undefined;
      }
      room--;
      const before = leftOut;
      leftOut = 0;
      return before;
    },
  };
}
