/**
 * A sample of Docker Hub as a source of images. The frame are the names that a search lists; names are
 * drawn from it by a seed; of each the wanted tags are looked up. Nothing else would be honest: there
 * is no list of all names, and pulls are limited.
 */
import { join } from 'node:path';
import { SourceError } from '../errors.ts';
import { type Budget, createRegistryClient } from '../registry/client.ts';
import type { FoundCredentials } from '../registry/credentials.ts';
import { isLimit, UnreachableError } from '../registry/errors.ts';
import { inOrder } from '../registry/in-order.ts';
import { createLayers } from '../registry/layers.ts';
import { selectTags, type TagSelection } from '../registry/names.ts';
import type { Patience } from '../registry/patience.ts';
import { createResolver } from '../registry/resolver.ts';
import type { ImageSource, SourceImage, SourceItem } from '../types.ts';
import { type NameEntry, openCrawl, type SampleEntry } from './crawl-journal.ts';
import { fetchListingPage, type ListedName, type ListingPage } from './listing.ts';
import { drawSample, type SampleOptions, type Stratum } from './sample.ts';

/** Addresses of Docker Hub. */
const HUB = 'https://hub.docker.com';
const REGISTRY = 'https://registry-1.docker.io';
/** Results of a page; the search gives no more. */
const PAGE_SIZE = 100;
const MAX_PAGES = 100;
/** Names that are looked up at the same time; their pulls go one by one. */
const WIDTH = 4;
/** So many in a row that cannot be reached mean that Docker Hub, or the network, is gone. */
const GONE = 10;
const GONE_PAGES = 3;

/** Which sample, and how to get it. */
export interface DockerHubOptions {
  /** Folder that exists and is this crawl's alone; the journal is `docker-hub.ndjson` in it. */
  readonly folder: string;
  /** What to search for. */
  readonly query: string;
  readonly sample: SampleOptions;
  /** Pages of the listing at most. Default 100. */
  readonly maxPages?: number | undefined;
  /** Results of a page. Default 100. */
  readonly pageSize?: number | undefined;
  /** Default: `latest`. */
  readonly tags?: TagSelection | undefined;
  /** Default `linux/amd64`: each platform is a pull of its own. */
  readonly platform?: string | undefined;
  readonly login?: FoundCredentials | undefined;
  /** Of this run; the next one has its own. */
  readonly budget?: Budget | undefined;
  readonly patience?: Partial<Patience> | undefined;
  /** Of the search. Default: Docker Hub. */
  readonly hubUrl?: string | undefined;
  /** Of the registry. Default: Docker Hub's. */
  readonly registryUrl?: string | undefined;
}

/** The frame and the sample that was drawn from it. */
export interface DockerHubFrame {
  readonly query: string;
  /** When the frame was complete, ISO 8601. */
  readonly at: string;
  readonly pages: number;
  /** Pages that the frame lacks. */
  readonly failedPages: number;
  /** Distinct names. */
  readonly names: number;
  readonly sampled: number;
  readonly seed: number;
  readonly method: SampleOptions['method'];
  readonly strata: readonly Stratum[];
}

/** A sample of Docker Hub. */
export interface DockerHubSource extends ImageSource {
  /** Undefined until the listing is complete; the note tells of it from then on. */
  readonly frame: DockerHubFrame | undefined;
}

type Outcome =
  | { readonly kind: 'done'; readonly entry: NameEntry }
  | { readonly kind: 'unreachable'; readonly name: string; readonly error: UnreachableError }
  | { readonly kind: 'stopped'; readonly error: SourceError };

function toUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null) throw new SourceError(`${text} is no URL`);
  return url;
}

function emptyEntry(name: string, reason: string): NameEntry {
  return { type: 'name', name, images: [], problems: [{ what: name, reason }], artifacts: 0 };
}

/** All names of all pages, each once: the search lists some twice when its order changes meanwhile. */
function frameOf(pages: ReadonlyMap<number, Pick<ListingPage, 'names'>>): ListedName[] {
  const names = new Map<string, ListedName>();
  for (const [, page] of [...pages].sort(([a], [b]) => a - b)) {
    for (const listed of page.names) if (!names.has(listed.name)) names.set(listed.name, listed);
  }
  return [...names.values()];
}

/**
 * Opens the source, and the journal of an earlier run with the same options, which it goes on with.
 * @throws SourceError when the folder holds the journal of another crawl
 * @throws JournalError
 */
export async function openDockerHubSource(options: DockerHubOptions): Promise<DockerHubSource> {
  const { query, sample, maxPages = MAX_PAGES, pageSize = PAGE_SIZE } = options;
  const { tags = { patterns: ['latest'] }, platform = 'linux/amd64', patience, login } = options;
  const hubUrl = toUrl(options.hubUrl ?? HUB);
  const registryUrl = toUrl(options.registryUrl ?? REGISTRY);
  const nobody = { credentials: undefined, note: undefined };
  const common = { plainHttp: false, patience };
  const hub = createRegistryClient({ ...common, ...nobody, url: hubUrl });
  const { budget } = options;
  const registry = createRegistryClient({
    ...common,
    ...(login ?? nobody),
    url: registryUrl,
    budget,
  });
  const crawl = JSON.stringify({
    hub: hubUrl.origin,
    registry: registryUrl.origin,
    query,
    pageSize,
    maxPages,
    ...sample,
    tags: tags.patterns ?? ['*'],
    tagLimit: tags.limit,
    platform,
  });
  const { journal, state } = await openCrawl(join(options.folder, 'docker-hub.ndjson'), crawl);
  const resolver = createResolver(registry, platform);
  const layers = createLayers(registry);

  async function listPages(signal: AbortSignal): Promise<SampleEntry['failedPages']> {
    const failed: { page: number; reason: string }[] = [];
    let inARow = 0;
    for (let page = 1; page <= maxPages; page++) {
      let listing: Pick<ListingPage, 'names' | 'isLast'> | undefined = state.pages.get(page);
      if (listing === undefined) {
        try {
          listing = await fetchListingPage(hub, { query, page, pageSize }, signal);
        } catch (error) {
          if (signal.aborted || !(error instanceof SourceError) || isLimit(error)) throw error;
          if (++inARow >= GONE_PAGES || page === 1) throw error;
          failed.push({ page, reason: error.message });
          continue;
        }
        await journal.append({ type: 'page', page, ...listing, names: [...listing.names] });
        state.pages.set(page, listing);
      }
      inARow = 0;
      if (listing.isLast) break;
    }
    return failed;
  }

  async function completeFrame(signal: AbortSignal): Promise<SampleEntry> {
    if (state.sample !== undefined) return state.sample;
    const failedPages = await listPages(signal);
    const frame = frameOf(state.pages);
    const drawn = drawSample(frame, sample);
    const entry: SampleEntry = {
      type: 'sample',
      at: new Date().toISOString(),
      pages: state.pages.size,
      failedPages,
      frame: frame.length,
      strata: [...drawn.strata],
      names: [...drawn.names],
    };
    await journal.append(entry);
    state.sample = entry;
    state.pages.clear();
    return entry;
  }

  async function lookUp(listed: ListedName, signal: AbortSignal): Promise<NameEntry> {
    const { name, pulls, stars } = listed;
    const images = new Map<string, SourceImage>();
    const problems: NameEntry['problems'] = [];
    let artifacts = 0;
    try {
      for await (const tag of selectTags(registry, name, tags, signal)) {
        const resolution = await resolver.resolve(name, tag, signal);
        for (const image of resolution.images) {
          if (!images.has(image.digest)) images.set(image.digest, { ...image, pulls, stars });
        }
        problems.push(...resolution.problems);
        artifacts += resolution.artifacts;
      }
    } catch (error) {
      const isFinal = error instanceof SourceError && !(error instanceof UnreachableError);
      if (signal.aborted || !isFinal || isLimit(error)) throw error;
      problems.push({ what: name, reason: error.message });
    }
    return { type: 'name', name, images: [...images.values()], problems, artifacts };
  }

  async function work(listed: ListedName, signal: AbortSignal): Promise<Outcome> {
    try {
      return { kind: 'done', entry: await lookUp(listed, signal) };
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof UnreachableError) {
        return { kind: 'unreachable', name: listed.name, error };
      }
      if (error instanceof SourceError && isLimit(error)) return { kind: 'stopped', error };
      throw error;
    }
  }

  function* itemsOf({ name, images, problems, artifacts }: NameEntry): Generator<SourceItem> {
    for (const image of images) {
      layers.remember(image);
      yield { kind: 'image', image };
    }
    for (const problem of problems) yield { kind: 'problem', problem };
    if (artifacts > 0 && images.length === 0) {
      const reason = 'holds no image but an artifact';
      yield { kind: 'problem', problem: { what: name, reason, isLeftOut: true } };
    }
  }

  /** What earlier runs have found; names that come twice would be counted twice. */
  async function* earlier(): AsyncGenerator<SourceItem, void, void> {
    const seen = new Set<string>();
    for await (const entry of journal.entries()) {
      if (entry.type !== 'name' || seen.has(entry.name)) continue;
      seen.add(entry.name);
      yield* itemsOf(entry);
    }
  }

  async function* crawlOn(
    { names }: SampleEntry,
    signal: AbortSignal,
  ): AsyncGenerator<SourceItem, void, void> {
    let stopped: SourceError | undefined;
    async function* open(): AsyncGenerator<ListedName, void, void> {
      for (const listed of names) {
        if (stopped !== undefined) return;
        if (!state.done.has(listed.name)) yield listed;
      }
    }
    /** They may be there when the network is again, so they are only failures at the end. */
    const unreachable = new Map<string, UnreachableError>();
    let inARow = 0;
    for await (const outcome of inOrder(open(), WIDTH, work, signal)) {
      if (outcome.kind === 'stopped') stopped ??= outcome.error;
      else if (outcome.kind === 'unreachable') {
        unreachable.set(outcome.name, outcome.error);
        if (++inARow >= GONE) throw outcome.error;
      } else {
        inARow = 0;
        await journal.append(outcome.entry);
        state.done.add(outcome.entry.name);
        yield* itemsOf(outcome.entry);
      }
    }
    for (const [name, error] of unreachable) {
      const entry = emptyEntry(name, error.message);
      if (stopped === undefined) {
        await journal.append(entry);
        state.done.add(name);
      }
      yield* itemsOf(entry);
    }
    if (stopped === undefined) return;
    const rest = names.length - state.done.size;
    const reason = `${stopped.message}; ${rest} of ${names.length} names are left, run again to go on`;
    yield { kind: 'problem', problem: { what: 'Docker Hub', reason } };
  }

  async function* list(signal: AbortSignal): AsyncGenerator<SourceItem, void, void> {
    let complete: SampleEntry;
    try {
      complete = await completeFrame(signal);
    } catch (error) {
      if (!(error instanceof SourceError && isLimit(error))) throw error;
      const reason = `${error.message}; the listing is not complete, run again to go on`;
      yield { kind: 'problem', problem: { what: 'Docker Hub', reason } };
      return;
    }
    for (const { page, reason } of complete.failedPages) {
      yield { kind: 'problem', problem: { what: `page ${page} of the listing`, reason } };
    }
    yield* earlier();
    yield* crawlOn(complete, signal);
  }

  function readFrame(): DockerHubFrame | undefined {
    const drawn = state.sample;
    if (drawn === undefined) return undefined;
    return {
      query,
      at: drawn.at,
      pages: drawn.pages,
      failedPages: drawn.failedPages.length,
      names: drawn.frame,
      sampled: drawn.names.length,
      seed: sample.seed,
      method: sample.method,
      strata: drawn.strata,
    };
  }

  function note(): string | undefined {
    const frame = readFrame();
    if (frame === undefined) return undefined;
    const lacking = frame.failedPages > 0 ? ` (${frame.failedPages} more could not be had)` : '';
    const how = frame.method === 'by-pulls' ? 'by pull counts' : 'uniform';
    return `${frame.pages} pages${lacking} on ${frame.at.slice(0, 10)}: ${frame.sampled} of ${frame.names} names, ${how}, seed ${frame.seed}`;
  }

  return {
    kind: 'docker-hub',
    // The same in each run that goes on with the crawl: datasets know sources by it.
    title: `Docker Hub, search for ${JSON.stringify(query)}`,
    get note() {
      return note();
    },
    get frame() {
      return readFrame();
    },
    unknown: new Map(),
    items: list,
    openLayer: (layer, signal) => layers.open(layer, signal),
    async close() {
      hub.close();
      registry.close();
      await journal.close();
    },
  };
}
