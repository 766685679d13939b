/** Lists of tags and of repositories: order, pages, what is not there. */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectError, expectHeader, expectStatus } from './assertions.ts';
import { addImage, addIndex, type Manifest, newContent } from './content.ts';
import { allPages, nextPage } from './pages.ts';
import { startsStowage, useRegistry } from './registry.ts';
import {
  get,
  manifestPath,
  pushBlob,
  pushContent,
  putManifest,
  remove,
  tagsPath,
} from './requests.ts';
import type { RegistryResponse } from './response.ts';

/** In no order at all; byte order puts capitals first and `_` between them and small letters. */
const TAGS = [
  'b',
  'a',
  'B',
  '_1',
  '10',
  '2',
  'a-b',
  'a.b',
  'a_b',
  'A',
  'Z9',
  'zz',
  'a1',
  '0',
  'aa',
];
const SORTED = [...TAGS].sort();
const BAD_NUMBERS = ['x', '-1', '1.5', '1e2', '0x10', '1,2', ' '];

describe('beyond', () => {
  const registry = useRegistry();
  const repository = registry.repository();

  /** Pushes an index of its own that needs nothing else. */
  async function pushIndex(place: string, tags: readonly string[]): Promise<Manifest> {
    const content = newContent();
    addIndex(content, [], { extra: { random: randomBytes(8).toString('hex') } });
    const manifest = content.manifests[0]!;
    for (const reference of [manifest.digest, ...tags]) {
      expectStatus(await putManifest(registry.client, place, manifest, { reference }), 201);
    }
    return manifest;
  }

  const tagsOf = (response: RegistryResponse): string[] =>
    expectStatus(response, 200).json<{ tags: string[] }>().tags;

  describe('tags', () => {
    beforeAll(async () => {
      await pushIndex(repository, TAGS);
    });

    const list = (query = ''): Promise<RegistryResponse> =>
      get(registry.client, tagsPath(repository) + query);

    it('TAG-1 (MUST) the list is JSON with the name and the tags', async () => {
      const response = expectStatus(await list(), 200);
      expect(response.get('content-type')).toMatch(/^application\/json\b/);
      const body = response.json<{ name: string; tags: string[] }>();
      expect(Object.keys(body).sort()).toEqual(['name', 'tags']);
      expect(body.name).toBe(repository);
      expect([...body.tags].sort()).toEqual(SORTED);
    });

    it('TAG-1 (MUST) an unknown repository is 404 NAME_UNKNOWN', async () => {
      const response = await get(registry.client, tagsPath(registry.repository('nothing')));
      expectError(response, 404, 'NAME_UNKNOWN', { elsewhere: [200] });
    });

    it('TAG-1 (MUST) a tag stands in its own repository only', async () => {
      const place = registry.repository('other');
      await pushIndex(place, ['only-here']);
      expect(tagsOf(await get(registry.client, tagsPath(place)))).toEqual(['only-here']);
      expect(tagsOf(await list())).not.toContain('only-here');
    });

    it('TAG-2 (MUST) tags come in the order of their bytes', async () => {
      expect(tagsOf(await list())).toEqual(SORTED);
    });

    it('TAG-3 (MUST) n is the most that comes', async () => {
      for (let n = 1; n <= TAGS.length + 1; n++) {
        const response = await list(`?n=${n}`);
        const tags = tagsOf(response);
        expect(tags).toEqual(SORTED.slice(0, tags.length));
        expect(tags.length).toBeLessThanOrEqual(n);
        if (tags.length < Math.min(n, TAGS.length)) expect(nextPage(response)).toBeDefined();
      }
    });

    it('TAG-3 (MUST) n=0 is an empty list without Link', async () => {
      for (const query of ['?n=0', '?n=0&last=a']) {
        const response = await list(query);
        expect(tagsOf(response)).toEqual([]);
        expect(response.get('link')).toBeUndefined();
      }
    });

    it.each(BAD_NUMBERS)('TAG-3 (MUST) n=%s is 400', async (n) => {
      expectError(
        await list(`?n=${encodeURIComponent(decodeURIComponent(n))}`),
        400,
        'UNSUPPORTED',
      );
    });

    it('TAG-4 (MUST) last is left out and need not exist', async () => {
      for (const last of [...TAGS, 'a-', 'a~', 'Zz', '9', '_', 'zzz', '!']) {
        const after = SORTED.filter((tag) => tag > last);
        const query = `?last=${encodeURIComponent(last)}`;
        if (/^[\w][\w.-]*$/.test(last)) {
          expect(tagsOf(await list(query)), `after ${last}`).toEqual(after);
          expect(tagsOf(await list(`${query}&n=2`)), `after ${last}`).toEqual(after.slice(0, 2));
        } else expectStatus(await list(query), 200, 400);
      }
    });

    it('TAG-4 (MUST) the tag of last may have been deleted between two pages', async () => {
      const place = registry.repository('vanishing');
      await pushIndex(place, ['a', 'b', 'c', 'd']);
      const first = await get(registry.client, `${tagsPath(place)}?n=2`);
      expect(tagsOf(first)).toEqual(['a', 'b']);
      expectStatus(await remove(registry.client, manifestPath(place, 'b')), 202);
      const rest = await get(registry.client, `${tagsPath(place)}?n=2&last=b`);
      expect(tagsOf(rest)).toEqual(['c', 'd']);
      expect(tagsOf(await get(registry.client, nextPage(first)!))).toEqual(['c', 'd']);
    });

    it('TAG-5 (MUST if sent) Link leads through all pages, and each tag comes once', async () => {
      for (const n of [1, 2, 7, TAGS.length - 1, TAGS.length, TAGS.length + 1]) {
        const pages = await allPages(registry.client, `${tagsPath(repository)}?n=${n}`);
        const tags = pages.map(tagsOf);
        expect(tags.flat()).toEqual(SORTED);
        for (const page of tags) expect(page.length).toBeLessThanOrEqual(n);
        for (const page of pages.slice(0, -1)) {
          const query = nextPage(page)!.searchParams;
          expect(query.get('n')).toBe(String(n));
          expect(query.get('last')).toBe(tagsOf(page).at(-1));
        }
        if (startsStowage) expect(pages).toHaveLength(Math.ceil(TAGS.length / n));
      }
    });

    it('TAG-6 (our test) without tags the list is [], not null', async () => {
      const place = registry.repository('untagged');
      const { digest } = await pushIndex(place, ['only']);
      expectStatus(await remove(registry.client, manifestPath(place, 'only')), 202);
      const body = expectStatus(await get(registry.client, tagsPath(place)), 200).json();
      expect(body).toEqual({ name: place, tags: [] });
      expectStatus(await get(registry.client, manifestPath(place, digest)), 200);
    });
  });

  describe.runIf(startsStowage)('many tags', () => {
    const place = registry.repository('many');
    const tags = Array.from({ length: 10_001 }, (_, i) => `t${String(i).padStart(5, '0')}`);

    beforeAll(async () => {
      const manifest = await pushIndex(place, []);
      const batches: string[][] = [];
      for (let i = 0; i < tags.length; i += 50) batches.push(tags.slice(i, i + 50));
      const reference = manifest.digest;
      const push = async (): Promise<void> => {
        for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
          const where = { reference, tags: batch };
          expectStatus(await putManifest(registry.client, place, manifest, where), 201);
        }
      };
      await Promise.all(Array.from({ length: 4 }, push));
    });

    it('TAG-5 (decisions 9) without n a page holds 10,000 tags', async () => {
      const pages = await allPages(registry.client, tagsPath(place));
      expect(pages.map((page) => tagsOf(page).length)).toEqual([10_000, 1]);
      expect(pages.flatMap(tagsOf)).toEqual(tags);
    });

    it('TAG-3 (our choice) no page holds more, whatever n says', async () => {
      const response = await get(registry.client, `${tagsPath(place)}?n=20000`);
      expect(tagsOf(response)).toHaveLength(10_000);
      expect(tagsOf(await get(registry.client, nextPage(response)!))).toEqual(tags.slice(-1));
    });
  });

  describe('the catalogue', () => {
    const names = ['a', 'b/c', 'b-c', 'b', 'z'].map(
      (tail) => `${registry.repository('cat')}/${tail}`,
    );
    const namesOf = (response: RegistryResponse): string[] =>
      expectStatus(response, 200).json<{ repositories: string[] }>().repositories;
    /** Those of this test, in the order that they came in. */
    const own = (all: readonly string[]): string[] => all.filter((name) => names.includes(name));

    beforeAll(async () => {
      for (const name of names) {
        const content = newContent();
        addImage(content, { layers: 1, tag: 'latest' });
        await pushContent(registry.client, name, content);
      }
    });

    it('CAT-1 (our test) every repository is listed, in the order of bytes', async () => {
      const pages = await allPages(registry.client, '/v2/_catalog');
      expect(pages[0]!.get('content-type')).toMatch(/^application\/json\b/);
      const all = pages.flatMap(namesOf);
      expect(own(all)).toEqual([...names].sort());
      expect(all).toEqual([...all].sort());
    });

    it('CAT-1 (our test) n and Link: each repository comes once', async () => {
      const pages = await allPages(registry.client, '/v2/_catalog?n=3');
      for (const page of pages) expect(namesOf(page).length).toBeLessThanOrEqual(3);
      expect(own(pages.flatMap(namesOf))).toEqual([...names].sort());
    });

    it('CAT-1 (our test) last is left out and need not exist', async () => {
      const prefix = registry.repository('cat');
      const namesAfter = async (last: string): Promise<string[]> => {
        const query = `?last=${encodeURIComponent(`${prefix}/${last}`)}`;
        return own((await allPages(registry.client, `/v2/_catalog${query}`)).flatMap(namesOf));
      };
      const sorted = [...names].sort();
      expect(await namesAfter('b')).toEqual(sorted.filter((name) => name > `${prefix}/b`));
      expect(await namesAfter('b0')).toEqual(sorted.filter((name) => name > `${prefix}/b0`));
      expect(await namesAfter('zz')).toEqual([]);
    });

    it('CAT-1 (our test) n=0 is empty, and a bad n is 400', async () => {
      const response = await get(registry.client, '/v2/_catalog?n=0');
      expect(namesOf(response)).toEqual([]);
      expect(response.get('link')).toBeUndefined();
      for (const n of ['x', '-1']) {
        expectError(await get(registry.client, `/v2/_catalog?n=${n}`), 400, 'UNSUPPORTED');
      }
    });

    it('CAT-1 (our test) HEAD has the headers of GET', async () => {
      const target = '/v2/_catalog?n=1';
      const got = expectStatus(await get(registry.client, target), 200);
      const headed = await registry.client.request({ method: 'HEAD', target });
      expectHeader(expectStatus(headed, 200), 'content-length', String(got.body.length));
    });

    it('CAT-1 (our test) what only uploaded blobs is no image repository with tags', async () => {
      const place = registry.repository('blobs-only');
      await pushBlob(registry.client, place, randomBytes(10));
      const response = expectStatus(await get(registry.client, tagsPath(place)), 200, 404);
      if (response.status === 200) expect(tagsOf(response)).toEqual([]);
    });
  });
});
