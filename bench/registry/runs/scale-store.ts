/**
 * A large store made of synthetic metadata, written through the storage layer's own functions but
 * without a server. Layers have no bytes on disk: their records point to files that are not there,
 * which nothing in the scale run reads. Configurations and manifests are whole.
 */
import { hash } from 'node:crypto';
import { parseManifest } from '../../../src/oci/manifest.ts';
import { addLink } from '../../../src/storage/blobs.ts';
import { commit, type StoreContext } from '../../../src/storage/context.ts';
import { putManifest } from '../../../src/storage/manifests.ts';
import { addContent, type ContentSource } from '../../../src/storage/metadata/changes.ts';
import { takeNumbers } from '../../../src/storage/metadata/counters.ts';
import { keys } from '../../../src/storage/metadata/keys.ts';
import { openStore } from '../../../src/storage/store.ts';
import { type Content, MANIFEST_TYPE } from '../load/client.ts';
import { manifestOf, uniqueConfig } from '../load/image.ts';

/** The repository with the most tags. */
export const LARGE_REPOSITORY = 'scale/large';

const LAYER_BYTES = 1024 * 1024;
/** Images written side by side; their transactions share a commit. */
const IMAGES_AT_ONCE = 250;
const DIGEST_LABEL = 'sha256:';

/** How large the store is to be. */
export interface ScalePlan {
  /** Distinct blobs, garbage included. */
  readonly blobs: number;
  /** One for each image. */
  readonly tags: number;
  readonly repositories: number;
  /** Tags of {@link LARGE_REPOSITORY}; the others share the rest evenly. */
  readonly tagsInLarge: number;
  /** Blobs of each image, its configuration included. */
  readonly blobsPerImage: number;
  /** Blobs that no manifest refers to. */
  readonly garbage: number;
}

/** A plan of so many blobs and tags: a tenth of the blobs, or a little more, is garbage. */
export function planStore(blobs: number, tags: number): ScalePlan {
  const blobsPerImage = Math.floor((blobs * 0.9) / tags);
  if (blobsPerImage < 2) throw new Error('a store wants at least three blobs for each tag');
  return {
    blobs,
    tags,
    repositories: Math.max(2, Math.ceil(tags / 20)),
    tagsInLarge: Math.ceil(tags / 5),
    blobsPerImage,
    garbage: blobs - blobsPerImage * tags,
  };
}

/** The tag of an image, so that tags sort in the order of images. */
export function tagOf(image: number): string {
  return `v${String(image).padStart(8, '0')}`;
}

/** The repository of an image. */
function repositoryOf(image: number, plan: ScalePlan): string {
  if (image < plan.tagsInLarge) return LARGE_REPOSITORY;
  return `scale/r${String(image % (plan.repositories - 1)).padStart(6, '0')}`;
}

/** Writes images and garbage; file numbers start at `firstFile`. */
function createWriter(context: StoreContext, firstFile: number) {
  const now = context.clock();
  let nextFile = firstFile;

  const addBlob = async (
    repository: string,
    digest: string,
    source: ContentSource,
  ): Promise<Content> => {
    const size = 'inline' in source ? source.inline.length : source.size;
    await commit(context, (changes) => {
      addContent(changes, digest, source, now);
      addLink(context, changes, repository, { digest, size });
    });
    return { path: '', digest, size };
  };
  const addLayer = (repository: string, name: string): Promise<Content> =>
    addBlob(repository, DIGEST_LABEL + hash('sha256', name, 'hex'), {
      file: nextFile++,
      size: LAYER_BYTES,
    });
  const addImage = async (image: number, plan: ScalePlan): Promise<void> => {
    const repository = repositoryOf(image, plan);
    const inline = uniqueConfig(`scale ${image}`);
    const digest = DIGEST_LABEL + hash('sha256', inline, 'hex');
    const [config, ...layers] = await Promise.all([
      addBlob(repository, digest, { inline }),
      ...Array.from({ length: plan.blobsPerImage - 1 }, (_, layer) =>
        addLayer(repository, `layer ${image} ${layer}`),
      ),
    ]);
    const bytes = manifestOf(config, layers);
    await putManifest(context, {
      repository,
      digest: DIGEST_LABEL + hash('sha256', bytes, 'hex'),
      bytes,
      parsed: parseManifest(bytes, MANIFEST_TYPE),
      tags: [tagOf(image)],
      allowMissing: false,
    });
  };
  return { addLayer, addImage };
}

/** Writes the store into an empty folder. */
export async function writeStore(
  folder: string,
  plan: ScalePlan,
  progress: (text: string) => void,
): Promise<void> {
  const store = await openStore(folder, { collectEvery: 0, scrubPeriod: 0 });
  try {
    const { context } = store;
    const writer = createWriter(
      context,
      await takeNumbers(context.kv, keys.fileCounter, plan.blobs),
    );
    for (let first = 0; first < plan.tags; first += IMAGES_AT_ONCE) {
      const count = Math.min(IMAGES_AT_ONCE, plan.tags - first);
      await Promise.all(Array.from({ length: count }, (_, i) => writer.addImage(first + i, plan)));
      if (first % (IMAGES_AT_ONCE * 40) === 0) progress(`${first} of ${plan.tags} images written`);
    }
    const step = IMAGES_AT_ONCE * plan.blobsPerImage;
    for (let first = 0; first < plan.garbage; first += step) {
      const count = Math.min(step, plan.garbage - first);
      await Promise.all(
        Array.from({ length: count }, (_, i) =>
          writer.addLayer(repositoryOf((first + i) % plan.tags, plan), `garbage ${first + i}`),
        ),
      );
    }
  } finally {
    await store.close();
  }
}
