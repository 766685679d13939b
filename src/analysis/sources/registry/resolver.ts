/** From a tag to the images behind it: indexes, manifests, configurations. */
import { LRUCache } from 'lru-cache';
import { algorithmOf, type Digest, digestOf, isDigest } from '../../../oci/digest.ts';
import { isPlatform, type Platform } from '../../../oci/image.ts';
import type { Descriptor } from '../../../oci/manifest.ts';
import { SourceError } from '../errors.ts';
import { type ImageConfig, MAX_CONFIG, readImageConfig } from '../image-config.ts';
import {
  ACCEPT_MANIFESTS,
  MAX_MANIFEST,
  type Manifest,
  type ManifestLayer,
  readManifest,
  refuseSchema1,
} from '../image-manifest.ts';
import type { SourceImage, SourceLayer, SourceProblem } from '../types.ts';
import type { RegistryClient, RegistryRequest } from './client.ts';
import { isLimit, RefusedError, UnreachableError } from './errors.ts';
import type { WholeAnswer } from './exchange.ts';
import { CHECK_NAMES } from './hints.ts';
import { pullScope } from './names.ts';

/** Manifests that are kept, so that one that several tags or repositories have is asked for once. */
const MAX_KEPT = 2000;
/** Indexes inside of one another; in the wild there is one. */
const MAX_DEPTH = 4;
/** Manifests behind one tag. */
const MAX_MANIFESTS = 1000;

/** What was found behind a tag. */
export interface Resolution {
  readonly images: readonly SourceImage[];
  readonly problems: readonly SourceProblem[];
  /** Manifests that are no images. */
  readonly artifacts: number;
  /** What helps against the problem that ended the search. */
  readonly hint: string | undefined;
}

/** Finds the images behind tags. */
export interface Resolver {
  /**
   * Looks a tag up. What is wrong with it is told among the problems.
   * @throws UnreachableError, RateLimitError, BudgetError, and the signal's reason
   */
  resolve(repository: string, tag: string, signal: AbortSignal): Promise<Resolution>;
}

/** A manifest, with its configuration when it is an image. */
interface Known {
  readonly digest: Digest;
  readonly manifest: Manifest;
}

/** The walk behind one tag. */
interface Walk {
  readonly repository: string;
  readonly tag: string;
  readonly signal: AbortSignal;
  readonly seen: Set<string>;
  readonly images: SourceImage[];
  readonly problems: SourceProblem[];
  artifacts: number;
  /** Images that are for other platforms. */
  others: number;
}

/** True for errors that end more than the one thing that was asked for. */
function isFatal(error: unknown, signal: AbortSignal): boolean {
  return (
    signal.aborted ||
    isLimit(error) ||
    error instanceof UnreachableError ||
    !(error instanceof SourceError)
  );
}

function verify(bytes: Buffer, digest: Digest, what: string): void {
  const found = digestOf(bytes, algorithmOf(digest));
  if (found !== digest) throw new SourceError(`the ${what} has the digest ${found}, not ${digest}`);
}

function toLayers(layers: readonly ManifestLayer[], config: ImageConfig): SourceLayer[] {
  const diffIds = config.diffIds.length === layers.length ? config.diffIds : [];
  return layers.map(({ digest, size, mediaType }, i) => ({
    id: digest,
    digest,
    diffId: diffIds[i],
    size,
    mediaType,
  }));
}

const UNKNOWN_CONFIG: ImageConfig = { platform: undefined, created: undefined, diffIds: [] };

/**
 * Creates a resolver.
 * @param platform - `os/architecture` or `os/architecture/variant`; undefined takes all
 */
export function createResolver(client: RegistryClient, platform: string | undefined): Resolver {
  const manifests = new LRUCache<Digest, Promise<Known>>({ max: MAX_KEPT });
  const configs = new LRUCache<Digest, Promise<ImageConfig>>({ max: MAX_KEPT });

  function request(walk: Walk, path: string): Omit<RegistryRequest, 'limit'> {
    const { repository, signal } = walk;
    return {
      url: new URL(`/v2/${repository}/${path}`, client.base),
      scope: pullScope(repository),
      signal,
    };
  }

  /** Asks for a digest once; what failed is asked for again. */
  function once<T extends {}>(
    kept: LRUCache<Digest, Promise<T>>,
    digest: Digest,
    load: () => Promise<T>,
  ): Promise<T> {
    const before = kept.get(digest);
    if (before !== undefined) return before;
    const loading = load();
    kept.set(digest, loading);
    loading.catch(() => kept.delete(digest));
    return loading;
  }

  function head(walk: Walk, reference: string): Promise<WholeAnswer> {
    return client.fetch({
      ...request(walk, `manifests/${reference}`),
      method: 'HEAD',
      headers: { accept: ACCEPT_MANIFESTS },
      limit: 0,
      // Some do not know HEAD.
      passing: [400, 404, 405, 501],
    });
  }

  async function get(walk: Walk, reference: string): Promise<Known> {
    const answer = await client.pull(
      {
        ...request(walk, `manifests/${reference}`),
        headers: { accept: ACCEPT_MANIFESTS },
        limit: MAX_MANIFEST,
      },
      () => head(walk, reference),
    );
    if (answer.status === 404) throw new RefusedError('is not there', 404, CHECK_NAMES);
    const contentType = answer.headers['content-type'] ?? '';
    // The digest of schema 1 is not that of its bytes.
    refuseSchema1(contentType);
    const named = isDigest(reference) ? reference : answer.headers['docker-content-digest'];
    const digest = typeof named === 'string' && isDigest(named) ? named : digestOf(answer.body);
    verify(answer.body, digest, 'manifest');
    return { digest, manifest: readManifest(answer.body, contentType) };
  }

  async function getConfig(walk: Walk, { digest }: Descriptor): Promise<ImageConfig> {
    const answer = await client.fetch({ ...request(walk, `blobs/${digest}`), limit: MAX_CONFIG });
    if (answer.status === 404) throw new SourceError(`its configuration ${digest} is not there`);
    verify(answer.body, digest, 'configuration');
    return readImageConfig(answer.body);
  }

  function problem(walk: Walk, reference: string, error: unknown): void {
    if (isFatal(error, walk.signal)) throw error;
    const { repository, tag } = walk;
    const which = reference === tag ? '' : ` (${reference})`;
    walk.problems.push({
      what: `${repository}:${tag}${which}`,
      reason: (error as SourceError).message,
    });
  }

  /** The digest behind a tag, if the registry tells it; a tag that moves meanwhile does no harm then. */
  async function pin(walk: Walk): Promise<string> {
    const { status, headers } = await head(walk, walk.tag);
    if (status === 404) throw new RefusedError('is not there', 404, CHECK_NAMES);
    refuseSchema1(headers['content-type'] ?? '');
    const digest = headers['docker-content-digest'];
    return typeof digest === 'string' && isDigest(digest) ? digest : walk.tag;
  }

  function load(walk: Walk, reference: string): Promise<Known> {
    return isDigest(reference)
      ? once(manifests, reference, () => get(walk, reference))
      : get(walk, reference);
  }

  /** Layers that live elsewhere by what the manifest says may have been pushed all the same. */
  async function missing(walk: Walk, layers: readonly ManifestLayer[]): Promise<Digest[]> {
    const out: Digest[] = [];
    for (const { digest, isForeign } of layers) {
      if (!isForeign) continue;
      const asked = { ...request(walk, `blobs/${digest}`), method: 'HEAD', limit: 0 } as const;
      if ((await client.fetch(asked)).status === 404) out.push(digest);
    }
    return out;
  }

  async function addImage(
    walk: Walk,
    { digest }: Known,
    { config, layers }: Extract<Manifest, { kind: 'image' }>,
    listed: Platform | undefined,
  ): Promise<void> {
    const elsewhere = await missing(walk, layers);
    if (elsewhere.length > 0) {
      const names = elsewhere.slice(0, 3).join(', ');
      throw new SourceError(`${elsewhere.length} of its layers live elsewhere: ${names}`);
    }
    let known = UNKNOWN_CONFIG;
    try {
      known = await once(configs, config.digest, () => getConfig(walk, config));
    } catch (error) {
      problem(walk, digest, error);
    }
    const its = listed ?? known.platform;
    if (platform !== undefined && !isPlatform(its, platform)) {
      walk.others++;
      return;
    }
    walk.images.push({
      repository: walk.repository,
      tag: walk.tag,
      digest,
      platform: its,
      layers: toLayers(layers, known),
      created: known.created,
      pulls: undefined,
      stars: undefined,
    });
  }

  async function visit(
    walk: Walk,
    reference: string,
    listed: Platform | undefined,
    depth: number,
  ): Promise<void> {
    if (walk.seen.has(reference)) return;
    if (walk.seen.size >= MAX_MANIFESTS) {
      throw new SourceError(`it leads to more than ${MAX_MANIFESTS} manifests`);
    }
    walk.seen.add(reference);
    const known = await load(walk, reference);
    const { manifest } = known;
    if (manifest.kind === 'artifact') {
      walk.artifacts++;
      return;
    }
    if (manifest.kind === 'image') return addImage(walk, known, manifest, listed);
    if (depth >= MAX_DEPTH) throw new SourceError(`indexes lie ${depth} deep in one another`);
    for (const entry of manifest.manifests) {
      if (entry.isAttestation) continue;
      if (platform !== undefined && entry.platform && !isPlatform(entry.platform, platform)) {
        walk.others++;
        continue;
      }
      try {
        await visit(walk, entry.digest, entry.platform, depth + 1);
      } catch (error) {
        problem(walk, entry.digest, error);
      }
    }
  }

  return {
    async resolve(repository, tag, signal) {
      const walk: Walk = {
        repository,
        tag,
        signal,
        seen: new Set(),
        images: [],
        problems: [],
        artifacts: 0,
        others: 0,
      };
      let hint: string | undefined;
      try {
        await visit(walk, await pin(walk), undefined, 0);
        if (walk.others > 0 && walk.images.length === 0 && walk.problems.length === 0) {
          const what = `${repository}:${tag}`;
          walk.problems.push({ what, reason: `has no image for ${platform}`, isLeftOut: true });
        }
      } catch (error) {
        problem(walk, tag, error);
        hint = (error as SourceError).hint;
      }
      const { images, problems, artifacts } = walk;
      return { images, problems, artifacts, hint };
    },
  };
}
