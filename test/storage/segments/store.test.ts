import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommitError } from '../../../src/storage/kv/types.ts';
import { change } from '../../../src/storage/metadata/changes.ts';
import {
  GroupDamagedError,
  GroupMissingError,
  GroupNotDurableError,
} from '../../../src/storage/segments/errors.ts';
import { GROUP_HEADER, SEGMENT_HEADER } from '../../../src/storage/segments/layout.ts';
import { type Group, MAX_GROUP, type Placement } from '../../../src/storage/segments/types.ts';
import type { SegmentWriter } from '../../../src/storage/segments/writer.ts';
import { findContradictions } from './support/consistency.ts';
import {
  bytesOf,
  memoryPlace,
  openTestSegments,
  release,
  SEGMENT_PLACES,
  storeGroups,
  type TestSegments,
} from './support/places.ts';

const KIB = 1024;
const SEGMENT = 64 * KIB;

const group = (seed: number, length: number) => ({
  kind: seed % 256,
  bytes: bytesOf(seed, length),
});

async function collect(groups: AsyncIterable<Group>): Promise<Group[]> {
  const all: Group[] = [];
  for await (const one of groups) all.push(one);
  return all;
}

describe.each(SEGMENT_PLACES.map((make) => ({ name: make().name, make })))(
  'a segment store in $name',
  ({ make }) => {
    let test: TestSegments;
    beforeEach(async () => {
      test = await openTestSegments(make(), { segmentSize: SEGMENT });
    });
    afterEach(async () => {
      expect(findContradictions(test.kv)).toEqual([]);
      await test.close();
    });

    const idsOf = (placements: readonly Placement[]) => placements.map(({ id }) => id);
    async function expectGroup(id: number, seed: number, length: number): Promise<void> {
      const found = await test.store.read(id);
      expect(found).toMatchObject({ id, kind: seed % 256 });
      expect(bytesOf(seed, length).equals(found.bytes)).toBe(true);
    }
    /** Appends and syncs; the writer stays open. */
    async function write(
      seeds: readonly number[],
      length: number,
    ): Promise<{ writer: SegmentWriter; placements: Placement[] }> {
      const writer = await test.store.begin();
      const placements = await writer.append(seeds.map((seed) => group(seed, length)));
      await writer.sync();
      return { writer, placements };
    }

    it('gives back what was stored, of every size', async () => {
      const lengths = [1, 16, 17, 1000, 40 * KIB, SEGMENT, 1024 * KIB, MAX_GROUP];
      const placements = await storeGroups(
        test,
        lengths.map((length, i) => group(i, length)),
      );
      for (const [i, { id }] of placements.entries()) await expectGroup(id, i, lengths[i]!);
      const all = await collect(test.store.readMany(idsOf(placements)));
      expect(all.map(({ bytes }) => bytes.length)).toEqual(lengths);
    });

    it('keeps it when it is closed and opened again', async () => {
      const placements = await storeGroups(test, [group(1, 100), group(2, 20 * KIB)]);
      await test.reopen();
      await expectGroup(placements[0]!.id, 1, 100);
      await expectGroup(placements[1]!.id, 2, 20 * KIB);
    });

    it('refuses what is no group, and writes nothing of its call', async () => {
      const writer = await test.store.begin();
      const refused = [
        { kind: 0, bytes: Buffer.alloc(0) },
        { kind: 0, bytes: Buffer.alloc(MAX_GROUP + 1) },
        { kind: 256, bytes: Buffer.alloc(1) },
        { kind: -1, bytes: Buffer.alloc(1) },
        { kind: 0.5, bytes: Buffer.alloc(1) },
      ];
      for (const one of refused) {
        await expect(writer.append([group(1, 10), one])).rejects.toThrow(RangeError);
      }
      const [placement] = await writer.append([group(2, 10)]);
      expect(placement).toMatchObject({ position: SEGMENT_HEADER });
      await writer.close();
    });

    it('takes bytes over: they may be used again at once', async () => {
      const writer = await test.store.begin();
      const bytes = Buffer.from('first bytes');
      const [one] = await writer.append([{ kind: 1, bytes }]);
      bytes.fill('x');
      await writer.sync();
      await change(test.kv, (changes) => test.store.addGroups(changes, [one!]));
      await writer.close();
      expect(Buffer.from((await test.store.read(one!.id)).bytes).toString()).toBe('first bytes');
    });

    it('shows groups once they are entered, together with what refers to them', async () => {
      const { writer, placements } = await write([1, 2], 500);
      await expect(test.store.read(placements[0]!.id)).rejects.toThrow(GroupMissingError);
      await change(test.kv, (changes) => {
        test.store.addGroups(changes, placements);
        changes.put('test recipe', { groups: idsOf(placements) });
      });
      await expectGroup(placements[0]!.id, 1, 500);
      expect(test.kv.has('test recipe')).toBe(true);
      await writer.close();
    });

    it('a transaction that fails enters nothing', async () => {
      const { writer, placements } = await write([1], 500);
      const failing = change(test.kv, (changes) => {
        test.store.addGroups(changes, placements);
        throw new Error('on purpose');
      });
      await expect(failing).rejects.toThrow('on purpose');
      expect(test.store.figures().groups).toBe(0);
      // The same may be tried again while the writer is open.
      await change(test.kv, (changes) => test.store.addGroups(changes, placements));
      await writer.close();
      await expectGroup(placements[0]!.id, 1, 500);
    });

    it('decisions 2: enters nothing that power loss could take', async () => {
      const writer = await test.store.begin();
      const add = (placements: readonly Placement[]) =>
        change(test.kv, (changes) => test.store.addGroups(changes, placements));
      const first = await writer.append([group(1, 100)]);
      await expect(add(first)).rejects.toThrow(GroupNotDurableError);
      await writer.sync();
      const second = await writer.append([group(2, 100)]);
      await expect(add([...first, ...second])).rejects.toThrow(GroupNotDurableError);
      await add(first);
      await expect(add(first)).rejects.toThrow('entered before');
      await writer.close();
      await expect(add(second)).rejects.toThrow(GroupNotDurableError);
      expect(test.store.figures().groups).toBe(1);
      await expectGroup(first[0]!.id, 1, 100);
    });

    it('a writer that is closed without a transaction leaves nothing', async () => {
      const kept = await storeGroups(test, [group(1, 10 * KIB)]);
      const [segment] = await test.place.segments();
      const before = await test.place.bytes(segment!);
      const { writer } = await write([2, 3, 4, 5, 6, 7, 8, 9], 20 * KIB);
      expect((await test.place.segments()).length).toBeGreaterThan(2);
      await writer.close();
      await writer.close();
      expect(await test.place.segments()).toEqual([segment]);
      expect(await test.place.bytes(segment!)).toEqual(before);
      await expect(writer.append([group(1, 1)])).rejects.toThrow('closed');
      await expectGroup(kept[0]!.id, 1, 10 * KIB);
    });

    it('goes on in the same segment, until it is full', async () => {
      for (let i = 0; i < 6; i++) {
        await storeGroups(test, [group(i, 20 * KIB)]);
        if (i % 2 === 1) await test.reopen();
      }
      const segments = await test.place.segments();
      expect(segments).toHaveLength(2);
      for (const segment of segments) {
        expect((await test.place.bytes(segment)).length).toBeLessThanOrEqual(SEGMENT);
      }
      expect(test.store.figures()).toEqual({
        segments: 2,
        groups: 6,
        damaged: 0,
        live: 6 * (20 * KIB + GROUP_HEADER),
        dead: 0,
      });
    });

    it('does not go on in a segment whose head is damaged, or that has become short', async () => {
      const first = await storeGroups(test, [group(1, 1000)]);
      const { segment } = first[0]!;
      for (const damage of [
        (bytes: Buffer) => bytes.fill(0, 10, 12),
        (bytes: Buffer) => bytes.subarray(0, -1),
      ]) {
        const sound = await test.place.bytes(segment);
        await test.reopen({}, () => test.place.damage(segment, damage(Buffer.from(sound))));
        const [next] = await storeGroups(test, [group(2, 1000)]);
        expect(next!.segment).not.toBe(segment);
        expect(test.log).toContain('segment is damaged and not written on');
        await release(test, [next!.id]);
        await test.reopen({}, () => test.place.damage(segment, sound));
      }
      await test.reopen({}, () => test.place.damage(segment, undefined));
      const [next] = await storeGroups(test, [group(2, 1000)]);
      expect(next!.segment).not.toBe(segment);
      expect(test.log).toContain('segment is missing');
    });

    it('gives each writer segments of its own, and the groups of one lie together', async () => {
      const writers = await Promise.all([1, 2, 3].map(() => test.store.begin()));
      const lists = await Promise.all(
        writers.map(async (writer, w) => {
          const placements: Placement[] = [];
          for (let i = 0; i < 5; i++) {
            placements.push(...(await writer.append([group(w * 10 + i, 1000)])));
          }
          await writer.sync();
          await change(test.kv, (changes) => test.store.addGroups(changes, placements));
          return placements;
        }),
      );
      await Promise.all(writers.map((writer) => writer.close()));
      expect(new Set(lists.map(([first]) => first!.segment)).size).toBe(3);
      for (const [w, list] of lists.entries()) {
        for (const [i, { position, id, segment }] of list.entries()) {
          expect(segment).toBe(list[0]!.segment);
          expect(position).toBe(SEGMENT_HEADER + i * (1000 + GROUP_HEADER));
          await expectGroup(id, w * 10 + i, 1000);
        }
      }
      expect(new Set(lists.flat().map(({ id }) => id)).size).toBe(15);
    });

    it('calls of one writer that come together are carried out one after the other', async () => {
      const writer = await test.store.begin();
      const seeds = Array.from({ length: 40 }, (_, i) => i);
      const appended = seeds.map((seed) => writer.append([group(seed, 3000)]));
      const synced = writer.sync();
      const placements = (await Promise.all(appended)).flat();
      await synced;
      await change(test.kv, (changes) => test.store.addGroups(changes, placements));
      await writer.close();
      for (const seed of seeds) await expectGroup(placements[seed]!.id, seed, 3000);
    });

    it('has so many writers and no more; further ones wait, or give up', async () => {
      await test.reopen({ maxWriters: 2 });
      const [a, b] = await Promise.all([test.store.begin(), test.store.begin()]);
      const stop = new AbortController();
      const third = test.store.begin(stop.signal);
      const fourth = test.store.begin();
      stop.abort(new Error('no more time'));
      await expect(third).rejects.toThrow('no more time');
      let got = false;
      void fourth.then(() => {
        got = true;
      });
      await new Promise((resolve) => setImmediate(resolve));
      expect(got).toBe(false);
      await a.close();
      await (await fourth).close();
      await b.close();
      const waiting = (async () => {
        const held = await Promise.all([test.store.begin(), test.store.begin()]);
        const waits = test.store.begin().catch((error: Error) => error.message);
        await Promise.all(held.map((writer) => writer.close()));
        return await waits;
      })();
      expect(typeof (await waiting)).toBe('object');
    });

    it('lets groups go, and a segment with the last of them at once', async () => {
      const placements = await storeGroups(
        test,
        [1, 2, 3, 4].map((i) => group(i, 20 * KIB)),
      );
      const [first, second] = await test.place.segments();
      await release(test, [placements[0]!.id, placements[1]!.id]);
      expect(test.store.figures()).toMatchObject({
        segments: 2,
        groups: 2,
        dead: 2 * (20 * KIB + GROUP_HEADER),
      });
      await expect(test.store.read(placements[0]!.id)).rejects.toThrow(GroupMissingError);
      expect(await test.place.segments()).toEqual([first, second]);
      await release(test, [placements[2]!.id]);
      expect(await test.place.segments()).toEqual([second]);
      await release(test, [placements[3]!.id, placements[3]!.id, 999_999]);
      expect(await test.place.segments()).toEqual([]);
      expect(test.store.figures()).toEqual({
        segments: 0,
        groups: 0,
        damaged: 0,
        live: 0,
        dead: 0,
      });
    });

    it('enters and lets go in one transaction', async () => {
      const old = await storeGroups(test, [group(1, 1000)]);
      const { writer, placements } = await write([2, 3], 1000);
      await change(test.kv, (changes) => {
        test.store.releaseGroups(changes, idsOf(old));
        test.store.addGroups(changes, placements);
        test.store.releaseGroups(changes, [placements[0]!.id]);
      });
      await writer.close();
      expect(test.store.figures()).toMatchObject({ groups: 1, segments: 1 });
      await expectGroup(placements[1]!.id, 3, 1000);
      await expect(test.store.read(placements[0]!.id)).rejects.toThrow(GroupMissingError);
    });

    it('a segment whose groups all went while it was written goes when its writer is closed', async () => {
      const { writer, placements } = await write([1], 1000);
      await change(test.kv, (changes) => test.store.addGroups(changes, placements));
      await release(test, idsOf(placements));
      expect(await test.place.segments()).toHaveLength(1);
      const more = await writer.append([group(2, 1000)]);
      await writer.sync();
      await change(test.kv, (changes) => test.store.addGroups(changes, more));
      await expectGroup(more[0]!.id, 2, 1000);
      await release(test, idsOf(more));
      await writer.close();
      expect(await test.place.segments()).toEqual([]);
    });

    it('never gives a number twice, neither of a group nor of a segment', async () => {
      const seen = new Set<number>();
      const files = new Set<number>();
      for (let round = 0; round < 3; round++) {
        const { writer, placements } = await write([1, 2, 3], 30 * KIB);
        for (const { id, segment } of placements) {
          expect(seen.has(id)).toBe(false);
          seen.add(id);
          files.add(segment);
        }
        await writer.close();
        await test.reopen();
      }
      expect(files.size).toBe(6);
    });

    it('reads in the order that is asked for, across segments and with repetitions', async () => {
      const placements = await storeGroups(
        test,
        Array.from({ length: 30 }, (_, i) => group(i, 7000)),
      );
      const order = [29, 0, 1, 2, 15, 14, 13, 2, 2, 28, 29];
      const all = await collect(test.store.readMany(order.map((i) => placements[i]!.id)));
      expect(all.map(({ id }) => id)).toEqual(order.map((i) => placements[i]!.id));
      for (const [n, i] of order.entries()) {
        expect(bytesOf(i, 7000).equals(all[n]!.bytes)).toBe(true);
      }
      expect(await collect(test.store.readMany([]))).toEqual([]);
    });

    it('gives all groups before the one that is missing', async () => {
      const placements = await storeGroups(
        test,
        [1, 2, 3].map((i) => group(i, 100)),
      );
      await release(test, [placements[1]!.id]);
      const reading = test.store.readMany(idsOf(placements));
      expect((await reading.next()).value).toMatchObject({ id: placements[0]!.id });
      const failed = await reading.next().catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(GroupMissingError);
      expect(failed).toMatchObject({ id: placements[1]!.id });
    });

    it('stops reading when it is told to, and when nobody takes more', async () => {
      const ids = idsOf(
        await storeGroups(
          test,
          Array.from({ length: 40 }, (_, i) => group(i, 9000)),
        ),
      );
      const stop = new AbortController();
      const reading = test.store.readMany(ids, stop.signal);
      await reading.next();
      stop.abort(new Error('gone'));
      await expect(reading.next()).rejects.toThrow('gone');
      await expect(collect(test.store.readMany(ids, AbortSignal.abort()))).rejects.toThrow();
      for await (const { id } of test.store.readMany(ids)) if (id === ids[3]) break;
    });

    it('decisions 1: a flipped bit, a short and a missing segment are damage, for good', async () => {
      const placements = await storeGroups(
        test,
        [1, 2, 3].map((i) => group(i, 1000)),
      );
      const [a, b, c] = placements;
      const bytes = await test.place.bytes(a!.segment);
      bytes[a!.position + GROUP_HEADER + 500]! ^= 4;
      await test.place.damage(a!.segment, bytes.subarray(0, -1));
      const failed = await test.store.read(a!.id).catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(GroupDamagedError);
      expect(failed).toMatchObject({ id: a!.id, reason: 'its bytes have another checksum' });
      await expectGroup(b!.id, 2, 1000);
      await expect(test.store.read(c!.id)).rejects.toThrow('its segment is short');
      // It is not believed again, even if the next look would find it whole.
      bytes[a!.position + GROUP_HEADER + 500]! ^= 4;
      await test.place.damage(a!.segment, bytes);
      await expect(test.store.read(a!.id)).rejects.toThrow('its bytes have another checksum');
      expect([...test.store.damaged()]).toEqual([
        { id: a!.id, reason: 'its bytes have another checksum', at: test.time.now },
        { id: c!.id, reason: 'its segment is short', at: test.time.now },
      ]);
      expect(test.store.figures()).toMatchObject({ groups: 3, damaged: 2 });
      await test.reopen({}, () => test.place.damage(a!.segment, undefined));
      await expect(test.store.read(b!.id)).rejects.toThrow('its segment is missing');
      await release(test, idsOf(placements));
      expect([...test.store.damaged()]).toEqual([]);
      expect(test.store.figures()).toMatchObject({ groups: 0, damaged: 0 });
    });

    it('reads on behind a damaged group of the same run', async () => {
      const placements = await storeGroups(
        test,
        [1, 2, 3].map((i) => group(i, 100)),
      );
      const bytes = await test.place.bytes(placements[0]!.segment);
      bytes[placements[1]!.position + 9]! ^= 1;
      await test.place.damage(placements[0]!.segment, bytes);
      const reading = test.store.readMany(idsOf(placements));
      await reading.next();
      await expect(reading.next()).rejects.toThrow('its header is damaged');
      await expectGroup(placements[2]!.id, 3, 100);
    });
  },
);

describe('a segment store in the middle of something', () => {
  it('decisions 3: a reader that comes too late for a file finds the new place', async () => {
    let hook: (() => Promise<unknown>) | undefined;
    const place = memoryPlace({
      target: (inner) => ({
        ...inner,
        async open(id) {
          const act = hook;
          hook = undefined;
          await act?.();
          return await inner.open(id);
        },
      }),
    });
    const test = await openTestSegments(place, { rules: { minLive: 1 } });
    const groups = await storeGroups(
      test,
      [1, 2, 3].map((i) => group(i, 1000)),
    );
    await release(test, [groups[0]!.id]);
    const before = await place.segments();
    hook = () => test.store.compact();
    expect(bytesOf(2, 1000).equals((await test.store.read(groups[1]!.id)).bytes)).toBe(true);
    const after = await place.segments();
    expect(after).not.toEqual(before);
    // The same for one that is let go.
    await release(test, [groups[1]!.id]);
    hook = () => release(test, [groups[2]!.id]);
    await expect(test.store.read(groups[2]!.id)).rejects.toThrow(GroupMissingError);
    expect([...test.store.damaged()]).toEqual([]);
    await test.close();
  });

  it('decisions 2: nothing is entered any more while a writer is being closed', async () => {
    let cut: (() => Promise<unknown>) | undefined;
    const test = await openTestSegments(memoryPlace(), {
      faultPoint: async () => void (await cut?.()),
    });
    await storeGroups(test, [group(1, 1000)]);
    const writer = await test.store.begin();
    const placements = await writer.append([group(2, 1000)]);
    await writer.sync();
    cut = async () => {
      const adding = change(test.kv, (changes) => test.store.addGroups(changes, placements));
      await expect(adding).rejects.toThrow(GroupNotDurableError);
      cut = undefined;
    };
    await writer.close();
    expect(cut).toBeUndefined();
    expect(test.store.figures().groups).toBe(1);
    await test.close();
  });
});

describe('a segment store whose disk fails', () => {
  async function open(fails: Set<string>) {
    const full = () => Object.assign(new Error('ENOSPC: on purpose'), { code: 'ENOSPC' });
    const fail = (what: string): void => {
      if (fails.has(what)) throw full();
    };
    const place = memoryPlace({
      engine: (inner) => ({
        ...inner,
        async commit(batch) {
          fail('commit');
          await inner.commit(batch);
        },
      }),
      target: (inner) => ({
        ...inner,
        async create() {
          const writer = await inner.create();
          return {
            ...writer,
            async write(chunks, position) {
              if (fails.has('write'))
                await writer.write([Buffer.concat(chunks).subarray(0, 50)], position);
              fail('write');
              await writer.write(chunks, position);
            },
            async sync() {
              fail('sync');
              await writer.sync();
            },
          };
        },
        async remove(id) {
          fail('remove');
          await inner.remove(id);
        },
        async open(id) {
          fail('open');
          const reader = await inner.open(id);
          return {
            ...reader,
            read(buffer, into, callback) {
              if (fails.has('read')) setImmediate(() => callback(new Error('EIO'), 0));
              else reader.read(buffer, into, callback);
            },
          };
        },
      }),
    });
    return await openTestSegments(place, { segmentSize: SEGMENT });
  }

  it('decisions 2: after a failed write or sync nothing more is written or entered, and nothing is left', async () => {
    for (const what of ['write', 'sync']) {
      const fails = new Set<string>();
      const test = await open(fails);
      const writer = await test.store.begin();
      const kept = await writer.append([group(1, 1000)]);
      await writer.sync();
      await change(test.kv, (changes) => test.store.addGroups(changes, kept));
      const lost = await writer.append([group(2, 1000)]);
      fails.add(what);
      await expect(writer.sync()).rejects.toThrow('ENOSPC');
      fails.clear();
      await expect(writer.append([group(3, 1000)])).rejects.toThrow('ENOSPC');
      await expect(writer.sync()).rejects.toThrow('ENOSPC');
      const add = change(test.kv, (changes) => test.store.addGroups(changes, lost));
      await expect(add).rejects.toThrow(GroupNotDurableError);
      await writer.close();
      const { segment, position } = kept[0]!;
      expect((await test.place.bytes(segment)).length).toBe(position + GROUP_HEADER + 1000);
      expect((await test.store.read(kept[0]!.id)).bytes.length).toBe(1000);
      expect((await storeGroups(test, [group(4, 1000)]))[0]!.segment).toBe(segment);
      expect(findContradictions(test.kv)).toEqual([]);
      await test.close();
    }
  });

  it('a failed commit enters nothing, lets nothing go, and loses no byte', async () => {
    const fails = new Set<string>();
    const test = await open(fails);
    const kept = await storeGroups(test, [group(1, 1000)]);
    const writer = await test.store.begin();
    const more = await writer.append([group(2, 1000)]);
    await writer.sync();
    fails.add('commit');
    const adding = change(test.kv, (changes) => test.store.addGroups(changes, more));
    const releasing = release(test, [kept[0]!.id]);
    const closing = writer.close();
    await expect(adding).rejects.toThrow(CommitError);
    await expect(releasing).rejects.toThrow(CommitError);
    await closing;
    fails.clear();
    expect((await test.store.read(kept[0]!.id)).bytes.length).toBe(1000);
    await expect(test.store.read(more[0]!.id)).rejects.toThrow(GroupMissingError);
    const next = await storeGroups(test, [group(3, 1000)]);
    expect((await test.store.read(next[0]!.id)).bytes.length).toBe(1000);
    await test.reopen();
    await test.store.compact();
    expect((await test.store.read(kept[0]!.id)).bytes.length).toBe(1000);
    expect((await test.store.read(next[0]!.id)).bytes.length).toBe(1000);
    expect(findContradictions(test.kv)).toEqual([]);
    await test.close();
  });

  it('decisions 2: a segment that is about to go is not taken for a leftover', async () => {
    const fails = new Set<string>();
    const test = await open(fails);
    const kept = await storeGroups(test, [group(1, 1000)]);
    await test.reopen();
    fails.add('commit');
    const releasing = release(test, [kept[0]!.id]);
    const compacting = test.store.compact().catch(() => undefined);
    await expect(releasing).rejects.toThrow(CommitError);
    await compacting;
    fails.clear();
    expect((await test.store.read(kept[0]!.id)).bytes.length).toBe(1000);
    await test.store.compact();
    expect((await test.store.read(kept[0]!.id)).bytes.length).toBe(1000);
    await test.close();
  });

  it('a segment that could not be removed goes with the next compaction', async () => {
    const fails = new Set<string>();
    const test = await open(fails);
    const [one] = await storeGroups(test, [group(1, 1000)]);
    fails.add('remove');
    await release(test, [one!.id]);
    expect(test.log).toContain('segment not removed');
    expect(await test.place.segments()).toHaveLength(1);
    fails.clear();
    await test.store.compact();
    expect(await test.place.segments()).toHaveLength(0);
    expect([...test.kv.keys({ from: 'sx ', to: 'sx!' })]).toEqual([]);
    await test.close();
  });

  it('decisions 1: a read error is damage, one of opening is not', async () => {
    const fails = new Set<string>();
    const test = await open(fails);
    const [one, two] = await storeGroups(test, [group(1, 1000), group(2, 1000)]);
    fails.add('open');
    await expect(test.store.read(one!.id)).rejects.toThrow('ENOSPC');
    await expect(collect(test.store.readMany([one!.id]))).rejects.toThrow('ENOSPC');
    expect([...test.store.damaged()]).toEqual([]);
    fails.clear();
    fails.add('read');
    await expect(test.store.read(two!.id)).rejects.toThrow(GroupDamagedError);
    fails.clear();
    expect([...test.store.damaged()].map(({ id }) => id)).toEqual([two!.id]);
    expect((await test.store.read(one!.id)).bytes.length).toBe(1000);
    await test.close();
  });
});
