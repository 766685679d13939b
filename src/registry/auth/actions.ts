/**
 * Sets of actions as bits, because "may this token push here" runs on every request and a bit test
 * neither allocates nor searches.
 */
import type { Action } from './types.ts';

/** Any of the three actions, each one bit. */
export type ActionMask = number;

export const NO_ACTIONS: ActionMask = 0;
export const ALL_ACTIONS: ActionMask = 7;

/** The bit of one action. */
export function bitOf(action: Action): ActionMask {
  return action === 'pull' ? 1 : action === 'push' ? 2 : 4;
}

/** The set that a list of names stands for; `*` is all of them, unknown names count for nothing. */
export function maskOf(actions: Iterable<string>): ActionMask {
  let mask = NO_ACTIONS;
  for (const action of actions) {
    if (action === '*') mask |= ALL_ACTIONS;
    else if (action === 'pull' || action === 'push' || action === 'delete') mask |= bitOf(action);
  }
  return mask;
}

/** The names of a set, in the order that clients use. */
export function namesOf(mask: ActionMask): Action[] {
  const names: Action[] = [];
  if (mask & 1) names.push('pull');
  if (mask & 2) names.push('push');
  if (mask & 4) names.push('delete');
  return names;
}
