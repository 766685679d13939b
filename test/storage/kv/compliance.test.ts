import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryEngine } from '../../../src/storage/kv/memory.ts';
import { openKeyValueStore } from '../../../src/storage/kv/store.ts';
import type { KeyRange, KeyValueStore } from '../../../src/storage/kv/types.ts';
import { ENGINE_PLACES } from '../support/engines.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const decode = (value: Uint8Array): { text: string } => ({ text: Buffer.from(value).toString() });
const ALL: KeyRange = { from: ' ', to: '~' };

describe.each(ENGINE_PLACES.map((place) => place()))('the metadata store on $name', (place) => {
  let kv: KeyValueStore;
  beforeEach(async () => {
    kv = openKeyValueStore(await place.open());
  });
  afterEach(async () => {
    await kv.close();
    await place.remove();
  });

  const put = (...keys: string[]): Promise<void> =>
    kv.transact((tx) => {
      for (const key of keys) tx.put(key, bytes(`<${key}>`));
    });
  const textOf = (key: string): string | undefined => kv.read(key, decode)?.text;
  const keysOf = (range: KeyRange = ALL): string[] => [...kv.keys(range)];
  /** What all kinds of plain reads say of a key; they must agree. */
  function shown(key: string): string | undefined {
    const text = textOf(key);
    expect(kv.bytes(key)?.toString()).toBe(text);
    expect(kv.has(key)).toBe(text !== undefined);
    const inRange = new Map(kv.entries(ALL)).get(key);
    expect(inRange === undefined ? undefined : Buffer.from(inRange).toString()).toBe(text);
    expect(keysOf().includes(key)).toBe(text !== undefined);
    return text;
  }

  it('gives back what a transaction wrote, and what it returned', async () => {
    const result = await kv.transact((tx) => {
      tx.put('a', bytes('1'));
      tx.put('b', bytes('2'));
      return 42;
    });
    expect(result).toBe(42);
    expect(shown('a')).toBe('1');
    expect(shown('b')).toBe('2');
    expect(shown('c')).toBeUndefined();
  });

  it('a transaction runs at once and to its end', async () => {
    let ran = false;
    const done = kv.transact(() => {
      ran = true;
    });
    expect(ran).toBe(true);
    await done;
  });

  it('a transaction does not see its own writes', async () => {
    await put('a');
    await kv.transact((tx) => {
      tx.put('a', bytes('new'));
      tx.put('b', bytes('new'));
      tx.remove('a');
      expect(tx.get('a')?.length).toBe(3);
      expect(tx.has('b')).toBe(false);
      expect(tx.keys(ALL)).toEqual(['a']);
    });
    expect(keysOf()).toEqual(['b']);
  });

  it('the last write to a key counts, within a transaction and among several', async () => {
    const first = kv.transact((tx) => {
      tx.put('a', bytes('1'));
      tx.remove('a');
      tx.put('a', bytes('2'));
      tx.put('b', bytes('1'));
      tx.remove('b');
    });
    const second = kv.transact((tx) => tx.put('c', bytes('1')));
    const third = kv.transact((tx) => tx.put('c', bytes('2')));
    await Promise.all([first, second, third]);
    expect(shown('a')).toBe('2');
    expect(shown('b')).toBeUndefined();
    expect(shown('c')).toBe('2');
  });

  it('a later transaction sees what earlier ones have queued', async () => {
    await put('a', 'b', 'd');
    const first = kv.transact((tx) => {
      tx.put('c', bytes('3'));
      tx.put('a', bytes('1'));
      tx.remove('b');
    });
    const second = kv.transact((tx) => {
      expect(Buffer.from(tx.get('a')!).toString()).toBe('1');
      expect(tx.get('b')).toBeUndefined();
      expect(tx.has('b')).toBe(false);
      expect(tx.has('c')).toBe(true);
      expect(tx.keys(ALL)).toEqual(['a', 'c', 'd']);
      expect(tx.keys({ ...ALL, limit: 2 })).toEqual(['a', 'c']);
      expect(tx.keys({ ...ALL, limit: 0 })).toEqual([]);
      expect(tx.keys({ from: 'b', to: 'd' })).toEqual(['c']);
      expect(tx.keys({ from: 'c', to: 'c' })).toEqual([]);
    });
    await Promise.all([first, second]);
  });

  it('queued removals do not shorten the pages of a transaction', async () => {
    await put('a', 'b', 'c', 'd', 'e');
    const first = kv.transact((tx) => {
      tx.remove('a');
      tx.remove('c');
      tx.put('bb', bytes('x'));
    });
    const second = kv.transact((tx) => {
      expect(tx.keys({ ...ALL, limit: 3 })).toEqual(['b', 'bb', 'd']);
      expect(tx.keys({ from: 'c', to: '~', limit: 1 })).toEqual(['d']);
    });
    await Promise.all([first, second]);
  });

  it('decisions 4: plain reads do not show what is not durable yet', async () => {
    await put('a');
    const writing = kv.transact((tx) => {
      tx.put('a', bytes('new'));
      tx.put('b', bytes('new'));
    });
    expect(shown('a')).toBe('<a>');
    expect(shown('b')).toBeUndefined();
    await writing;
    expect(shown('a')).toBe('new');
    expect(shown('b')).toBe('new');
  });

  it('decisions 3: plain reads hide at once what a transaction removes', async () => {
    await put('a', 'b', 'c');
    expect(textOf('b')).toBe('<b>');
    const removing = kv.transact((tx) => tx.remove('b'));
    expect(shown('b')).toBeUndefined();
    expect(keysOf()).toEqual(['a', 'c']);
    await removing;
    expect(shown('b')).toBeUndefined();
  });

  it('what is being removed does not shorten the pages of plain reads', async () => {
    await put('a', 'b', 'c', 'd');
    const removing = kv.transact((tx) => {
      tx.remove('a');
      tx.remove('c');
      tx.remove('missing');
    });
    expect(keysOf({ ...ALL, limit: 1 })).toEqual(['b']);
    expect(keysOf({ ...ALL, limit: 2 })).toEqual(['b', 'd']);
    expect(keysOf({ ...ALL, limit: 0 })).toEqual([]);
    expect([...kv.entries({ ...ALL, limit: 2 })].map(([key]) => key)).toEqual(['b', 'd']);
    await removing;
    expect(keysOf({ ...ALL, limit: 2 })).toEqual(['b', 'd']);
  });

  it('what a transaction throws undoes its writes, and only its own', async () => {
    await put('a');
    const before = kv.transact((tx) => tx.put('b', bytes('1')));
    const failing = kv.transact((tx) => {
      tx.put('a', bytes('never'));
      tx.put('c', bytes('never'));
      tx.remove('b');
      throw new RangeError('on purpose');
    });
    const after = kv.transact((tx) => {
      expect(Buffer.from(tx.get('a')!).toString()).toBe('<a>');
      expect(tx.keys(ALL)).toEqual(['a', 'b']);
      tx.put('d', bytes('1'));
    });
    await expect(failing).rejects.toThrow(new RangeError('on purpose'));
    await Promise.all([before, after]);
    expect(keysOf()).toEqual(['a', 'b', 'd']);
    expect(shown('a')).toBe('<a>');
  });

  it('remembers decoded records until they change', async () => {
    await put('a');
    const record = kv.read('a', decode);
    expect(kv.read('a', decode)).toBe(record);
    await put('b');
    expect(kv.read('a', decode)).toBe(record);
    const writing = kv.transact((tx) => tx.put('a', bytes('new')));
    expect(kv.read('a', decode)?.text).toBe('<a>');
    await writing;
    expect(kv.read('a', decode)?.text).toBe('new');
    await kv.transact((tx) => tx.remove('a'));
    expect(kv.read('a', decode)).toBeUndefined();
    expect(kv.read('a', decode)).toBeUndefined();
  });

  it('gives copies of bytes', async () => {
    await put('a', 'b');
    const copy = kv.bytes('a')!;
    kv.bytes('b');
    expect(copy.toString()).toBe('<a>');
    copy.fill(0);
    expect(kv.bytes('a')?.toString()).toBe('<a>');
  });

  it('is settled when nothing is under way', async () => {
    await kv.settled();
    const order: string[] = [];
    const writing = put('a').then(() => order.push('written'));
    const settled = kv.settled().then(() => order.push('settled'));
    await Promise.all([writing, settled]);
    expect(order).toEqual(['written', 'settled']);
  });

  it('closes after what is under way, and takes nothing any more', async () => {
    const store = kv;
    // For the clearing up after the test.
    kv = openKeyValueStore(createMemoryEngine());
    const writing = store.transact((tx) => tx.put('a', bytes('1')));
    const closing = store.close();
    await writing;
    await expect(store.transact(() => 1)).rejects.toThrow('closed');
    await closing;
  });
});
