import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryEngine } from '../../../src/storage/kv/memory.ts';
import { openKeyValueStore } from '../../../src/storage/kv/store.ts';
import {
  CommitError,
  type KeyRange,
  type KeyValueStore,
  type Transaction,
} from '../../../src/storage/kv/types.ts';
import { ENGINE_PLACES } from '../support/engines.ts';
import { type HeldEngine, holdCommits, turn } from '../support/held-engine.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const decode = (value: Uint8Array): { text: string } => ({ text: Buffer.from(value).toString() });
const ALL: KeyRange = { from: ' ', to: '~' };
const put =
  (...keys: string[]) =>
  (tx: Transaction): void => {
    for (const key of keys) tx.put(key, bytes(`<${key}>`));
  };

/** Notes whether a promise has settled, without waiting for it. */
function watch<T>(promise: Promise<T>): { state: 'pending' | 'resolved' | Error } {
  const watched: { state: 'pending' | 'resolved' | Error } = { state: 'pending' };
  promise.then(
    () => {
      watched.state = 'resolved';
    },
    (error: Error) => {
      watched.state = error;
    },
  );
  return watched;
}

describe('group commit', () => {
  let engine: HeldEngine;
  let kv: KeyValueStore;
  beforeEach(() => {
    engine = holdCommits(createMemoryEngine());
    kv = openKeyValueStore(engine);
  });
  const shown = (key: string): string | undefined => kv.read(key, decode)?.text;

  it('decisions 2: transactions that arrive together share a commit', async () => {
    const first = Array.from({ length: 50 }, (_, i) => kv.transact(put(`a${i}`)));
    await turn();
    expect(engine.commits).toBe(1);
    expect(engine.held?.size).toBe(50);
    // These arrive while the first commit is being synced, in several turns.
    const second = Array.from({ length: 25 }, (_, i) => kv.transact(put(`b${i}`)));
    await turn();
    second.push(...Array.from({ length: 25 }, (_, i) => kv.transact(put(`c${i}`))));
    await turn();
    expect(engine.commits).toBe(1);
    await engine.release();
    await Promise.all(first);
    expect(engine.commits).toBe(2);
    expect(engine.held?.size).toBe(50);
    await engine.release();
    await Promise.all(second);
    expect(engine.commits).toBe(2);
    expect([...kv.keys(ALL)]).toHaveLength(100);
  });

  describe('of patient transactions', () => {
    const patiently = (...keys: string[]): Promise<void> =>
      kv.transact(put(...keys), { patient: true });

    it('waits for others, but not for long', async () => {
      const first = patiently('a');
      await turn();
      const second = patiently('b');
      await turn();
      expect(engine.commits).toBe(0);
      await vi.waitFor(() => expect(engine.commits).toBe(1), 30_000);
      expect(engine.held?.size).toBe(2);
      await engine.release();
      await Promise.all([first, second]);
    });

    it('comes at once when somebody cannot wait, also with what was only read', async () => {
      const first = patiently('a');
      const second = kv.transact((tx) => tx.has('a'));
      await turn();
      expect(engine.commits).toBe(1);
      await engine.release();
      expect(await second).toBe(true);
      await first;
    });

    it('is not begun by the end of another commit', async () => {
      const first = kv.transact(put('a'));
      await turn();
      const second = watch(patiently('b'));
      await engine.release();
      await first;
      await turn();
      expect(engine.commits).toBe(1);
      await vi.waitFor(() => expect(engine.commits).toBe(2), 30_000);
      await engine.release();
      expect(second.state).toBe('resolved');
    });

    it('comes at once when the store settles', async () => {
      const first = patiently('a');
      const settled = kv.settled();
      await turn();
      expect(engine.commits).toBe(1);
      await engine.release();
      await Promise.all([first, settled]);
    });
  });

  it('decisions 2: nothing is acknowledged before its commit is durable', async () => {
    const writing = watch(kv.transact(put('a')));
    await turn();
    expect(writing.state).toBe('pending');
    expect(shown('a')).toBeUndefined();
    await engine.release();
    expect(writing.state).toBe('resolved');
    expect(shown('a')).toBe('<a>');
  });

  it('decisions 2: a transaction without writes waits for what it has read', async () => {
    const idle = watch(kv.transact((tx) => tx.get('a')));
    await turn();
    expect(idle.state).toBe('resolved');
    const writing = watch(kv.transact(put('a')));
    const gathering = watch(kv.transact((tx) => expect(tx.has('a')).toBe(true)));
    await turn();
    const committing = watch(kv.transact((tx) => expect(tx.has('a')).toBe(true)));
    await turn();
    for (const one of [writing, gathering, committing]) expect(one.state).toBe('pending');
    await engine.release();
    for (const one of [writing, gathering, committing]) expect(one.state).toBe('resolved');
    expect(engine.commits).toBe(1);
  });

  it('decisions 2: a refusal waits for what it has read: what was told to be gone stays gone', async () => {
    const put1 = kv.transact(put('a'));
    await turn();
    await engine.release();
    await put1;
    const removing = watch(kv.transact((tx) => tx.remove('a')));
    const refuse = (tx: Transaction): void => {
      if (!tx.has('a')) throw new Error('no a');
    };
    const gathering = watch(kv.transact(refuse));
    await turn();
    const committing = watch(kv.transact(refuse));
    await turn();
    for (const one of [removing, gathering, committing]) expect(one.state).toBe('pending');
    await engine.release();
    expect(removing.state).toBe('resolved');
    for (const one of [gathering, committing]) expect(one.state).toEqual(new Error('no a'));
  });

  it('a refusal on top of a commit that fails is no refusal: what it has read never was', async () => {
    const writing = watch(kv.transact(put('a')));
    const refused = watch(
      kv.transact((tx) => {
        if (tx.has('a')) throw new Error('a is there');
      }),
    );
    await turn();
    await engine.fail(new Error('EIO'));
    for (const one of [writing, refused]) expect(one.state).toBeInstanceOf(CommitError);
  });

  it('a transaction that only reads, on top of two batches, waits for both', async () => {
    const first = kv.transact(put('a'));
    await turn();
    const second = kv.transact(put('b'));
    const reading = watch(kv.transact((tx) => tx.keys(ALL)));
    await engine.release();
    await first;
    expect(reading.state).toBe('pending');
    await engine.release();
    await second;
    expect(reading.state).toBe('resolved');
  });

  it('what is removed and put again shows up when the second commit is durable', async () => {
    const setUp = kv.transact(put('a'));
    await turn();
    await engine.release();
    await setUp;
    const removing = kv.transact((tx) => tx.remove('a'));
    await turn();
    const putting = kv.transact((tx) => tx.put('a', bytes('new')));
    await turn();
    // The old value is about to disappear; whoever saw it would be told of something that is not.
    expect(shown('a')).toBeUndefined();
    expect([...kv.keys({ ...ALL, limit: 1 })]).toEqual([]);
    await engine.release();
    await removing;
    expect(shown('a')).toBeUndefined();
    expect(kv.has('a')).toBe(false);
    await engine.release();
    await putting;
    expect(shown('a')).toBe('new');
  });

  it('what is removed while a range is read is not shown any more', async () => {
    const setUp = kv.transact(put('a', 'b', 'c', 'd', 'e'));
    await turn();
    await engine.release();
    await setUp;
    const writes = [kv.transact((tx) => tx.remove('b'))];
    const shown: string[] = [];
    for (const key of kv.keys(ALL)) {
      shown.push(key);
      // What is not durable yet is not shown either.
      if (key === 'a') writes.push(kv.transact(put('aa')));
      if (key === 'c') writes.push(kv.transact((tx) => tx.remove('d')));
    }
    expect(shown).toEqual(['a', 'c', 'e']);
    await turn();
    await engine.release();
    await Promise.all(writes);
    expect([...kv.keys(ALL)]).toEqual(['a', 'aa', 'c', 'e']);
  });

  it('what is put and removed again is never shown', async () => {
    const putting = kv.transact(put('a'));
    await turn();
    const removing = kv.transact((tx) => tx.remove('a'));
    await turn();
    await engine.release();
    await putting;
    expect(shown('a')).toBeUndefined();
    expect([...kv.keys(ALL)]).toEqual([]);
    await engine.release();
    await removing;
    expect(shown('a')).toBeUndefined();
  });

  it('decisions 2: a failed commit rejects its batch and its followers, and changes nothing', async () => {
    const setUp = kv.transact(put('a', 'b'));
    await turn();
    await engine.release();
    await setUp;
    expect(shown('a')).toBe('<a>');
    const batch = [
      watch(kv.transact((tx) => tx.put('a', bytes('lost')))),
      watch(kv.transact((tx) => tx.remove('b'))),
      watch(kv.transact((tx) => tx.keys(ALL))),
    ];
    await turn();
    const followers = [
      watch(kv.transact((tx) => tx.put('a', bytes('lost too')))),
      watch(kv.transact((tx) => tx.put('c', tx.get('a')!))),
      watch(kv.transact((tx) => tx.keys(ALL))),
    ];
    await turn();
    const cause = new Error('ENOSPC');
    await engine.fail(cause);
    for (const { state } of [...batch, ...followers]) {
      expect(state).toBeInstanceOf(CommitError);
      expect(state).toMatchObject({ cause });
      expect((state as Error).message).toMatch('ENOSPC');
    }
    expect(shown('a')).toBe('<a>');
    expect(shown('b')).toBe('<b>');
    expect(shown('c')).toBeUndefined();
    // And it goes on from there.
    const next = kv.transact((tx) => {
      expect(tx.keys(ALL)).toEqual(['a', 'b']);
      expect(Buffer.from(tx.get('a')!).toString()).toBe('<a>');
      tx.put('d', bytes('1'));
    });
    await turn();
    await engine.release();
    await next;
    expect([...kv.keys(ALL)]).toEqual(['a', 'b', 'd']);
    expect(engine.commits).toBe(3);
  });

  it('a failed commit that nobody waits for does not end the process', async () => {
    const failing = kv.transact(put('a'));
    failing.catch(() => undefined);
    await turn();
    await engine.fail(new Error('EIO'));
    await kv.settled();
    await expect(failing).rejects.toThrow('EIO');
  });

  it('closing waits for all that was handed in', async () => {
    const first = watch(kv.transact(put('a')));
    await turn();
    const second = watch(kv.transact(put('b')));
    const closing = watch(kv.close());
    await engine.release();
    expect([first.state, second.state, closing.state]).toEqual(['resolved', 'pending', 'pending']);
    await engine.release();
    expect([second.state, closing.state]).toEqual(['resolved', 'resolved']);
  });
});

describe.each(ENGINE_PLACES.map((place) => place()))('group commit on $name', (place) => {
  it('decisions 2: a thousand concurrent transactions take a handful of commits', async () => {
    const inner = await place.open();
    let commits = 0;
    const engine = {
      ...inner,
      commit(batch: Parameters<typeof inner.commit>[0]) {
        commits++;
        return inner.commit(batch);
      },
    };
    const kv = openKeyValueStore(engine);
    const add = (tx: Transaction): void => {
      const count = Number(Buffer.from(tx.get('count') ?? []).toString() || 0);
      tx.put('count', bytes(String(count + 1)));
    };
    await Promise.all(Array.from({ length: 1000 }, () => kv.transact(add)));
    expect(commits).toBe(1);
    const clients = Array.from({ length: 20 }, async () => {
      for (let i = 0; i < 20; i++) await kv.transact(add);
    });
    await Promise.all(clients);
    expect(kv.read('count', decode)?.text).toBe('1400');
    expect(commits).toBeLessThanOrEqual(1 + 2 * 20);
    await kv.close();
    await place.remove();
  });
});
