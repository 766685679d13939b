/**
 * Slows down guessing. Each client and each user has a bucket of failures that it may make; failures
 * empty it, time fills it again. An empty bucket refuses further attempts without checking them, and
 * never for longer than one refill, so that nobody can lock a user out for good.
 */
import { LRUCache } from 'lru-cache';
import { networkOf } from './client-network.ts';
import { TooManyAttemptsError } from './errors.ts';

/** Several people may share one address, so it may fail more often than one user. */
const CLIENT = { capacity: 20, refillMs: 5_000 };
const USER = { capacity: 10, refillMs: 10_000 };

/**
 * Buckets kept of each kind. A bucket that falls out comes back full, which an attacker could want;
 * but every failure costs a bcrypt run, and a bucket refills by itself (100 s) before this many
 * failures could be made.
 */
const MAX_BUCKETS = 32_768;

interface Bucket {
  /** Failures still allowed; below zero when attempts that ran side by side all failed. */
  level: number;
  /** Time of `level`, in milliseconds. */
  at: number;
}

class Buckets {
  readonly #capacity: number;
  readonly #refillMs: number;
  readonly #buckets = new LRUCache<string, Bucket>({ max: MAX_BUCKETS });

  constructor(settings: { readonly capacity: number; readonly refillMs: number }) {
    this.#capacity = settings.capacity;
    this.#refillMs = settings.refillMs;
  }

  #levelOf(bucket: Bucket, now: number): number {
    // The clock may have been set back; that must not drain the bucket.
    const passed = Math.max(0, now - bucket.at);
    return Math.min(this.#capacity, bucket.level + passed / this.#refillMs);
  }

  /** Milliseconds until the next attempt may be made; 0 when it may be made now. */
  wait(key: string, now: number): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return 0;
    const level = this.#levelOf(bucket, now);
    return level >= 1 ? 0 : Math.ceil((1 - level) * this.#refillMs);
  }

  take(key: string, now: number): void {
    const bucket = this.#buckets.get(key);
    const level = bucket === undefined ? this.#capacity : this.#levelOf(bucket, now);
    this.#buckets.set(key, { level: level - 1, at: now });
  }
}

/** Counts failed log-ins. */
export interface LoginThrottle {
  /**
   * Asks whether an attempt may be made.
   * @throws TooManyAttemptsError when it has to wait
   */
  check(user: string, clientAddress: string): void;
  failed(user: string, clientAddress: string): void;
  succeeded(user: string, clientAddress: string): void;
}

/**
 * Makes a throttle with nothing counted.
 * @param now - the time in milliseconds
 */
export function createLoginThrottle(now: () => number): LoginThrottle {
  const clients = new Buckets(CLIENT);
  const users = new Buckets(USER);
  /** Where users have logged in from: strangers who guess must not keep them out from there. */
  const proven = new LRUCache<string, true>({ max: MAX_BUCKETS });
  return {
    check(user, clientAddress) {
      const network = networkOf(clientAddress);
      const time = now();
      const client = clients.wait(network, time);
      const account = proven.get(`${network} ${user}`) ? 0 : users.wait(user, time);
      const wait = Math.max(client, account);
      if (wait > 0) throw new TooManyAttemptsError(Math.ceil(wait / 1000));
    },
    failed(user, clientAddress) {
      const time = now();
      clients.take(networkOf(clientAddress), time);
      users.take(user, time);
    },
    succeeded(user, clientAddress) {
      proven.set(`${networkOf(clientAddress)} ${user}`, true);
    },
  };
}
