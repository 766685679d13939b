import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { after, type KeyValueEngine, prefixRange } from '../../../src/storage/kv/types.ts';
import { ENGINE_PLACES } from '../support/engines.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

/** A value of an engine as text; it must be copied before the next call. */
const textOf = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString();

describe.each(ENGINE_PLACES.map((place) => place()))('an engine: $name', (place) => {
  let engine: KeyValueEngine;
  beforeEach(async () => {
    engine = await place.open();
  });
  afterEach(async () => {
    await engine.close();
    await place.remove();
  });

  const put = (...keys: string[]): Promise<void> =>
    engine.commit(new Map(keys.map((key) => [key, bytes(`<${key}>`)])));
  const keysOf = (from: string, to: string, limit?: number): string[] => [
    ...engine.keys({ from, to, ...(limit !== undefined && { limit }) }),
  ];

  it('is empty at first', () => {
    expect(engine.get('a')).toBeUndefined();
    expect(keysOf('', '~')).toEqual([]);
  });

  it('writes, overwrites and removes in one batch', async () => {
    await put('a', 'b', 'c');
    await engine.commit(
      new Map([
        ['a', bytes('new')],
        ['b', null],
        ['missing', null],
        ['d', bytes('')],
      ]),
    );
    expect(textOf(engine.get('a'))).toBe('new');
    expect(engine.get('b')).toBeUndefined();
    expect(textOf(engine.get('c'))).toBe('<c>');
    expect(textOf(engine.get('d'))).toBe('');
    expect(keysOf('a', 'z')).toEqual(['a', 'c', 'd']);
  });

  it('keeps what it was given when the caller reuses the buffer', async () => {
    const buffer = bytes('first');
    await engine.commit(new Map([['a', buffer]]));
    buffer.write('xxxxx');
    expect(textOf(engine.get('a'))).toBe('first');
  });

  it('keeps values of any size and content', async () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const large = Buffer.alloc(300_000, all);
    await engine.commit(
      new Map([
        ['all', all],
        ['large', large],
      ]),
    );
    expect(Buffer.from(engine.get('all')!).equals(all)).toBe(true);
    expect(Buffer.from(engine.get('large')!).equals(large)).toBe(true);
  });

  it('orders keys by their bytes', async () => {
    const keys = ['t a b', 't a', 't a-', 't a ', 't aa', 't A', 't a/b', 't a.b', 't a!', 't 0'];
    await put(...keys);
    expect(keysOf('t ', 't!')).toEqual([...keys].sort());
  });

  it('takes the start of a range and leaves out its end', async () => {
    await put('a', 'b', 'c', 'd');
    expect(keysOf('b', 'd')).toEqual(['b', 'c']);
    expect(keysOf('b', 'b')).toEqual([]);
    expect(keysOf('d', 'b')).toEqual([]);
    expect(keysOf('bb', 'cc')).toEqual(['c']);
    expect(keysOf(after('b'), 'z')).toEqual(['c', 'd']);
  });

  it('stops at the limit', async () => {
    await put('a', 'b', 'c');
    expect(keysOf('a', 'z', 2)).toEqual(['a', 'b']);
    expect(keysOf('a', 'z', 0)).toEqual([]);
    expect(keysOf('a', 'z', 9)).toEqual(['a', 'b', 'c']);
    expect(keysOf('a', 'z', Number.POSITIVE_INFINITY)).toEqual(['a', 'b', 'c']);
    const entries = [...engine.entries({ from: 'a', to: 'z', limit: 2 })];
    expect(entries.map(([key]) => key)).toEqual(['a', 'b']);
  });

  it('a prefix takes in no neighbour', async () => {
    await put('t a', 't a ', 't a 1', 't a 2', 't a!', 't ab 1', 't a', 't', 'u a 1', 't a-b 1');
    expect([...engine.keys(prefixRange('t a '))]).toEqual(['t a ', 't a 1', 't a 2']);
    expect([...engine.keys(prefixRange('t a ', 2))]).toEqual(['t a ', 't a 1']);
    expect([...engine.keys(prefixRange('x '))]).toEqual([]);
  });

  it('entries keep their values while others are read and written', async () => {
    await put('a', 'b', 'c');
    const entries = [...engine.entries({ from: 'a', to: 'z' })];
    engine.get('b');
    await engine.commit(
      new Map([
        ['a', bytes('other')],
        ['b', null],
      ]),
    );
    expect(entries.map(([key, value]) => `${key}${textOf(value)}`)).toEqual([
      'a<a>',
      'b<b>',
      'c<c>',
    ]);
  });

  it('an abandoned range does no harm', async () => {
    await put('a', 'b', 'c');
    for (const [key] of engine.entries({ from: 'a', to: 'z' })) if (key === 'a') break;
    for (const _ of engine.keys({ from: 'a', to: 'z' })) break;
    await put('d');
    expect(keysOf('a', 'z')).toEqual(['a', 'b', 'c', 'd']);
  });

  it('shows a batch as soon as it is committed, whatever was read just before', async () => {
    for (let round = 0; round < 50; round++) {
      engine.get('k');
      keysOf('a', 'z');
      const commit = engine.commit(new Map([['k', bytes(String(round))]]));
      engine.get('k');
      await commit;
      expect(textOf(engine.get('k'))).toBe(String(round));
    }
  });

  it('takes keys of 1,978 bytes', async () => {
    const key = 'k'.repeat(1978);
    await put(key);
    expect(engine.get(key)).toBeDefined();
    expect(keysOf('k', 'l')).toEqual([key]);
  });

  it('takes a batch of thousands', async () => {
    const keys = Array.from({ length: 5000 }, (_, i) => `n ${String(i).padStart(6, '0')}`);
    await put(...keys);
    expect(keysOf('n ', 'n!')).toEqual(keys);
    await engine.commit(new Map(keys.map((key) => [key, null])));
    expect(keysOf('n ', 'n!')).toEqual([]);
  });
});
