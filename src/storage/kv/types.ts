/**
 * The ordered key-value store that all metadata lies in. Keys are ASCII strings in byte order, with
 * single spaces between their parts; values are bytes.
 */

/** A half-open stretch of keys: `from` is included, `to` is not. */
export interface KeyRange {
  readonly from: string;
  readonly to: string;
  /** At most so many entries. Default: all. */
  readonly limit?: number;
}

/** One entry of a range. */
export type Entry = readonly [key: string, value: Uint8Array];

/** Writes that become durable together; `null` removes the key. */
export type WriteBatch = ReadonlyMap<string, Uint8Array | null>;

/**
 * What a database has to offer. All reads see one committed state; {@link openKeyValueStore} adds
 * transactions and group commit on top.
 */
export interface KeyValueEngine {
  /** The value, or undefined. The bytes are valid only until the next call. */
  get(key: string): Uint8Array | undefined;
  /** Entries in ascending byte order of their keys; the values stay valid. */
  entries(range: KeyRange): Iterable<Entry>;
  /** Keys in ascending byte order. */
  keys(range: KeyRange): Iterable<string>;
  /**
   * Writes all of the batch or nothing, and resolves when it would survive power loss. Never called
   * again before the last call has settled.
   */
  commit(batch: WriteBatch): Promise<void>;
  close(): Promise<void>;
}

/** The state that a transaction sees: everything committed, and everything queued before it. */
export interface Transaction {
  get(key: string): Uint8Array | undefined;
  has(key: string): boolean;
  /** Keys of a range, those of earlier transactions that still wait for their commit included. */
  keys(range: KeyRange): string[];
  /** Takes effect when the work returns; the transaction itself does not see it. */
  put(key: string, value: Uint8Array): void;
  /** Takes effect when the work returns. */
  remove(key: string): void;
}

/** Turns stored bytes into the record that the caller wants. Must not keep the bytes. */
export type Decode<T> = (bytes: Uint8Array) => T;

/** How a transaction is committed. */
export interface TransactOptions {
  /**
   * Nobody waits for it: it may stand back for some 50 ms, to go with transactions that come
   * meanwhile. Long work then takes few commits, each of which costs the disk two syncs.
   */
  readonly patient?: boolean;
}

/**
 * The store as the rest of the house sees it.
 *
 * Plain reads show what is durable, minus what a transaction under way removes: so nothing is shown
 * that a power loss could take back, and nothing that is about to disappear.
 */
export interface KeyValueStore {
  /**
   * A decoded record. Records are shared and remembered: the same key must always be read with the
   * same `decode`, and nobody may change what comes back.
   */
  read<T>(key: string, decode: Decode<T>): T | undefined;
  /** A copy of the value, for content too large to be remembered as a record. */
  bytes(key: string): Buffer | undefined;
  has(key: string): boolean;
  entries(range: KeyRange): Iterable<Entry>;
  keys(range: KeyRange): Iterable<string>;
  /**
   * Runs `work` at once and to its end, on top of all transactions before it, and commits its writes
   * together with those of its neighbours. What `work` throws undoes all of its writes and rejects,
   * once everything it has seen is durable.
   *
   * @returns what `work` returned, once it and everything it has seen is durable
   * @throws CommitError when the database could not write; the state is then as before
   */
  transact<T>(work: (tx: Transaction) => T, options?: TransactOptions): Promise<T>;
  /** Resolves when everything that was handed in so far is durable or has failed. */
  settled(): Promise<void>;
  /** Waits for what is under way, then closes. */
  close(): Promise<void>;
}

/** The database could not write, for example because the disk is full. Nothing was changed. */
export class CommitError extends Error {
  override readonly name = 'CommitError';

  constructor(cause: unknown) {
    super(`metadata could not be written: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

/** The first key that is greater than `key`. */
export function after(key: string): string {
  return `${key}\x01`;
}

/** The range of all keys that begin with `prefix`, which must end in a space. */
export function prefixRange(prefix: string, limit?: number): KeyRange {
  // '!' follows the space in ASCII.
  const range = { from: prefix, to: `${prefix.slice(0, -1)}!` };
  return limit === undefined ? range : { ...range, limit };
}
