/** What goes wrong with sources. */

/** What an error knows besides its message. */
export interface SourceErrorOptions {
  readonly cause?: unknown;
  /** What helps, as one sentence without a full stop. */
  readonly hint?: string | undefined;
}

/** Something of a source cannot be had; the message says what. */
export class SourceError extends Error {
  override readonly name: string = 'SourceError';
  /** What helps; undefined when the message says that, or nothing is known to. */
  readonly hint: string | undefined;

  constructor(message: string, { cause, hint }: SourceErrorOptions = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.hint = hint;
  }
}

/** What was asked for makes no sense, whatever the source holds. */
export class SourceUsageError extends SourceError {
  override readonly name = 'SourceUsageError';
}
