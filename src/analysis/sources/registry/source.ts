/** A registry, or a Stowage that serves, as a source of images. */
import { compileGlob } from '../../../lib/glob.ts';
import { isRepositoryName } from '../../../oci/name.ts';
import { SourceError } from '../errors.ts';
import type { ImageSource, SourceItem } from '../types.ts';
import { type ClientOptions, createRegistryClient, type RegistryClient } from './client.ts';
import type { FoundCredentials } from './credentials.ts';
import { isLimit, UnreachableError } from './errors.ts';
import { isLoopbackHost } from './exchange.ts';
import { inOrder } from './in-order.ts';
import { createLayers } from './layers.ts';
import { listRepositories, selectTags, type TagSelection } from './names.ts';
import { createResolver, type Resolution } from './resolver.ts';

/** Tags that are looked up at the same time. */
const WIDTH = 4;
/** So many in a row that cannot be reached mean that the registry is gone. */
const GONE = 10;

/** Which images of which registry. */
export interface RegistrySourceOptions extends Omit<ClientOptions, 'url' | keyof FoundCredentials> {
  /** `host[:port]`, or a URL; without a scheme HTTPS, and HTTP on this machine or with `plainHttp`. */
  readonly registry: string;
  /** A Stowage is a registry like any other, and does not say that it is one. Default `registry`. */
  readonly kind?: 'registry' | 'stowage' | undefined;
  /** Default: none. */
  readonly login?: FoundCredentials | undefined;
  /** Names, or globs over the catalogue. Default: the whole catalogue. */
  readonly repositories?: readonly string[] | undefined;
  readonly tags?: TagSelection | undefined;
  /** `os/architecture[/variant]`. Default: all. */
  readonly platform?: string | undefined;
}

/** A tag to look up, or what became of one. */
interface Job {
  readonly repository: string;
  readonly tag: string;
}

type Outcome =
  | { readonly kind: 'resolved'; readonly job: Job; readonly resolution: Resolution }
  | { readonly kind: 'failed'; readonly what: string; readonly error: SourceError };

/**
 * Makes a URL of what a user writes for a registry.
 * @throws SourceError when it is none, or not to be reached without `plainHttp`
 */
export function registryUrl(text: string, plainHttp: boolean): URL {
  const hasScheme = /^https?:\/\//.test(text);
  const host = URL.parse(hasScheme ? text : `http://${text}`);
  if (host === null || host.username !== '' || host.search !== '' || host.pathname !== '/') {
    throw new SourceError(`${text} is no registry; it looks like 127.0.0.1:5000`);
  }
  if (hasScheme) return host;
  return isLoopbackHost(host.hostname) || plainHttp ? host : new URL(`https://${text}`);
}

/** True for what keeps one thing from being had; false for what ends the list. */
function isProblem(error: unknown, signal: AbortSignal): error is SourceError {
  return error instanceof SourceError && !isLimit(error) && !signal.aborted;
}

async function* selectRepositories(
  client: RegistryClient,
  wanted: readonly string[] | undefined,
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const patterns = wanted ?? ['**'];
  if (!patterns.some((pattern) => pattern.includes('*'))) {
    yield* new Set(patterns);
    return;
  }
  const globs = patterns.map(compileGlob);
  for await (const name of listRepositories(client, signal)) {
    if (globs.some((matches) => matches(name))) yield name;
  }
}

/**
 * Creates the source; nothing is sent before the first item is asked for.
 * @throws SourceError when the options contradict themselves
 */
export function createRegistrySource(options: RegistrySourceOptions): ImageSource {
  const { kind = 'registry', registry, plainHttp, patience, budget, login, platform } = options;
  const url = registryUrl(registry, plainHttp);
  for (const name of options.repositories ?? []) {
    if (!name.includes('*') && !isRepositoryName(name)) {
      throw new SourceError(`${name} is no name of a repository`);
    }
  }
  const { credentials, note } = login ?? { credentials: undefined, note: undefined };
  const client = createRegistryClient({ url, plainHttp, patience, budget, credentials, note });
  const resolver = createResolver(client, platform);
  const layers = createLayers(client);
  const title = `${kind} ${url.origin}`;

  async function* jobs(signal: AbortSignal): AsyncGenerator<Job | Outcome, void, void> {
    for await (const repository of selectRepositories(client, options.repositories, signal)) {
      try {
        for await (const tag of selectTags(client, repository, options.tags ?? {}, signal)) {
          yield { repository, tag };
        }
      } catch (error) {
        if (!isProblem(error, signal)) throw error;
        yield { kind: 'failed', what: repository, error };
      }
    }
  }

  async function work(job: Job | Outcome, signal: AbortSignal): Promise<Outcome> {
    if ('kind' in job) return job;
    const { repository, tag } = job;
    try {
      return { kind: 'resolved', job, resolution: await resolver.resolve(repository, tag, signal) };
    } catch (error) {
      if (!isProblem(error, signal)) throw error;
      return { kind: 'failed', what: `${repository}:${tag}`, error };
    }
  }

  async function* list(signal: AbortSignal): AsyncGenerator<SourceItem, void, void> {
    let repository: string | undefined;
    let yielded = new Set<string>();
    let unreachable = 0;
    let artifacts = 0;
    for await (const outcome of inOrder(jobs(signal), WIDTH, work, signal)) {
      if (outcome.kind === 'failed') {
        const { what, error } = outcome;
        unreachable = error instanceof UnreachableError ? unreachable + 1 : 0;
        if (unreachable >= GONE) throw error;
        yield { kind: 'problem', problem: { what, reason: error.message }, hint: error.hint };
        continue;
      }
      unreachable = 0;
      const { job, resolution } = outcome;
      if (job.repository !== repository) yielded = new Set();
      repository = job.repository;
      artifacts += resolution.artifacts;
      const { hint } = resolution;
      for (const problem of resolution.problems) yield { kind: 'problem', problem, hint };
      for (const image of resolution.images) {
        if (yielded.has(image.digest)) continue;
        yielded.add(image.digest);
        layers.remember(image);
        yield { kind: 'image', image };
      }
    }
    if (artifacts > 0) {
      const reason = `${artifacts} manifests are no images (signatures, charts and the like); left out`;
      yield { kind: 'problem', problem: { what: title, reason, isLeftOut: true } };
    }
  }

  return {
    kind,
    title,
    unknown: new Map([['pull-counts', 'registries do not count pulls']]),
    async *items(signal) {
      try {
        yield* list(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof SourceError && isLimit(error))) throw error;
        yield {
          kind: 'problem',
          problem: { what: title, reason: `${error.message}; the rest is left out` },
        };
      }
    },
    openLayer: (layer, signal) => layers.open(layer, signal),
    async close() {
      client.close();
    },
  };
}
