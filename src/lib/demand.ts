/**
 * Whether somebody waits for this process. All stores of a process share its thread, and so do those
 * who are served, so this is told once for all of it.
 */

/** Milliseconds for which a process counts as being in demand after the last request. */
const AFTERWARDS = 100;

let underWay = 0;
let lastEnd = Number.NEGATIVE_INFINITY;

/** A request has come; {@link requestEnded} has to follow. */
export function requestBegan(): void {
  underWay++;
}

/** A request is over. */
export function requestEnded(): void {
  underWay--;
  lastEnd = performance.now();
}

/** True while requests are served, and for a moment after. */
export function isInDemand(): boolean {
  return underWay > 0 || performance.now() - lastEnd < AFTERWARDS;
}

/** Milliseconds over which the use of the thread is measured; the last ones count until the next look. */
const WINDOW = 100;
/** Shares of the time, 0 to 1, above which the thread counts as busy, and as saturated. */
const BUSY = 0.5;
const SATURATED = 0.9;

let windowBegan = performance.now();
let before = performance.eventLoopUtilization();
let share = 0;

/** Share of the last moment in which the thread worked, and did not wait. */
function workingShare(): number {
  const now = performance.now();
  if (now - windowBegan >= WINDOW) {
    const current = performance.eventLoopUtilization();
    share = performance.eventLoopUtilization(current, before).utilization;
    before = current;
    windowBegan = now;
  }
  return share;
}

/** True while clients are served, for a moment after, and while the thread mostly works. */
export function isBusy(): boolean {
  return workingShare() >= BUSY || isInDemand();
}

/** True when the thread hardly waits for anything: what else it does is taken from the requests. */
export function isSaturated(): boolean {
  return workingShare() >= SATURATED;
}
