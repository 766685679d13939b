/**
 * What may be seen of one thing, judged by which operations on it were begun and acknowledged when.
 * An operation takes effect at one moment between the two; when the process ended before, or nobody
 * can tell, perhaps not at all.
 */

/** How a change is begun. */
export interface ChangeRequest<T> {
  /** What it makes of the thing. */
  readonly value: T;
  /** It changes the thing only when it has this value. */
  readonly onlyFrom?: { readonly value: T };
  /** When it was begun: a tick, and milliseconds of the clock. */
  readonly start: number;
  readonly clock: number;
}

/** One change of a thing. */
export interface Change<T> extends ChangeRequest<T> {
  /** Tick of its acknowledgement, infinite before that. */
  end: number;
  effect: 'pending' | 'done' | 'maybe';
  /** Whether the thing may have had the value that it needs, while it was under way. */
  mayApply: boolean;
}

/** The changes of one thing. */
export interface History<T> {
  begin(change: ChangeRequest<T>): Change<T>;
  /** It has taken effect. */
  acknowledge(change: Change<T>, tick: number): void;
  /** It had no effect. */
  withdraw(change: Change<T>): void;
  /** Nobody will ever tell whether it had an effect. */
  abandon(change: Change<T>, tick: number): void;
  /** Whether the thing may have a value now. `except` is a change that is left out. */
  allows(value: T, except?: Change<T>): boolean;
  /** Whether a client may be told that it has this value now. */
  shows(value: T, except?: Change<T>): boolean;
  /** Times of the clock at the start of the changes that may have given it this value. */
  clocksOf(value: T): readonly number[];
  /** Changes that are under way. */
  readonly pending: readonly Change<T>[];
  /** It was seen to have a value while nothing was under way: all else is out. */
  observe(value: T, tick: number): void;
}

/**
 * Begins with a value that nobody doubts.
 * @param mayShow - values that clients may be told besides those that the thing may have
 */
export function createHistory<T>(initial: T, mayShow: (value: T) => boolean): History<T> {
  const settled = (value: T, tick: number, clock: number): Change<T> => {
    return { value, start: tick, end: tick, clock, effect: 'done', mayApply: true };
  };
  let changes = [settled(initial, 0, Number.POSITIVE_INFINITY)];

  /** Whether a later change has surely taken the effect of this one away. */
  function isOver(change: Change<T>, except: Change<T> | undefined): boolean {
    return changes.some(
      (later) =>
        later !== except &&
        later.effect === 'done' &&
        later.start > change.end &&
        (later.onlyFrom === undefined || later.onlyFrom.value === change.value),
    );
  }
  const candidates = (value: T, except?: Change<T>): Change<T>[] =>
    changes.filter(
      (one) => one !== except && one.mayApply && one.value === value && !isOver(one, except),
    );

  return {
    begin(request) {
      const { onlyFrom } = request;
      const mayApply = onlyFrom === undefined || candidates(onlyFrom.value).length > 0;
      const change: Change<T> = {
        ...request,
        end: Number.POSITIVE_INFINITY,
        effect: 'pending',
        mayApply,
      };
      for (const one of changes) {
        if (one.effect === 'pending' && one.onlyFrom?.value === change.value) one.mayApply = true;
      }
      changes.push(change);
      return change;
    },
    acknowledge(change, tick) {
      change.end = tick;
      change.effect = 'done';
    },
    withdraw(change) {
      changes = changes.filter((one) => one !== change);
    },
    abandon(change, tick) {
      change.end = tick;
      change.effect = 'maybe';
    },
    allows: (value, except) => candidates(value, except).length > 0,
    shows: (value, except) => candidates(value, except).length > 0 || mayShow(value),
    clocksOf: (value) => candidates(value).map(({ clock }) => clock),
    get pending() {
      return changes.filter(({ effect }) => effect === 'pending');
    },
    observe(value, tick) {
      changes = [settled(value, tick, Math.min(...candidates(value).map((one) => one.clock)))];
    },
  };
}
