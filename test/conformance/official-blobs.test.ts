/**
 * The part of the official conformance suite that is not about manifests, under its names: ping,
 * an empty repository, and every way to push and read a blob, with both digest algorithms.
 */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, type TestContext } from 'vitest';
import { expectBody, expectHeader, expectStatus, unsupported } from './assertions.ts';
import { type Algorithm, digestOf, unknownDigest } from './content.ts';
import { expectReferrersList, expectTagList } from './official-lists.ts';
import { expectBlobDeleted, expectBlobGet, expectBlobHead, leaf } from './official-steps.ts';
import {
  type BlobPush,
  type ChunkedOptions,
  cancelUpload,
  MIN_CHUNK,
  pushChunked,
  pushMount,
  pushPostOnly,
  pushPostPut,
  pushStream,
} from './push-ways.ts';
import { useRegistry } from './registry.ts';
import { blobPath, get } from './requests.ts';
import { settings } from './settings.ts';

const { api, data } = settings;

/** One branch of the tree: push a blob in some way, read it back, delete it. */
interface Branch {
  /** Name of the leaf that pushes. */
  readonly push: string;
  readonly enabled?: boolean;
  /** What to push; called when the branch runs. Default: 512 random bytes. */
  readonly bytes?: () => Buffer;
  /** Push the blob into the other repository first. */
  readonly elsewhereFirst?: boolean;
  /** Whether the blob is read afterwards. Default: if it was pushed. */
  readonly read?: 'always' | 'never';
  readonly run: (push: BlobPush, context: TestContext) => Promise<unknown>;
}

/** Name, first byte, byte after the last; none where the answer must be 416. */
const RANGES: readonly (readonly [name: string, start?: number, end?: number])[] = [
  ['500-1499', 500, 1500],
  ['500-', 500, 2048],
  ['-500', 1548, 2048],
  ['2000-5000', 2000, 2048],
  ['500-0'],
  ['5000-10000'],
];

describe('official', () => {
  const registry = useRegistry({ STOWAGE_MANIFESTS__ALLOW_SPARSE: 'true' });
  const repository = registry.repository('official');
  const otherRepository = registry.otherRepository('official');

  leaf('ping', api.ping, async () => {
    await get(registry.client, '/v2/');
  });

  describe('empty', () => {
    leaf('tag list', api.tags.list, async () => {
      await expectTagList(registry, repository);
    });
    leaf('referrers', api.referrer, async () => {
      await expectReferrersList(registry, repository, unknownDigest());
    });
  });

  describe.runIf(api.push)('sha256 blobs', () => describeBlobs('sha256'));
  describe.runIf(api.push && data.sha512)('sha512 blobs', () => describeBlobs('sha512'));

  function describeBlobs(algorithm: Algorithm): void {
    /** Size of the blobs that go in three chunks; grows with the registry's minimum. */
    let multiChunkSize = MIN_CHUNK * 3 - 5;
    const pushOf = (bytes: Buffer, other: Partial<BlobPush> = {}): BlobPush => ({
      client: registry.client,
      repository,
      digest: digestOf(bytes, algorithm),
      bytes,
      requireDigestHeader: api.blobs.digestHeader,
      ...other,
    });

    leaf('get-missing', api.pull, async () => {
      const target = blobPath(repository, unknownDigest(algorithm));
      expectStatus(await get(registry.client, target), 404);
    });

    function branch(name: string, steps: Branch): void {
      describe(name, () => {
        let bytes: Buffer;
        let digest: string;
        let pushed = steps.read === 'always';
        beforeAll(() => {
          bytes = steps.bytes?.() ?? randomBytes(512);
          digest = digestOf(bytes, algorithm);
        });
        if (steps.elsewhereFirst) {
          leaf('blob-post-put', true, () =>
            pushPostPut(pushOf(bytes, { repository: otherRepository })),
          );
        }
        leaf(steps.push, steps.enabled ?? true, async (context) => {
          await steps.run(pushOf(bytes), context);
          pushed = true;
        });
        if (steps.read !== 'never') {
          leaf('blob-head', api.pull, async (context) => {
            if (!pushed) context.skip('the blob was not pushed');
            await expectBlobHead(registry, repository, { digest, bytes });
          });
          leaf('blob-get', api.pull, async (context) => {
            if (!pushed) context.skip('the blob was not pushed');
            await expectBlobGet(registry, repository, { digest, bytes });
          });
        }
        const places = steps.elsewhereFirst ? [repository, otherRepository] : [repository];
        for (const place of places) {
          leaf('blob-delete', api.blobs.delete, (context) =>
            expectBlobDeleted(context, registry, place, digest),
          );
        }
      });
    }

    branch('post only', {
      push: 'blob-post-only',
      run: async (push, context) => {
        const result = await pushPostOnly(push);
        if (result === 'fallback') unsupported(context, 'POST takes no content');
      },
    });
    branch('post+put', { push: 'blob-post-put', run: pushPostPut });
    branch('chunked single', {
      push: 'blob-patch-chunked',
      run: async (push) => {
        const { minimum } = await pushChunked(push);
        multiChunkSize = minimum * 3 - 5;
      },
    });
    branch('stream', { push: 'blob-patch-stream', run: pushStream });
    branch('mount', {
      push: 'blob-mount',
      elsewhereFirst: true,
      run: async (push, context) => {
        const result = await pushMount(push, otherRepository);
        if (result === 'fallback') unsupported(context, 'blobs are not mounted');
      },
    });
    branch('mount anonymous', {
      push: 'blob-mount-anonymous',
      enabled: api.blobs.mountAnonymous,
      elsewhereFirst: true,
      run: async (push, context) => {
        const result = await pushMount(push);
        if (result === 'fallback') unsupported(context, 'no mount without a source repository');
      },
    });
    branch('mount missing', {
      push: 'blob-mount',
      run: async (push) => {
        const result = await pushMount(push, otherRepository);
        expect(result, 'mount of a blob that was never pushed').toBe('fallback');
      },
    });
    branch('post cancel', {
      push: 'blob-post-cancel',
      enabled: api.blobs.uploadCancel,
      read: 'never',
      run: () => cancelUpload(registry.client, repository),
    });
    const chunked: [string, ChunkedOptions][] = [
      ['chunked multi', {}],
      ['chunked multi and put chunk', { putLast: true }],
      ['chunked out-of-order', { outOfOrder: true }],
      ['chunked out-of-order and put chunk', { putLast: true, outOfOrder: true }],
    ];
    for (const [name, options] of chunked) {
      branch(name, {
        push: 'blob-patch-chunked',
        bytes: () => randomBytes(multiChunkSize),
        run: (push) => pushChunked(push, options),
      });
    }

    describe('range requests', () => {
      const bytes = randomBytes(2048);
      const digest = digestOf(bytes, algorithm);
      let pushed = false;
      leaf('blob-post-put', api.pull, async () => {
        await pushPostPut(pushOf(bytes));
        pushed = true;
      });
      for (const [name, start, end] of RANGES) {
        leaf(`range ${name}`, api.pull, async (context) => {
          if (!pushed) context.skip('the blob was not pushed');
          const target = blobPath(repository, digest);
          const response = await get(registry.client, target, { range: `bytes=${name}` });
          if (response.status === 200) {
            expectBody(response, bytes);
            unsupported(context, 'the range was ignored');
          }
          if (start === undefined || end === undefined) {
            expectStatus(response, 416);
            return;
          }
          expectStatus(response, 206);
          expectBody(response, bytes.subarray(start, end));
          expectHeader(response, 'content-length', String(end - start));
          const total = response.get('content-range')?.endsWith('/*') ? '*' : bytes.length;
          expectHeader(response, 'content-range', `bytes ${start}-${end - 1}/${total}`);
        });
      }
      leaf('blob-delete', api.blobs.delete, async (context) => {
        if (!pushed) context.skip('the blob was not pushed');
        await expectBlobDeleted(context, registry, repository, digest);
      });
    });

    const wellKnown: [name: string, text: string][] = [['emptyJSON', '{}']];
    if (data.emptyBlob) wellKnown.unshift(['empty', '']);
    for (const [name, text] of wellKnown) {
      const bytes = (): Buffer => Buffer.from(text);
      branch(name, { push: 'blob-post-put', bytes, read: 'always', run: pushPostPut });
    }

    const badDigests: [name: string, leaf: string, run: (push: BlobPush) => Promise<unknown>][] = [
      ['post only', 'blob-post-only', pushPostOnly],
      ['post+put', 'blob-post-put', pushPostPut],
      ['chunked', 'blob-patch-chunked', pushChunked],
      ['chunked and put chunk', 'blob-patch-chunked', (one) => pushChunked(one, { putLast: true })],
      ['stream', 'blob-patch-stream', pushStream],
    ];
    for (const [name, leafName, run] of badDigests) {
      describe(`bad digest ${name}`, () => {
        leaf(leafName, true, async (context) => {
          const bytes = randomBytes(multiChunkSize);
          const corrupted = Buffer.concat([bytes, Buffer.from('changed')]);
          const digest = digestOf(bytes, algorithm);
          const result = await run(pushOf(corrupted, { digest, badDigest: true }));
          if (result === 'fallback') unsupported(context, 'POST takes no content');
        });
      });
    }
  }
});
