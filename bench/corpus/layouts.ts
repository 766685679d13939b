/**
 * A built corpus on the disk: for each repository an OCI image layout
 * (https://github.com/opencontainers/image-spec/blob/main/image-layout.md) in a folder of that name.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Name of the annotation with the tag of an image. */
const REF_NAME = 'org.opencontainers.image.ref.name';

/** A blob that an image refers to. */
export interface BlobReference {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** An image of the corpus. */
export interface CorpusImage {
  /** Repository and tag. */
  readonly name: string;
  readonly repository: string;
  readonly tag: string;
  readonly manifest: BlobReference;
  readonly config: BlobReference;
  /** From the lowest up. */
  readonly layers: readonly BlobReference[];
}

/** Where a corpus lies unless it is said otherwise; outside of the checkout, so that clones share it. */
export function corpusFolder(form: string): string {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(cache, 'stowage-corpus', form);
}

/** Repository and tag of an image's name. */
export function splitName(name: string): readonly [repository: string, tag: string] {
  const at = name.lastIndexOf(':');
  return [name.slice(0, at), name.slice(at + 1)];
}

/** Name of an image for skopeo. */
export function layoutReference(folder: string, name: string): string {
  const [repository, tag] = splitName(name);
  return `oci:${join(folder, repository)}:${tag}`;
}

/** Path of a blob of a repository. */
export function blobPath(folder: string, repository: string, digest: string): string {
  return join(folder, repository, 'blobs', digest.replace(':', '/'));
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8')) as T;
}

interface Index {
  readonly manifests: readonly (BlobReference & {
    readonly annotations?: Readonly<Record<string, string>>;
  })[];
}

type Manifest = Pick<CorpusImage, 'config' | 'layers'>;

async function readRepository(folder: string, repository: string): Promise<CorpusImage[]> {
  const { manifests } = await readJson<Index>(join(folder, repository, 'index.json'));
  return await Promise.all(
    manifests.map(async ({ annotations, mediaType, digest, size }) => {
      const tag = annotations?.[REF_NAME] ?? digest;
      const path = blobPath(folder, repository, digest);
      const { config, layers } = await readJson<Manifest>(path);
      const manifest = { mediaType, digest, size };
      return { name: `${repository}:${tag}`, repository, tag, manifest, config, layers };
    }),
  );
}

/**
 * All images of a corpus, in the order of their names; none where there is no folder.
 * @throws Error for a layout that cannot be read
 */
export async function readCorpus(folder: string): Promise<CorpusImage[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const images: CorpusImage[] = [];
  for (const name of names.sort()) {
    const isLayout = await stat(join(folder, name, 'oci-layout')).then(
      () => true,
      () => false,
    );
    if (isLayout) images.push(...(await readRepository(folder, name)));
  }
  return images.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The layers of images, each once, with the repository of the first image that has it. */
export function distinctLayers(
  images: readonly CorpusImage[],
): (BlobReference & { readonly repository: string })[] {
  const layers = new Map<string, BlobReference & { readonly repository: string }>();
  for (const { repository, layers: own } of images) {
    for (const layer of own) {
      if (!layers.has(layer.digest)) layers.set(layer.digest, { ...layer, repository });
    }
  }
  return [...layers.values()];
}
