import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  listBlobs,
  listManifests,
  listRepositories,
  listTagEntries,
  listTags,
  type Page,
  type PageRequest,
} from '../../src/storage/listing.ts';
import { deleteTag } from '../../src/storage/manifests.ts';
import { findContradictions } from './support/consistency.ts';
import { bytesOf, indexOf, pushBlob, pushManifest } from './support/content.ts';
import { openTestStore, STORE_PLACES, type TestStore } from './support/stores.ts';

/** All pages of a list, each asked for with the last item of the one before. */
function pages<T extends string>(
  list: (request: PageRequest) => Page<T>,
  limit: number,
): (readonly T[])[] {
  const all: (readonly T[])[] = [];
  for (let last: T | undefined; ; ) {
    const page = list({ limit, last });
    all.push(page.items);
    if (!page.more) return all;
    expect(page.items).toHaveLength(limit);
    last = page.items.at(-1)!;
  }
}

describe.each(STORE_PLACES.map((make) => ({ name: make().name, make })))(
  'lists of a store in $name',
  ({ make }) => {
    let test: TestStore;
    const TAGS = [
      '1',
      '10',
      '2',
      'A',
      'B.c',
      'V1-rc',
      '_x',
      'a',
      'a-b',
      'a.b',
      'ab',
      'latest',
      'z',
    ];
    beforeEach(async () => {
      test = await openTestStore(make());
      const index = indexOf([]);
      await pushManifest(test.store, 'team/app', index, { tags: TAGS });
      for (const name of ['team/app2', 'team/app/sub', 'team', 'b', 'team/app-x']) {
        await pushManifest(test.store, name, index, { tags: ['other'] });
      }
    });
    afterEach(async () => {
      expect(findContradictions(test.store.context.kv)).toEqual([]);
      await test.close();
    });
    const tags = (request: PageRequest) => listTags(test.store.context, 'team/app', request);

    it('TAG-3 tags in byte order, of one repository only', () => {
      expect(tags({ limit: 100 })).toEqual({ items: [...TAGS].sort(), more: false });
      expect(listTags(test.store.context, 'nobody', { limit: 100 }).items).toEqual([]);
    });

    it.each([1, 2, 5, 12, 13, 14])('TAG-4 pages of %d, without gap or repetition', (limit) => {
      expect(pages(tags, limit).flat()).toEqual([...TAGS].sort());
    });

    it('TAG-5 goes on after a name that is not there', () => {
      const sorted = [...TAGS].sort();
      for (const last of ['0', '11', 'a-', 'a.bb', 'zz', '~', '\u{1}', 'ä', 'x'.repeat(300)]) {
        const after = sorted.filter((tag) => tag > last);
        expect(tags({ limit: 100, last }).items).toEqual(after);
      }
      expect(tags({ limit: 0 })).toEqual({ items: [], more: true });
      expect(tags({ limit: 0, last: 'z' })).toEqual({ items: [], more: false });
    });

    it('decisions 3: what is being deleted is left out, and pages stay full', async () => {
      const deleting = ['1', 'A', 'z'].map((tag) => deleteTag(test.store.context, 'team/app', tag));
      expect(tags({ limit: 2 })).toEqual({ items: ['10', '2'], more: true });
      expect(pages(tags, 3).flat()).toEqual(
        [...TAGS].sort().filter((tag) => !['1', 'A', 'z'].includes(tag)),
      );
      await Promise.all(deleting);
    });

    it('CAT-1 repositories in byte order, in full pages', () => {
      const repositories = (request: PageRequest) => listRepositories(test.store.context, request);
      const all = ['b', 'team', 'team/app', 'team/app-x', 'team/app/sub', 'team/app2'];
      for (const limit of [1, 2, 4, 6, 7]) expect(pages(repositories, limit).flat()).toEqual(all);
      expect(repositories({ limit: 100, last: 'team/app' }).items).toEqual(all.slice(3));
    });

    it('manifests and blobs of a repository', async () => {
      const digests: string[] = [];
      for (let i = 0; i < 7; i++) digests.push(await pushBlob(test.store, 'team/app', bytesOf(i)));
      await pushBlob(test.store, 'team', bytesOf('elsewhere'));
      const blobs = (request: PageRequest) => listBlobs(test.store.context, 'team/app', request);
      expect(pages(blobs, 3).flat()).toEqual(digests.sort());
      const manifests = (request: PageRequest) =>
        listManifests(test.store.context, 'team/app', request);
      expect(pages(manifests, 3).flat()).toEqual([indexOf([]).digest]);
    });

    it('tags with what they point to', async () => {
      const { digest, mediaType, bytes } = indexOf([]);
      const page = listTagEntries(test.store.context, 'team/app', { limit: 2, last: 'a' });
      const entry = { digest, at: test.time.now };
      expect(page).toMatchObject({
        items: [
          { tag: 'a-b', ...entry },
          { tag: 'a.b', ...entry },
        ],
        more: true,
      });
      expect(page.items[0]?.manifest).toMatchObject({ mediaType, size: bytes.length });
    });
  },
);
