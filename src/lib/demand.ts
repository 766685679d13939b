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
