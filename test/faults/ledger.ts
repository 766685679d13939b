/**
 * What the clients of a registry were told, and so what must be served after a crash. Each name is
 * changed by one client at a time; so a name has one known value, or, while a change of it is not
 * answered, a few possible ones.
 */
import type { Blob, Manifest } from './contents.ts';

/** What can be asked for in a repository, by digest or by tag. */
export type Kind = 'blob' | 'manifest' | 'tag';

/** The digest that is served under a name; undefined when nothing is. */
export type Value = string | undefined;

/** One name gets another value. */
export interface Change {
  readonly kind: Kind;
  /** Digest or tag. */
  readonly name: string;
  readonly to: Value;
}

/** A name and what may be under it. */
export interface Entry {
  readonly repository: string;
  readonly kind: Kind;
  readonly name: string;
  possible: Set<Value>;
  /** For blobs: until when nobody may collect it although nothing refers to it. */
  leasedUntil: number;
}

/** A request that changes something, from before it is sent. All of it happens, or nothing. */
export interface Operation {
  readonly repository: string;
  readonly changes: readonly Change[];
  /** It was acknowledged. */
  done(): void;
  /** It was answered that nothing was changed. */
  refused(): void;
}

/** An upload that the registry has told about. */
export interface Upload {
  readonly repository: string;
  /** Its location. */
  readonly path: string;
  readonly blob: Blob;
  /** Bytes that were acknowledged, and bytes that were sent. */
  acked: number;
  sent: number;
  /** True once a request is under way that may end it. */
  ending: boolean;
}

/** A change that was not answered, and what was possible before it. */
export interface Unanswered {
  readonly operation: Operation;
  readonly before: ReadonlyMap<Change, ReadonlySet<Value>>;
}

const keyOf = (repository: string, kind: Kind, name: string): string =>
  `${repository} ${kind} ${name}`;

/** What is known of one registry. */
export class Ledger {
  /** Milliseconds that an unreferenced blob is kept after it was asked for or pushed. */
  readonly lease: number;
  readonly uploads = new Map<string, Upload>();
  /** Uploads that became a blob; a crash may leave such a session behind for a while. */
  readonly finished: Upload[] = [];
  readonly #entries = new Map<string, Entry>();
  readonly #manifests: Map<string, Manifest>;
  readonly #open = new Set<Unanswered>();
  #copies: Ledger[] = [];

  constructor(lease: number, manifests = new Map<string, Manifest>()) {
    this.lease = lease;
    this.#manifests = manifests;
  }

  #entry(repository: string, { kind, name }: Pick<Entry, 'kind' | 'name'>): Entry {
    const key = keyOf(repository, kind, name);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { repository, kind, name, possible: new Set([undefined]), leasedUntil: 0 };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  /** Every name that something was ever done to. */
  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** The names of a repository that have this value for certain, whatever it is. */
  known(repository: string, kind: Kind): Entry[] {
    return [...this.#entries.values()].filter(
      (entry) =>
        entry.repository === repository &&
        entry.kind === kind &&
        entry.possible.size === 1 &&
        !entry.possible.has(undefined),
    );
  }

  /** What may be under a name. */
  possible(repository: string, kind: Kind, name: string): ReadonlySet<Value> {
    return this.#entries.get(keyOf(repository, kind, name))?.possible ?? new Set([undefined]);
  }

  /** A manifest that was pushed somewhere. */
  manifest(digest: string): Manifest | undefined {
    return this.#manifests.get(digest);
  }

  remember(manifest: Manifest): void {
    this.#manifests.set(manifest.digest, manifest);
  }

  /** Begins a change; to be called before its request is sent. */
  begin(repository: string, changes: readonly Change[]): Operation {
    const before = new Map<Change, ReadonlySet<Value>>();
    for (const change of changes) {
      const entry = this.#entry(repository, change);
      before.set(change, entry.possible);
      entry.possible = new Set([...entry.possible, change.to]);
    }
    for (const copy of this.#copies) copy.begin(repository, changes);
    const settle = (toBe: (change: Change) => ReadonlySet<Value>): void => {
      this.#open.delete(unanswered);
      for (const change of changes) {
        this.#entry(repository, change).possible = new Set(toBe(change));
      }
    };
    const operation: Operation = {
      repository,
      changes,
      done: () => settle(({ to }) => new Set([to])),
      refused: () => settle((change) => before.get(change)!),
    };
    const unanswered: Unanswered = { operation, before };
    this.#open.add(unanswered);
    return operation;
  }

  /** Changes that were begun and never answered. */
  unanswered(): IterableIterator<Unanswered> {
    return this.#open.values();
  }

  /** Notes that a request which renews the lease of a blob succeeded; `at` is when it was sent. */
  touch(repository: string, digest: string, at: number): void {
    const entry = this.#entry(repository, { kind: 'blob', name: digest });
    entry.leasedUntil = Math.max(entry.leasedUntil, at + this.lease);
  }

  /** Manifests of a repository that may be there and refer to a digest. */
  users(repository: string, digest: string): Entry[] {
    return [...this.#entries.values()].filter(
      (entry) =>
        entry.repository === repository &&
        entry.kind === 'manifest' &&
        entry.possible.has(entry.name) &&
        this.manifest(entry.name)!.references.includes(digest),
    );
  }

  /** Whether an unreferenced blob may have been collected, as far as anybody was promised. */
  mayBeCollected(repository: string, digest: string, at: number): boolean {
    const entry = this.#entries.get(keyOf(repository, 'blob', digest));
    if (entry !== undefined && at < entry.leasedUntil) return false;
    return !this.users(repository, digest).some((user) => user.possible.size === 1);
  }

  /** Why a name has to be there, for the message when it is not. */
  reasonFor({ repository, name, leasedUntil }: Entry, at: number): string {
    const users = this.users(repository, name).map(
      (user) => `${user.name.slice(0, 15)} of ${user.possible.size} values`,
    );
    return `lease ends ${leasedUntil - at} ms after the crash; used by ${users.join(', ') || 'none'}`;
  }

  /** What may be under a name when the server has ended at a time. */
  expected(entry: Entry, at: number): ReadonlySet<Value> {
    const { repository, kind, name, possible } = entry;
    const loose =
      kind === 'blob' && possible.has(name) && this.mayBeCollected(repository, name, at);
    return loose ? new Set([...possible, undefined]) : possible;
  }

  /** Takes what was found as the truth, after a crash. */
  resolve(found: ReadonlyMap<Entry, Value>): void {
    for (const [entry, value] of found) entry.possible = new Set([value]);
    this.#open.clear();
  }

  /** What a collection with a lease of 0 leaves: blobs that a manifest refers to, and manifests. */
  collect(): void {
    for (const entry of this.#entries.values()) {
      if (entry.kind === 'blob' && this.users(entry.repository, entry.name).length === 0) {
        entry.possible = new Set([undefined]);
      }
    }
  }

  /** Forgets names under which nothing needs to be any more; to be called while nothing changes. */
  prune(at: number): void {
    for (const [key, entry] of this.#entries) {
      if (this.expected(entry, at).has(undefined)) this.#entries.delete(key);
    }
    this.finished.length = 0;
  }

  /**
   * A copy that stays at what is acknowledged now. Until {@link release} it learns of changes that
   * begin, but not of their end: those may be in a snapshot that is being taken, or not.
   */
  copy(): Ledger {
    const copy = new Ledger(this.lease, this.#manifests);
    for (const [key, entry] of this.#entries) {
      copy.#entries.set(key, { ...entry, possible: new Set(entry.possible) });
    }
    for (const unanswered of this.#open) copy.#open.add(unanswered);
    for (const [path, upload] of this.uploads) {
      copy.uploads.set(path, { ...upload, sent: upload.blob.bytes.length });
    }
    this.#copies.push(copy);
    return copy;
  }

  /** A copy has learnt enough. */
  release(copy: Ledger): void {
    this.#copies = this.#copies.filter((one) => one !== copy);
  }
}
