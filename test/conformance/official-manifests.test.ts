/**
 * The part of the official conformance suite that pushes, lists, reads and deletes manifests, under
 * its names; one branch for each set of content.
 */
import { describe, expect } from 'vitest';
import {
  expectBody,
  expectDigestHeader,
  expectHeader,
  expectStatus,
  unsupported,
} from './assertions.ts';
import { addImage, type Manifest, newContent, unknownDigest } from './content.ts';
import { type DataSet, dataSets } from './official-data.ts';
import { expectReferrersList, expectTagList, listsReferrer } from './official-lists.ts';
import {
  expectBlobDeleted,
  expectBlobGet,
  expectBlobHead,
  expectManifest,
  expectManifestDeleted,
  leaf,
} from './official-steps.ts';
import { pushPostPut } from './push-ways.ts';
import { useRegistry } from './registry.ts';
import { ACCEPT_MANIFESTS, get, putManifest, readManifest } from './requests.ts';
import type { RegistryResponse } from './response.ts';
import { settings } from './settings.ts';

const { api, readOnly } = settings;

describe('official', () => {
  const registry = useRegistry({ STOWAGE_MANIFESTS__ALLOW_SPARSE: 'true' });
  const repository = registry.repository('official');

  /** Pushes a blob of a set; the manifests that need it follow. */
  const pushBlobOf = (digest: string, bytes: Buffer): Promise<void> =>
    pushPostPut({
      client: registry.client,
      repository,
      digest,
      bytes,
      requireDigestHeader: api.blobs.digestHeader,
    });

  /** PUT of a manifest, and everything that its answer promises. */
  async function expectManifestPut(
    manifest: Manifest,
    where: { readonly reference: string; readonly tags?: readonly string[] },
  ): Promise<RegistryResponse> {
    const response = await putManifest(registry.client, repository, manifest, where);
    expectStatus(response, 201);
    expectDigestHeader(response, manifest.digest, false);
    if (api.referrer && manifest.subject !== undefined) {
      expectHeader(response, 'oci-subject', manifest.subject);
    }
    const served = await get(registry.client, response.location(), ACCEPT_MANIFESTS);
    expectStatus(served, 200);
    expectHeader(served, 'content-type', manifest.mediaType);
    expectHeader(served, 'content-length', String(manifest.bytes.length));
    expectBody(served, manifest.bytes);
    return response;
  }

  for (const set of dataSets()) describe(set.name, () => describeSet(set));
  const isReadOnly = Object.values(readOnly).some((list) => list.length > 0);
  describe.runIf(isReadOnly)('read-only', () => describeReadOnly());

  /** What the user says is there already; of its bytes nothing is known, and it is left alone. */
  function describeReadOnly(): void {
    const { repo1 } = settings;
    leaf('tag-list', api.tags.list, async () => {
      const tags = await expectTagList(registry, repo1);
      expect(tags, 'tags').toEqual(expect.arrayContaining([...readOnly.tags]));
    });
    for (const method of ['HEAD', 'GET'] as const) {
      describe(method === 'HEAD' ? 'head' : 'pull', () => {
        const prefix = method === 'HEAD' ? 'manifest-head' : 'manifest';
        const read = (name: string, reference: string): void =>
          leaf(name, api.pull, () =>
            expectManifest(registry, repo1, { method, reference, manifest: undefined }),
          );
        for (const tag of readOnly.tags) read(`${prefix}-by-tag`, tag);
        for (const digest of readOnly.manifests) read(`${prefix}-by-digest`, digest);
        for (const digest of readOnly.blobs) {
          const expectBlob = method === 'HEAD' ? expectBlobHead : expectBlobGet;
          leaf(method === 'HEAD' ? 'blob-head' : 'blob-get', api.pull, () =>
            expectBlob(registry, repo1, { digest, bytes: undefined }),
          );
        }
      });
    }
    leaf('referrers', api.referrer && readOnly.referrers.length > 0, async () => {
      for (const digest of readOnly.referrers) await expectReferrersList(registry, repo1, digest);
    });
  }

  function describeSet(set: DataSet): void {
    const { content } = set;
    const manifestOf = (digest: string): Manifest =>
      content.manifests.find((one) => one.digest === digest)!;
    const pushedTags = new Set<string>();

    describe('push', () => {
      for (const [digest, bytes] of content.blobs) {
        leaf('blob-post-put', true, () => pushBlobOf(digest, bytes));
      }
      for (const manifest of content.manifests) {
        const { digest } = manifest;
        leaf('manifest-by-digest', true, async (context) => {
          if (set.badDigest) {
            const where = { reference: digest };
            expectStatus(await putManifest(registry.client, repository, manifest, where), 400);
            return;
          }
          const mine = [...content.tags].filter(([, tagged]) => tagged === digest);
          const tags = set.tagParams ? mine.map(([tag]) => tag) : [];
          const response = await expectManifestPut(manifest, { reference: digest, tags });
          const accepted = response.all('oci-tag').flatMap((line) => line.split(/\s*,\s*/));
          for (const tag of tags.filter((one) => !accepted.includes(one))) {
            await expectManifestPut(manifest, { reference: tag });
          }
          for (const tag of tags) pushedTags.add(tag);
          if (!tags.every((tag) => accepted.includes(tag))) {
            unsupported(context, 'tag parameters are ignored');
          }
        });
      }
      for (const [tag, digest] of content.tags) {
        if (set.tagParams) continue;
        leaf('manifest-by-tag', true, async () => {
          await expectManifestPut(manifestOf(digest), { reference: tag });
          pushedTags.add(tag);
        });
      }
    });

    leaf('tag-list', api.tags.list, async () => {
      const tags = await expectTagList(registry, repository);
      expect(tags, 'tags').toEqual(expect.arrayContaining([...content.tags.keys()]));
      if (tags.length < 2) return;
      const sorted = [...tags].sort();
      const half = Math.floor(sorted.length / 2);
      const last = encodeURIComponent(sorted[half - 1]!);
      const rest = await expectTagList(registry, repository, `?last=${last}`);
      expect([...rest].sort(), `tags after ${last}`).toEqual(sorted.slice(half));
    });

    describe('head', () => {
      for (const [reference, digest] of content.tags) {
        const where = { method: 'HEAD', reference, manifest: manifestOf(digest) } as const;
        leaf('manifest-head-by-tag', api.pull, () => expectManifest(registry, repository, where));
      }
      for (const manifest of set.badDigest ? [] : content.manifests) {
        const where = { method: 'HEAD', reference: manifest.digest, manifest } as const;
        leaf('manifest-head-by-digest', api.pull, () =>
          expectManifest(registry, repository, where),
        );
      }
      for (const [digest, bytes] of content.blobs) {
        leaf('blob-head', api.pull, () => expectBlobHead(registry, repository, { digest, bytes }));
      }
    });

    describe('pull', () => {
      for (const [reference, digest] of content.tags) {
        const where = { method: 'GET', reference, manifest: manifestOf(digest) } as const;
        leaf('manifest-by-tag', api.pull, () => expectManifest(registry, repository, where));
      }
      for (const manifest of set.badDigest ? [] : content.manifests) {
        const where = { method: 'GET', reference: manifest.digest, manifest } as const;
        leaf('manifest-by-digest', api.pull, () => expectManifest(registry, repository, where));
      }
      for (const [digest, bytes] of content.blobs) {
        leaf('blob-get', api.pull, () => expectBlobGet(registry, repository, { digest, bytes }));
      }
    });

    if (content.referrers.size > 0) {
      leaf('referrers', api.referrer, async (context) => {
        for (const [subject, wanted] of content.referrers) {
          const all = await expectReferrersList(registry, repository, subject);
          for (const one of wanted) {
            expect(listsReferrer(all.manifests, one), `${one.digest} among the referrers`).toBe(
              true,
            );
          }
          for (const type of new Set(wanted.map(({ artifactType }) => artifactType ?? ''))) {
            const query = `?artifactType=${encodeURIComponent(type)}`;
            const some = await expectReferrersList(registry, repository, subject, query);
            const filters = some.response.get('oci-filters-applied')?.split(/\s*,\s*/) ?? [];
            if (!filters.includes('artifactType')) unsupported(context, 'no filter was applied');
            for (const one of wanted.filter(({ artifactType }) => (artifactType ?? '') === type)) {
              const listed = listsReferrer(some.manifests, one);
              expect(listed, `${one.digest} among those of type ${type}`).toBe(true);
            }
            for (const { artifactType } of some.manifests) expect(artifactType ?? '').toBe(type);
          }
        }
      });
    }

    describe('delete', () => {
      for (const tag of content.tags.keys()) {
        leaf('tag-delete', api.tags.delete, async (context) => {
          if (!pushedTags.has(tag)) context.skip('the tag was not pushed');
          const where = { repository, reference: tag, atomic: api.tags.atomic };
          await expectManifestDeleted(context, registry, where);
        });
      }
      for (const { digest } of [...content.manifests].reverse()) {
        const where = { repository, reference: digest, atomic: api.manifests.atomic };
        leaf('manifest-delete', api.manifests.delete, (context) =>
          expectManifestDeleted(context, registry, where),
        );
      }
      for (const digest of content.blobs.keys()) {
        leaf('blob-delete', api.blobs.delete, (context) =>
          expectBlobDeleted(context, registry, repository, digest),
        );
      }
    });
  }

  describe('missing-manifest', () => {
    leaf('by-digest', api.pull, async () => {
      expectStatus(await readManifest(registry.client, repository, unknownDigest()), 404);
    });
    leaf('by-tag', api.pull, async () => {
      expectStatus(await readManifest(registry.client, repository, 'missing-tag'), 404);
    });
  });

  describe('invalid-digest-format', () => {
    const content = newContent();
    const reference = 'sha256:baddigeststring';
    addImage(content, { layers: 1 });
    const manifest = content.manifests[0]!;
    for (const [digest, bytes] of content.blobs) {
      leaf('blob-post-put', api.push, () => pushBlobOf(digest, bytes));
    }
    leaf('manifest-put', api.push, async () => {
      const response = await putManifest(registry.client, repository, manifest, { reference });
      expectStatus(response, 400);
    });
    leaf('manifest-get', api.pull, async () => {
      expectStatus(await readManifest(registry.client, repository, reference), 404, 400);
    });
    describe('delete', () => {
      const where = { repository, reference: manifest.digest, atomic: api.manifests.atomic };
      leaf('manifest-delete', api.manifests.delete, (context) =>
        expectManifestDeleted(context, registry, where),
      );
      for (const digest of content.blobs.keys()) {
        leaf('blob-delete', api.blobs.delete, (context) =>
          expectBlobDeleted(context, registry, repository, digest),
        );
      }
    });
  });
});
