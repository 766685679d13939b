/**
 * Images by way of manifests: from a name to its manifest or index, from an index to its images, from
 * an image to its configuration. Where the bytes come from is for others to say.
 */
import { algorithmOf, type Digest, digestOf, isDigest } from '../../oci/digest.ts';
import { isPlatform, type Platform } from '../../oci/image.ts';
import { SourceError } from './errors.ts';
import { type ImageConfig, MAX_CONFIG, readImageConfig } from './image-config.ts';
import { MAX_MANIFEST, type Manifest, readManifest } from './image-manifest.ts';
import { joinImageName } from './image-name.ts';
import type { SourceImage, SourceItem } from './types.ts';

/** Indexes in indexes. */
const MAX_DEPTH = 8;

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
      yield leftOut(name, `it has no image for ${platform}`);
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
      for (const child of content.manifests) {
        if (!child.isAttestation) yield* this.#follow({ ...manifest, ...child }, depth + 1, signal);
      }
    } else if (content.kind === 'artifact') {
      this.#artifacts++;
    } else {
      yield* this.#image(manifest, content, { what, signal });
    }
  }

  async *#image(
    manifest: NamedManifest,
    { layers, config: { digest: configDigest } }: Extract<Manifest, { kind: 'image' }>,
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
      layers: layers.map(({ digest: id, size, mediaType }, i) => ({
        id,
        digest: id,
        size,
        mediaType,
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

function leftOut(what: string, reason: string): SourceItem {
  return { kind: 'problem', problem: { what, reason, isLeftOut: true } };
}

/** What is said of artifacts that were left out; nothing when there were none. */
export function artifactProblem(what: string, count: number): SourceItem[] {
  if (count === 0) return [];
  const subject =
    count === 1 ? '1 manifest describes no image' : `${count} manifests describe no images`;
  return [leftOut(what, `${subject}, but artifacts such as signatures: left out`)];
}
