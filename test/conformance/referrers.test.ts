/** Referrers: what is listed, filters, pages, and tags of the older schema. */
import { describe, expect, it } from 'vitest';
import { expectError, expectHeader, expectStatus, unsupported } from './assertions.ts';
import {
  addArtifact,
  addImage,
  addIndex,
  type Content,
  type Descriptor,
  MEDIA_TYPES,
  newContent,
  unknownDigest,
} from './content.ts';
import { expectReferrersList } from './official-lists.ts';
import { allPages } from './pages.ts';
import { useRegistry } from './registry.ts';
import { get, manifestPath, pushContent, referrersPath, remove } from './requests.ts';

const TYPE_A = 'application/vnd.example.stowage.a+json';
const TYPE_B = 'application/vnd.example.stowage.b+json';

describe('beyond', () => {
  const registry = useRegistry();
  const repository = registry.repository();

  async function pushed(build: (content: Content) => void, place = repository): Promise<Content> {
    const content = newContent();
    build(content);
    await pushContent(registry.client, place, content);
    return content;
  }

  /** Pushes an image that others can refer to. */
  async function pushSubject(place = repository): Promise<Descriptor> {
    let subject: Descriptor | undefined;
    await pushed((content) => {
      subject = addImage(content, { layers: 1 });
    }, place);
    return subject!;
  }

  const missingSubject = (): Descriptor => ({
    mediaType: MEDIA_TYPES.manifest,
    digest: unknownDigest(),
    size: 1000,
  });

  const listOf = async (subject: string, query = ''): Promise<readonly Descriptor[]> =>
    (await expectReferrersList(registry, repository, subject, query)).manifests;
  const digestsOf = (list: readonly Descriptor[]): string[] =>
    list.map(({ digest }) => digest).sort();

  it('REF-1 (MUST) the answer is an index, type and all', async () => {
    const subject = await pushSubject();
    await pushed((content) => void addArtifact(content, { artifactType: TYPE_A, subject }));
    const target = referrersPath(repository, subject.digest);
    const response = expectStatus(await get(registry.client, target), 200);
    expectHeader(response, 'content-type', MEDIA_TYPES.index);
    const body = response.json<Record<string, unknown>>();
    expect(body).toMatchObject({ schemaVersion: 2, mediaType: MEDIA_TYPES.index });
    expect(body.manifests).toHaveLength(1);
  });

  it('REF-2 (MUST) nothing to list is an empty list, never 404 and never null', async () => {
    const subject = await pushSubject();
    const nothing = registry.repository('nothing');
    for (const [place, digest] of [
      [repository, subject.digest],
      [repository, unknownDigest()],
      [repository, unknownDigest('sha512')],
      [nothing, unknownDigest()],
    ] as const) {
      const { response } = await expectReferrersList(registry, place, digest);
      expect(response.json<{ manifests: unknown }>().manifests).toEqual([]);
    }
  });

  it.each(['sha256:baddigeststring', 'latest', 'sha256:', `sha1:${'a'.repeat(40)}`])(
    'REF-3 (MUST) %s is no digest: 400',
    async (digest) => {
      const response = await get(registry.client, referrersPath(repository, digest));
      expectError(response, 400, 'DIGEST_INVALID');
    },
  );

  it('REF-4 (MUST) each entry has type, digest, size, artifact type and all annotations', async () => {
    const subject = await pushSubject();
    const annotations = { 'org.example.ü': 'ä "quoted" \u{1f600}', 'org.example.empty': '' };
    const content = await pushed((into) => {
      addArtifact(into, { artifactType: TYPE_A, subject, annotations });
      addImage(into, { subject, annotations: { kind: 'image without artifactType' } });
      addIndex(into, [], { subject, annotations: { kind: 'index without artifactType' } });
      addIndex(into, [], { subject, artifactType: TYPE_B });
    });
    const wanted = content.referrers.get(subject.digest)!;
    const got = await listOf(subject.digest);
    expect(digestsOf(got)).toEqual(digestsOf(wanted));
    for (const one of wanted) {
      const entry = got.find(({ digest }) => digest === one.digest)!;
      expect(entry).toMatchObject({ mediaType: one.mediaType, size: one.size });
      expect(entry.artifactType).toBe(one.artifactType);
      expect(entry.annotations ?? {}).toEqual(one.annotations ?? {});
    }
    const withoutType = got.find(({ annotations: a }) => a?.kind === 'index without artifactType');
    expect(Object.keys(withoutType!)).not.toContain('artifactType');
  });

  it('REF-4 (MUST) both digest algorithms may stand on either side', async () => {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const subject = { ...missingSubject(), digest: unknownDigest(algorithm) };
      const content = await pushed((into) => {
        addArtifact(into, { artifactType: TYPE_A, subject, algorithm: 'sha256' });
        addArtifact(into, { artifactType: TYPE_A, subject, algorithm: 'sha512' });
      });
      const got = digestsOf(await listOf(subject.digest));
      expect(got).toEqual(content.manifests.map(({ digest }) => digest).sort());
    }
  });

  it('REF-5 (SHOULD) artifactType filters and OCI-Filters-Applied says so', async (context) => {
    const subject = await pushSubject();
    const content = await pushed((into) => {
      addArtifact(into, { artifactType: TYPE_A, subject });
      addArtifact(into, { artifactType: TYPE_A, subject });
      addArtifact(into, { artifactType: TYPE_B, subject });
      addImage(into, { subject });
      addIndex(into, [], { subject });
    });
    const all = content.referrers.get(subject.digest)!;
    expect(digestsOf(await listOf(subject.digest))).toEqual(digestsOf(all));
    for (const type of [TYPE_A, TYPE_B, MEDIA_TYPES.config, 'application/x-none']) {
      // The `+` of a media type is a space unless it is encoded.
      const query = `?artifactType=${encodeURIComponent(type)}`;
      const target = referrersPath(repository, subject.digest) + query;
      const response = expectStatus(await get(registry.client, target), 200);
      const applied = response.get('oci-filters-applied');
      if (applied === undefined) unsupported(context, 'no filter was applied');
      expect(applied).toBe('artifactType');
      const wanted = all.filter(({ artifactType }) => artifactType === type);
      const { manifests } = response.json<{ manifests: Descriptor[] }>();
      expect(digestsOf(manifests), type).toEqual(digestsOf(wanted));
    }
    const { response } = await expectReferrersList(registry, repository, subject.digest);
    expect(response.get('oci-filters-applied')).toBeUndefined();
  });

  it('REF-6 (MUST) what is too large for one manifest comes in pages', async () => {
    const { client } = registry;
    const subject = missingSubject();
    // One million bytes, but half as many characters.
    const filler = 'ü'.repeat(500_000);
    const wanted: string[] = [];
    for (let i = 0; i < 6; i++) {
      const content = await pushed((into) => {
        const artifactType = i % 2 === 0 ? TYPE_A : TYPE_B;
        addArtifact(into, { artifactType, subject, annotations: { filler, number: String(i) } });
      });
      wanted.push(content.manifests[0]!.digest);
    }
    const target = referrersPath(repository, subject.digest);
    const pages = await allPages(client, target);
    expect(pages.length).toBeGreaterThan(1);
    const found: string[] = [];
    for (const page of pages) {
      expectHeader(page, 'content-type', MEDIA_TYPES.index);
      expect(page.body.length).toBeLessThanOrEqual(4 * 1024 * 1024);
      const { manifests } = page.json<{ manifests: Descriptor[] }>();
      for (const { annotations } of manifests) expect(annotations?.filler).toBe(filler);
      found.push(...manifests.map(({ digest }) => digest));
    }
    expect(found.sort()).toEqual(wanted.sort());

    const filtered = await allPages(client, `${target}?artifactType=${encodeURIComponent(TYPE_A)}`);
    const types = filtered.flatMap((page) =>
      page.json<{ manifests: Descriptor[] }>().manifests.map(({ artifactType }) => artifactType),
    );
    expect(types).toEqual([TYPE_A, TYPE_A, TYPE_A]);
  });

  it('REF-7 (our test) a deleted referrer goes, those of a deleted subject stay', async () => {
    const { client } = registry;
    const subject = await pushSubject();
    const content = await pushed((into) => {
      addArtifact(into, { artifactType: TYPE_A, subject });
      addArtifact(into, { artifactType: TYPE_B, subject });
    });
    const [first, second] = content.manifests.map(({ digest }) => digest);
    expectStatus(await remove(client, manifestPath(repository, first!)), 202);
    expect(digestsOf(await listOf(subject.digest))).toEqual([second]);
    expectStatus(await remove(client, manifestPath(repository, subject.digest)), 202);
    expect(digestsOf(await listOf(subject.digest))).toEqual([second]);
    expectStatus(await get(client, manifestPath(repository, second!)), 200);
  });

  it('REF-7 (our test) a referrer that is pushed again is listed once', async () => {
    const subject = missingSubject();
    const content = await pushed((into) => {
      addArtifact(into, { artifactType: TYPE_A, subject, tag: 'again' });
    });
    await pushContent(registry.client, repository, content);
    expect(digestsOf(await listOf(subject.digest))).toEqual([content.manifests[0]!.digest]);
    expectStatus(await remove(registry.client, manifestPath(repository, 'again')), 202);
    expect(await listOf(subject.digest)).toHaveLength(1);
  });

  it('REF-4 (our test) a referrer is listed in its own repository only', async () => {
    const subject = missingSubject();
    const place = registry.otherRepository();
    await pushed((into) => void addArtifact(into, { artifactType: TYPE_A, subject }), place);
    expect(await listOf(subject.digest)).toEqual([]);
    const elsewhere = await expectReferrersList(registry, place, subject.digest);
    expect(elsewhere.manifests).toHaveLength(1);
  });

  describe('the referrers tag schema', () => {
    /** Tag of the older schema for a digest of any length. */
    const fallbackTag = (digest: string): string => {
      const [algorithm = '', encoded = ''] = digest.split(':');
      return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`;
    };

    it.each(['sha256', 'sha512'] as const)(
      'REF-8 (MUST) what an index under such a tag lists is listed once (%s)',
      async (algorithm) => {
        const subject = { ...missingSubject(), digest: unknownDigest(algorithm) };
        const tag = fallbackTag(subject.digest);
        const content = await pushed((into) => {
          const artifactType = TYPE_A;
          const annotations = { note: 'kept' };
          const artifact = addArtifact(into, { artifactType, subject, annotations });
          addIndex(into, [{ ...artifact, artifactType, annotations }], { tag });
        });
        const got = await listOf(subject.digest);
        expect(digestsOf(got)).toEqual([content.manifests[0]!.digest]);
        expect(got[0]).toMatchObject({ artifactType: TYPE_A, annotations: { note: 'kept' } });
        // Clients that know the schema go on reading and writing the tag as any other.
        const response = await get(registry.client, manifestPath(repository, tag), {
          accept: MEDIA_TYPES.index,
        });
        expectStatus(response, 200);
      },
    );

    it('REF-8 (MUST) a listed manifest of another subject or of none is no referrer', async () => {
      const subject = missingSubject();
      await pushed((into) => {
        const stranger = addArtifact(into, { artifactType: TYPE_A, subject: missingSubject() });
        const plain = addArtifact(into, { artifactType: TYPE_A });
        addIndex(into, [stranger, plain], { tag: fallbackTag(subject.digest) });
      });
      expect(await listOf(subject.digest)).toEqual([]);
    });
  });
});
