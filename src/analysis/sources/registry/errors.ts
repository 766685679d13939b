/** What can go wrong on the way to a registry, as far as callers have to tell it apart. */
import { SourceError } from '../errors.ts';

/** The other side could not be reached, or failed, as often as it was tried. */
export class UnreachableError extends SourceError {}

/** The other side refuses: the status of its answer says how. */
export class RefusedError extends SourceError {
  readonly status: number;

  constructor(message: string, status: number, hint?: string) {
    super(message, { hint });
    this.status = status;
  }
}

/** The other side wants a longer pause than is allowed. */
export class RateLimitError extends SourceError {}

/** The requests that were allowed are used up. */
export class BudgetError extends SourceError {}

/** True for the errors after which nothing more is to be had for now, although nothing is broken. */
export function isLimit(error: unknown): boolean {
  return error instanceof RateLimitError || error instanceof BudgetError;
}

/** Ended in a way that may go well the next time; never leaves this folder. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
  /** Milliseconds that the other side wants to be left alone; undefined when it does not say. */
  readonly pause: number | undefined;
  /** What helps, if it is still so after the last try. */
  readonly hint: string | undefined;

  constructor(
    message: string,
    options: {
      readonly pause?: number;
      readonly cause?: unknown;
      readonly hint?: string | undefined;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.pause = options.pause;
    this.hint = options.hint;
  }
}

const MAX_TEXT = 300;

/** Text of the other side as it may be shown: on one line, without control characters, not long. */
export function shown(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT)}...` : clean;
}
