/** Whatever is damaged, no wrong byte of a file comes out, and files are there again in the end. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GROUP_KIND } from '../../../src/dedup/context.ts';
import { LayerDamagedError, LayerUnknownError } from '../../../src/dedup/errors.ts';
import { FilesError, readFile } from '../../../src/dedup/files/layer-files.ts';
import { keys, ranges } from '../../../src/storage/metadata/keys.ts';
import { decode, type GroupRecord } from '../../../src/storage/metadata/records.ts';
import { noise, text } from '../../codec/support/content.ts';
import { isLong } from '../../codec/support/effort.ts';
import { makeTar } from '../../support/tar.ts';
import { openTestLayerStore, type TestLayerStore } from '../support/layer-store.ts';
import { GO_ON } from '../support/layers.ts';

/** The layer is damaged, or has been found so a moment ago. */
const DAMAGE = [FilesError, LayerDamagedError, LayerUnknownError];

const LARGE = Buffer.concat([text(1_200_000, 1), noise(9_000, 2)]);
const FILES = new Map([
  ['large', LARGE],
  ...Array.from({ length: 12 }, (_, i) => [`file-${i}`, text(900 + 50 * i, i + 3)] as const),
]);
const LAYER = gzipSync(makeTar([...FILES].map(([path, bytes]) => ({ path, bytes }))));

let store: TestLayerStore;

async function open(): Promise<string> {
  store = await openTestLayerStore();
  const digest = await store.push('a/b', LAYER);
  await store.settled();
  return digest;
}

let digest: string;
beforeEach(async () => {
  digest = await open();
});
afterEach(() => store.close());

/** Reads all files, and a stretch of the large one. @returns how many could not be read */
async function readAll(): Promise<number> {
  let failed = 0;
  for (const [path, wanted] of FILES) {
    const ranges = [{ start: 0, end: wanted.length }];
    if (path === 'large') ranges.push({ start: 1_048_000, end: 1_049_000 });
    for (const range of ranges) {
      const found: Buffer[] = [];
      try {
        const files = await store.layers.files.open(digest, GO_ON);
        try {
          const entry = (await files.tree.node(path))!.entry!;
          for await (const some of readFile(files, entry, { range, signal: GO_ON })) {
            found.push(Buffer.from(some));
          }
        } finally {
          files.release();
        }
        expect(Buffer.concat(found).length).toBe(range.end - range.start);
      } catch (error) {
        if (!DAMAGE.some((kind) => error instanceof kind)) throw error;
        failed++;
      }
      const bytes = Buffer.concat(found);
      expect(wanted.subarray(range.start, range.start + bytes.length).equals(bytes)).toBe(true);
    }
  }
  return failed;
}

/** The places of the groups of a kind: segment, first byte of the body, bytes. */
function groupsOf(kind: number): { segment: number; from: number; length: number }[] {
  const { kv } = store.store.context;
  const found = [];
  for (const [, value] of kv.entries(ranges.groups())) {
    const record = decode<GroupRecord>(value);
    if (record.kind !== kind) continue;
    found.push({ segment: record.segment, from: record.position + 28, length: record.length });
  }
  return found;
}

function flip(segment: number, at: number): void {
  const bytes = Buffer.from(store.segments.written.get(segment)!);
  bytes[at]! ^= 1 << (at % 8);
  store.segments.written.set(segment, bytes);
}

describe('decisions 1: damage', () => {
  it('of any byte on the disk makes files fail, never wrong', async () => {
    const [segment, sound] = [...store.segments.written].find(([, bytes]) => bytes.length > 32)!;
    const stride = Math.max(1, Math.floor(sound.length / (isLong ? 2_000 : 40)));
    let failures = 0;
    for (let at = 32; at < sound.length; at += stride) {
      flip(segment, at);
      failures += await readAll();
      await store.close();
      digest = await open();
    }
    expect(failures).toBeGreaterThan(20);
  }, 300_000);

  it('of a tree takes the tree away and nothing else: files are found by unpacking the layer', async () => {
    const [place] = groupsOf(GROUP_KIND.tree);
    flip(place!.segment, place!.from + 20);
    await expect(
      (async () => {
        const files = await store.layers.files.open(digest, GO_ON);
        try {
          await files.tree.node('large');
        } finally {
          files.release();
        }
      })(),
    ).rejects.toMatchObject({ reason: 'damaged' });
    await store.settled();
    const { kv } = store.store.context;
    expect([...kv.keys({ from: 'ye ', to: 'yg ' })]).toEqual([]);
    expect([...kv.keys(ranges.trees())]).toEqual([]);
    expect(kv.has(keys.recipe(digest))).toBe(true);
    expect(store.layers.figures().totals).toMatchObject({ files: 0, fileKeys: 0, trees: 0 });
    expect(await readAll()).toBe(0);
    expect((await store.pull('a/b', digest))!.equals(LAYER)).toBe(true);
    expect(store.contradictions()).toEqual([]);
  });
});
