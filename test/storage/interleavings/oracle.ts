/**
 * What the registry has promised so far: which blobs, manifests and tags must be there, which must
 * not, and which may be either while operations on them are under way.
 */
import { type Change, createHistory, type History } from './histories.ts';
import { BLOBS, MANIFESTS, type Manifest, REPOSITORIES, TAGS } from './universe.ts';

/** Notes whether a thing may have had a value at any time since it was set up. */
export interface Watcher {
  readonly seen: boolean;
}

/** An operation on a thing that is under way. */
export interface Promised {
  /** It was acknowledged. */
  done(): void;
  /** It was refused or has failed. */
  failed(): void;
  /** It came to its end, but may have had no effect on this thing. */
  unsure(): void;
  /** Left out of what {@link Oracle.watch} says of others. */
  readonly change: Change<unknown>;
}

/** What the oracle has to know of the store. */
export interface OracleOptions {
  readonly clock: () => number;
  readonly lease: number;
  readonly undo: number;
}

/** Keeps the promises. */
export interface Oracle {
  /** Whether a repository holds a blob. */
  blob(repository: string, digest: string): History<boolean>;
  manifest(repository: string, digest: string): History<boolean>;
  /** Whether a manifest, there or deleted and not forgotten, keeps what it refers to. */
  keeps(repository: string, digest: string): History<boolean>;
  tag(repository: string, tag: string): History<string | undefined>;
  /** Begins a change; unless it ends, a crash leaves it open whether it happened. */
  begin<T>(history: History<T>, value: T, onlyFrom?: { readonly value: T }): Promised;
  watch<T>(history: History<T>, value: T, except?: Promised): Watcher;
  /** Somebody was told that a repository holds a blob: it stays there for the time of a lease. */
  renew(repository: string, digest: string, since: number): void;
  /** A manifest was taken, so what it refers to was there, and has been kept since. */
  kept(repository: string, manifest: Manifest): void;
  /** Its bytes cannot be read: clients may be told that it is not there, until it is pushed again. */
  damage(digest: string): void;
  /** It was pushed, and the push began at this tick. */
  heal(digest: string, began: number): void;
  isDamaged(digest: string): boolean;
  /** A cycle of the collector begins, or ends. */
  cycle(isRunning: boolean): void;
  readonly isCollecting: boolean;
  /** Works out anew what may happen, after anything has changed. */
  update(): void;
  /**
   * The process has ended.
   * @param damaged - what is in quarantine on the disk
   */
  crash(damaged: readonly string[]): void;
  readonly tick: () => number;
}

/** An oracle for an empty store. */
export function createOracle({ clock, lease, undo }: OracleOptions): Oracle {
  let now = 0;
  const tick = (): number => ++now;
  const things = new Map<string, History<unknown>>();
  const active = new Set<{
    readonly history: History<unknown>;
    readonly change: Change<unknown>;
  }>();
  const watchers = new Set<() => void>();
  const leases = new Map<string, number>();
  /** Ticks at which reads of each digest have failed last. */
  const damaged = new Map<string, number>();
  let allLeasedUntil = clock() + lease;
  /** What the cycle that runs may have removed. */
  let removals: Map<History<unknown>, Change<unknown>> | undefined;

  function thing<T>(name: string, initial: T, mayShow = (_: T) => false): History<T> {
    let history = things.get(name);
    if (history === undefined) {
      history = createHistory<unknown>(initial, mayShow as (value: unknown) => boolean);
      things.set(name, history);
    }
    return history as History<T>;
  }
  const mayHide = (digest: string) => (isThere: boolean) => !isThere && damaged.has(digest);
  const blob = (repository: string, digest: string) =>
    thing(`blob ${repository} ${digest}`, false, mayHide(digest));
  const manifest = (repository: string, digest: string) =>
    thing(`manifest ${repository} ${digest}`, false, mayHide(digest));
  const keeps = (repository: string, digest: string) =>
    thing(`keeps ${repository} ${digest}`, false);
  const tag = (repository: string, name: string) =>
    thing<string | undefined>(`tag ${repository} ${name}`, undefined);

  const isLeased = (digest: string): boolean =>
    clock() < Math.max(allLeasedUntil, leases.get(digest) ?? 0);
  const isKept = (repository: string, digest: string): boolean =>
    MANIFESTS.some(
      (one) =>
        one.blobs.some((held) => held.digest === digest) &&
        !keeps(repository, one.digest).allows(false),
    );
  /** Whether a deleted manifest's time may be over. */
  function mayBeForgotten(repository: string, { digest }: Manifest): boolean {
    if (undo === 0) return false;
    return clock() >= Math.min(...manifest(repository, digest).clocksOf(false)) + undo;
  }

  function mayRemove(history: History<boolean>): void {
    if (removals === undefined || removals.has(history) || !history.allows(true)) return;
    removals.set(history, history.begin({ value: false, start: tick(), clock: clock() }));
  }

  function noteRemovals(): void {
    for (const repository of REPOSITORIES) {
      for (const { digest } of BLOBS) {
        if (isLeased(digest) || isKept(repository, digest)) continue;
        mayRemove(blob(repository, digest));
      }
      for (const one of MANIFESTS) {
        if (mayBeForgotten(repository, one)) mayRemove(keeps(repository, one.digest));
      }
    }
  }

  /** It is there and protected: no removal has come after what made it so. */
  function notRemoved(history: History<unknown>): void {
    const change = removals?.get(history);
    if (change === undefined) return;
    history.withdraw(change);
    removals?.delete(history);
  }

  function update(): void {
    if (removals !== undefined) {
      // One removal may let another happen.
      noteRemovals();
      noteRemovals();
    }
    for (const look of watchers) look();
  }

  function cycle(isRunning: boolean): void {
    for (const [history, change] of removals ?? []) history.abandon(change, tick());
    removals = isRunning ? new Map() : undefined;
    update();
  }

  return {
    blob,
    manifest,
    keeps,
    tag,
    tick,
    begin(history, value, onlyFrom) {
      const request = { value, start: tick(), clock: clock(), ...(onlyFrom && { onlyFrom }) };
      const change = history.begin(request) as Change<unknown>;
      const entry = { history: history as History<unknown>, change };
      active.add(entry);
      update();
      const end = (act: () => void): void => {
        active.delete(entry);
        act();
        update();
      };
      return {
        change,
        done: () => end(() => entry.history.acknowledge(change, tick())),
        failed: () => end(() => entry.history.withdraw(change)),
        unsure: () => end(() => entry.history.abandon(change, tick())),
      };
    },
    watch(history, value, except) {
      const watcher = { seen: false };
      const look = (): void => {
        if (watcher.seen) return;
        watcher.seen = history.shows(value, except?.change as Change<typeof value> | undefined);
        if (watcher.seen) watchers.delete(look);
      };
      watchers.add(look);
      look();
      return watcher;
    },
    renew(repository, digest, since) {
      leases.set(digest, Math.max(leases.get(digest) ?? 0, since + lease));
      if (isLeased(digest)) notRemoved(blob(repository, digest) as History<unknown>);
      update();
    },
    kept(repository, { digest, blobs }) {
      const hold = keeps(repository, digest);
      notRemoved(hold as History<unknown>);
      // Unless it is being deleted again already.
      const isHeld = !hold.allows(false);
      for (const one of isHeld ? blobs : []) {
        notRemoved(blob(repository, one.digest) as History<unknown>);
      }
      update();
    },
    damage(digest) {
      damaged.set(digest, tick());
      update();
    },
    heal(digest, began) {
      if (began > (damaged.get(digest) ?? 0)) damaged.delete(digest);
    },
    isDamaged: (digest) => damaged.has(digest),
    cycle,
    get isCollecting() {
      return removals !== undefined;
    },
    update,
    crash(stillDamaged) {
      for (const { history, change } of active) history.abandon(change, tick());
      active.clear();
      watchers.clear();
      cycle(false);
      leases.clear();
      damaged.clear();
      for (const digest of stillDamaged) damaged.set(digest, tick());
      allLeasedUntil = clock() + lease;
    },
  };
}

/** All tags that the schedules use. */
export function* allTags(): Iterable<readonly [repository: string, tag: string]> {
  for (const repository of REPOSITORIES) for (const name of TAGS) yield [repository, name];
}
