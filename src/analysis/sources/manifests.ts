/**
 * Images by way of manifests: from a name to its manifest or index, from an index to its images, from
 * an image to its configuration. Where the bytes come from is for others to say.
 */
import { algorithmOf, type Digest, digestOf, isDigest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { isPlatform, type LayerReference, type Platform, readImageParts } from '../../oci/image.ts';
import { OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST } from '../../oci/media-types.ts';
import { SourceError } from './errors.ts';
import { type ImageConfig, MAX_CONFIG, parseObject, readImageConfig } from './image-config.ts';
import { joinImageName } from './image-name.ts';
import type { SourceImage, SourceItem } from './types.ts';

/** Bytes that a manifest may have; clients and registries take as much. */
export const MAX_MANIFEST = 4 * 1024 * 1024;

/** Indexes in indexes. */
const MAX_DEPTH = 8;

/** Configurations of images; anything else has artifacts, such as signatures. */
const IMAGE_CONFIGS: ReadonlySet<unknown> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

/** With this BuildKit marks what it attests of an image; the platform is unknown as well. */
const ATTESTATION = ['vnd.docker.reference.type', 'attestation-manifest'] as const;

/** A manifest under a name. */
export interface NamedManifest {
  /** '' when it has no name. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: Digest;
  /** As the reference says; '' when it does not. The manifest's own word counts more. */
  readonly mediaType: string;
  /** As the reference says. */
  readonly platform: Platform | undefined;
}

/** A blob that is to be read. */
export interface WantedBlob {
  /** Whose it is. */
  readonly repository: string;
  readonly digest: Digest;
  readonly kind: 'manifest' | 'configuration';
  /** Bytes above which it is not to be read. */
  readonly maxSize: number;
}

/** How manifests are followed. */
export interface ManifestOptions {
  /**
   * Reads a manifest or a configuration; the digest is checked by who asks.
   * @throws SourceError, and other errors, each of which counts for this blob only
   */
  readonly read: (wanted: WantedBlob, signal: AbortSignal) => Promise<Uint8Array>;
  /** Which platform is wanted, `os/architecture[/variant]`; undefined: all of them. */
  readonly platform: string | undefined;
}

/** A manifest in an index. */
interface Child {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly platform: Platform | undefined;
  readonly isAttestation: boolean;
}

type Manifest =
  | {
      readonly kind: 'image';
      readonly layers: readonly LayerReference[];
      readonly config: Digest;
      readonly isArtifact: boolean;
    }
  | { readonly kind: 'index'; readonly children: readonly Child[] };

type RawDescriptor = Readonly<Record<string, unknown>>;

function isAttestation({ annotations, platform }: RawDescriptor): boolean {
  const [key, value] = ATTESTATION;
  if ((annotations as RawDescriptor | null | undefined)?.[key] === value) return true;
  const { os, architecture } = (platform ?? {}) as RawDescriptor;
  return os === 'unknown' && architecture === 'unknown';
}

/**
 * Takes a manifest apart.
 * @param mediaType - as the reference to it says; '' when it does not
 * @throws SourceError
 */
function readManifest(bytes: Uint8Array, mediaType: string): Manifest {
  const json = parseObject(bytes, 'the manifest');
  const own = typeof json.mediaType === 'string' ? json.mediaType : '';
  const guess = Array.isArray(json.manifests) ? OCI_IMAGE_INDEX : OCI_IMAGE_MANIFEST;
  try {
    // References lie about types now and then; the word of the manifest is under its digest.
    const parts = readImageParts(bytes, own || mediaType || guess);
    if (parts.kind === 'image') {
      const config = json.config as RawDescriptor;
      return {
        kind: 'image',
        layers: parts.layers,
        config: config.digest as Digest,
        isArtifact: !IMAGE_CONFIGS.has(config.mediaType),
      };
    }
    const raw = (json.manifests ?? []) as readonly RawDescriptor[];
    const children = parts.manifests.map(({ digest, platform }, i) => ({
      digest,
      platform,
      mediaType: typeof raw[i]!.mediaType === 'string' ? raw[i]!.mediaType : '',
      isAttestation: isAttestation(raw[i]!),
    }));
    return { kind: 'index', children };
  } catch (error) {
    if (!(error instanceof OciError)) throw error;
    throw new SourceError(error.message, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Follows manifests, and remembers which ones were seen. */
export class ManifestWalk {
  readonly #options: ManifestOptions;
  /** Of each repository: manifests that were followed. */
  readonly #seen = new Set<string>();
  #artifacts = 0;

  constructor(options: ManifestOptions) {
    this.#options = options;
  }

  /** Manifests so far that describe no images, but signatures and other artifacts. */
  get artifacts(): number {
    return this.#artifacts;
  }

  /**
   * The images that a name leads to. What was yielded for the repository before is not yielded again.
   * @throws the signal's reason; everything else is a problem
   */
  async *images(root: NamedManifest, signal: AbortSignal): AsyncGenerator<SourceItem, void> {
    const name = joinImageName(root) || root.digest;
    const found = { images: 0, others: 0, problems: 0 };
    for await (const item of this.#follow(root, 0, signal)) {
      if (item === 'other') found.others++;
      else {
        if (item.kind === 'image') found.images++;
        else found.problems++;
        yield item;
      }
    }
    const { platform } = this.#options;
    if (found.others > 0 && found.images + found.problems === 0) {
      yield problem(name, `it has no image for ${platform}`);
    }
  }

  /** @yields also `other` for an image of another platform */
  async *#follow(
    manifest: NamedManifest,
    depth: number,
    signal: AbortSignal,
  ): AsyncGenerator<SourceItem | 'other', void> {
    const { repository, digest, platform } = manifest;
    const key = `${repository} ${digest}`;
    if (this.#seen.has(key)) return;
    if (platform !== undefined && !this.#isWanted(platform)) {
      yield 'other';
      return;
    }
    this.#seen.add(key);
    const what = `${joinImageName(manifest) || 'unnamed'}@${digest}`;
    if (depth > MAX_DEPTH) {
      yield problem(what, `there are indexes in indexes more than ${MAX_DEPTH} deep`);
      return;
    }
    let content: Manifest;
    try {
      const wanted = { repository, digest, kind: 'manifest', maxSize: MAX_MANIFEST } as const;
      content = readManifest(await this.#read(wanted, signal), manifest.mediaType);
    } catch (error) {
      signal.throwIfAborted();
      yield problem(what, reasonOf(error));
      return;
    }
    if (content.kind === 'index') {
      for (const child of content.children) {
        if (!child.isAttestation) yield* this.#follow({ ...manifest, ...child }, depth + 1, signal);
      }
    } else if (content.isArtifact) {
      this.#artifacts++;
    } else {
      yield* this.#image(manifest, content, { what, signal });
    }
  }

  async *#image(
    manifest: NamedManifest,
    { layers, config: configDigest }: Extract<Manifest, { kind: 'image' }>,
    { what, signal }: { readonly what: string; readonly signal: AbortSignal },
  ): AsyncGenerator<SourceItem | 'other', void> {
    const { repository, tag, digest } = manifest;
    let config: ImageConfig = { platform: undefined, created: undefined, diffIds: [] };
    try {
      const wanted = { digest: configDigest, kind: 'configuration', maxSize: MAX_CONFIG } as const;
      config = readImageConfig(await this.#read({ repository, ...wanted }, signal));
      if (config.diffIds.length !== layers.length) {
        const counts = `${config.diffIds.length} layers, its manifest ${layers.length}`;
        yield problem(what, `the configuration speaks of ${counts}: they cannot be matched`);
        config = { ...config, diffIds: [] };
      }
    } catch (error) {
      signal.throwIfAborted();
      yield problem(what, reasonOf(error));
    }
    const platform = manifest.platform ?? config.platform;
    if (!this.#isWanted(platform)) {
      yield 'other';
      return;
    }
    const image: SourceImage = {
      repository,
      tag,
      digest,
      platform,
      layers: layers.map((layer, i) => ({
        id: layer.digest,
        ...layer,
        diffId: config.diffIds[i],
      })),
      created: config.created,
      pulls: undefined,
      stars: undefined,
    };
    yield { kind: 'image', image };
  }

  #isWanted(platform: Platform | undefined): boolean {
    const { platform: wanted } = this.#options;
    return wanted === undefined || isPlatform(platform, wanted);
  }

  async #read(wanted: WantedBlob, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    const { kind, digest } = wanted;
    // Before anything is made of it, a path for one.
    if (!isDigest(digest)) throw new SourceError(`the ${kind} has no valid digest`);
    const bytes = await this.#options.read(wanted, signal);
    const actual = digestOf(bytes, algorithmOf(digest));
    if (actual !== digest) {
      throw new SourceError(`the ${kind} ${digest} has other bytes: their digest is ${actual}`);
    }
    return bytes;
  }
}

function problem(what: string, reason: string): SourceItem {
  return { kind: 'problem', problem: { what, reason } };
}

/** What is said of artifacts that were left out; nothing when there were none. */
export function artifactProblem(what: string, count: number): SourceItem[] {
  if (count === 0) return [];
  const subject =
    count === 1 ? '1 manifest describes no image' : `${count} manifests describe no images`;
  return [problem(what, `${subject}, but artifacts such as signatures: left out`)];
}
