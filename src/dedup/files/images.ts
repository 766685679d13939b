/** Finds the layers of an image, and lends their files. */
import type { Digest } from '../../oci/digest.ts';
import { isDigest } from '../../oci/digest.ts';
import {
  type ImageParts,
  isPlatform,
  type LayerReference,
  readImageParts,
} from '../../oci/image.ts';
import { readContent } from '../../storage/content.ts';
import type { StoreContext } from '../../storage/context.ts';
import { findManifest, findTag } from '../../storage/manifests.ts';
import { keys } from '../../storage/metadata/keys.ts';
import type { FileStore } from './file-store.ts';
import { ImageView } from './image-view.ts';
import { FilesError, type LayerFiles } from './layer-files.ts';

/** Layers of an image whose files are looked at; engines take a quarter of it. */
const MAX_LAYERS = 512;
/** Indexes in indexes. */
const MAX_DEPTH = 4;

/** Why no image is found. */
export type ImageRefusal =
  | 'manifest-unknown'
  | 'platform-unknown'
  | 'layer-unknown'
  | 'too-many-layers';

const MESSAGES: Readonly<Record<ImageRefusal, string>> = {
  'manifest-unknown': 'there is no such tag or manifest',
  'platform-unknown': 'the index has no image for the platform',
  'layer-unknown': 'the image has no such layer',
  'too-many-layers': `the image has more than ${MAX_LAYERS} layers`,
};

/** An image that is not there. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly reason: ImageRefusal;

  constructor(reason: ImageRefusal) {
    super(MESSAGES[reason]);
    this.reason = reason;
  }
}

/** Which image is meant. */
export interface ImageReference {
  readonly repository: string;
  /** A tag or a digest. */
  readonly reference: string;
  /** Of an index: which of its images, `os/architecture[/variant]`. Default: the first one. */
  readonly platform?: string | undefined;
}

/** An image that was found. */
export interface FoundImage {
  /** Digest of its manifest, not of an index. */
  readonly manifest: Digest;
  /** The lowest one first. */
  readonly layers: readonly LayerReference[];
}

async function readParts(
  store: StoreContext,
  repository: string,
  digest: Digest,
): Promise<ImageParts> {
  const manifest = findManifest(store, repository, digest);
  const bytes = manifest && (await readContent(store, manifest.content));
  if (manifest === undefined || bytes === undefined) throw new ImageError('manifest-unknown');
  return readImageParts(bytes, manifest.record.mediaType);
}

/**
 * Finds an image.
 * @throws ImageError, ContentDamagedError
 */
async function findImage(
  store: StoreContext,
  { repository, reference, platform }: ImageReference,
): Promise<FoundImage> {
  let digest = isDigest(reference) ? reference : findTag(store, repository, reference)?.digest;
  for (let depth = 0; digest !== undefined && depth < MAX_DEPTH; depth++) {
    const parts = await readParts(store, repository, digest);
    if (parts.kind === 'image') return { manifest: digest, layers: parts.layers };
    const there = parts.manifests.filter((child) =>
      store.kv.has(keys.manifest(repository, child.digest)),
    );
    // What builders attest of an image is listed beside it, for a platform that is unknown.
    const wanted =
      platform === undefined
        ? (there.find((child) => child.platform?.os !== 'unknown') ?? there[0])
        : there.find((child) => isPlatform(child.platform, platform));
    if (wanted === undefined) throw new ImageError('platform-unknown');
    digest = wanted.digest;
  }
  throw new ImageError('manifest-unknown');
}

/** An image whose files are lent. */
export interface LentImage {
  readonly image: FoundImage;
  /** Its layers, or only the one that was asked for. */
  readonly view: ImageView;
  release(): void;
}

/**
 * Lends the files of an image.
 * @param layer - digest of the only layer that is wanted
 * @throws ImageError, FilesError, LayerDamagedError, ContentDamagedError, the signal's reason
 */
export async function openImage(
  { store, files }: { readonly store: StoreContext; readonly files: FileStore },
  wanted: ImageReference & { readonly layer?: Digest | undefined },
  signal: AbortSignal,
): Promise<LentImage> {
  const image = await findImage(store, wanted);
  const { layer, repository } = wanted;
  const digests = image.layers.map(({ digest }) => digest);
  if (layer !== undefined && !digests.includes(layer)) throw new ImageError('layer-unknown');
  if (digests.length > MAX_LAYERS) throw new ImageError('too-many-layers');
  const lent: LayerFiles[] = [];
  const release = (): void => {
    for (const layerFiles of lent.splice(0)) layerFiles.release();
  };
  try {
    for (const digest of layer === undefined ? digests : [layer]) {
      // A manifest makes nothing readable that was not pushed to its repository.
      if (!store.kv.has(keys.link(repository, digest))) {
        throw new FilesError('layer-missing', digest);
      }
      lent.push(await files.open(digest, signal));
    }
    return { image, view: new ImageView([...lent]), release };
  } catch (error) {
    release();
    throw error;
  }
}
