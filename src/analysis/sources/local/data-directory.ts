/** A data directory of Stowage that no server has open. Nothing in it is changed. */
import { realpath } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createTakerThreads } from '../../../dedup/ingest/taker-threads.ts';
import { assembleLayerStore, type LayerStore } from '../../../dedup/layer-store.ts';
import type { DedupPolicy } from '../../../dedup/policy.ts';
import { createRebuildPool } from '../../../dedup/restore/rebuild-pool.ts';
import { giveBackBlock } from '../../../dedup/restore/shared-block.ts';
import type { Digest } from '../../../oci/digest.ts';
import { type Content, contentInMemory, findContent } from '../../../storage/content.ts';
import type { StoreContext } from '../../../storage/context.ts';
import {
  listManifests,
  listRepositories,
  listTagEntries,
  type Page,
  type PageRequest,
} from '../../../storage/listing.ts';
import { DataDirectoryLockedError } from '../../../storage/lock.ts';
import { findManifest } from '../../../storage/manifests.ts';
import { openReadOnlyStore } from '../../../storage/read-only-store.ts';
import type { Store } from '../../../storage/store.ts';
import { readAt } from '../../../storage/target/read.ts';
import { openReadOnlyTarget } from '../../../storage/target/read-only.ts';
import { SourceError } from '../errors.ts';
import {
  artifactProblem,
  ManifestWalk,
  type NamedManifest,
  type WantedBlob,
} from '../manifests.ts';
import type { ImageSource, SourceItem } from '../types.ts';
import { NO_PULLS } from '../unknown.ts';
import { ImageChoice, type ImageSelection } from './image-choice.ts';

/** Bytes read at a time. */
const PIECE = 256 * 1024;
/** Entries of a list that are taken at once. */
const PAGE = 1000;

/** Nothing is taken apart. */
const LEFT_ALONE: DedupPolicy = {
  minSize: 0,
  minAge: 0,
  intactBudget: 0,
  allows: () => false,
  everywhere: false,
};

/** How a data directory is read. */
export interface DataDirectoryOptions extends ImageSelection {
  /** `os/architecture[/variant]`; default: all. */
  readonly platform?: string | undefined;
  /** Images that no tag leads to as well, until the collector takes them. Default false. */
  readonly untagged?: boolean | undefined;
}

/** All entries of a list. */
function* all<T>(list: (request: PageRequest) => Page<T>, nameOf: (item: T) => string) {
  let last: string | undefined;
  for (;;) {
    const { items, more } = list({ limit: PAGE, last });
    yield* items;
    if (!more) return;
    last = nameOf(items.at(-1)!);
  }
}

/**
 * The bytes of content that is there as it was pushed. Not by the store's own functions, which note
 * what they find damaged.
 * @throws SourceError, errors of the file system, the signal's reason
 */
async function* readIntact(
  store: StoreContext,
  content: Content,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const ready = contentInMemory(store, content);
  if (ready !== undefined) {
    yield new Uint8Array(ready);
    return;
  }
  const { digest, size, record } = content;
  if (record.file === undefined) throw new SourceError(`the bytes of ${digest} are missing`);
  const reader = await store.target.open(record.file);
  try {
    for (let position = 0; position < size; ) {
      signal.throwIfAborted();
      const buffer = new Uint8Array(Math.min(PIECE, size - position));
      const bytes = await readAt(reader, buffer, position);
      if (bytes === 0) throw new SourceError(`the file of ${digest} is short`);
      yield bytes === buffer.length ? buffer : buffer.slice(0, bytes);
      position += bytes;
    }
  } finally {
    reader.release();
  }
}

/** Lets a list go by. */
async function pass(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

/** Opens the layers of a store that is read. */
async function openLayers(store: Store, folder: string): Promise<LayerStore> {
  const threads = availableParallelism();
  return await assembleLayerStore(
    store,
    {
      openTarget: async () => openReadOnlyTarget(join(folder, 'segments')),
      rebuilders: createRebuildPool(threads),
      takers: createTakerThreads(threads),
    },
    { policy: LEFT_ALONE, background: false },
  );
}

interface Opened {
  readonly store: Store;
  readonly layers: LayerStore;
}

async function openBoth(folder: string): Promise<Opened> {
  const store = await openReadOnlyStore(folder);
  try {
    return { store, layers: await openLayers(store, folder) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** What is open, by folder: its lock is the process's, and two images of it may be compared. */
const shared = new Map<string, { readonly opened: Promise<Opened>; users: number }>();

/** Opens a directory, or takes part in what is open. */
async function takePart(folder: string): Promise<Opened & { leave(): Promise<void> }> {
  const key = await realpath(folder);
  const entry = shared.get(key) ?? { opened: openBoth(folder), users: 0 };
  shared.set(key, entry);
  entry.users++;
  const isLast = (): boolean => --entry.users === 0 && shared.delete(key);
  const { store, layers } = await entry.opened.catch((error: unknown) => {
    isLast();
    throw error;
  });
  return {
    store,
    layers,
    async leave() {
      if (!isLast()) return;
      await layers.close();
      await store.close();
    },
  };
}

/**
 * Makes a source of a data directory, which is locked until the source is closed.
 * @throws SourceError while a server has it, or when it cannot be opened
 */
export async function openDataDirectory(
  folder: string,
  { platform, untagged = false, ...selection }: DataDirectoryOptions = {},
): Promise<ImageSource> {
  const { store, layers, leave } = await takePart(folder).catch((error: Error) => {
    const hint =
      error instanceof DataDirectoryLockedError
        ? ': stop the server, or analyse it by its address as a registry'
        : '';
    throw new SourceError(`${error.message}${hint}`, { cause: error });
  });
  const { context } = store;

  function requireContent(digest: Digest): Content {
    const content = findContent(context, digest);
    if (content === undefined)
      throw new SourceError(`there is no blob ${digest}, or it is damaged`);
    return content;
  }

  async function* contentOf(
    content: Content,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void> {
    if (content.record.recipe !== true) {
      yield* readIntact(context, content, signal);
      return;
    }
    const range = { start: 0, end: content.size };
    for await (const block of layers.restore(content.digest, { range, signal })) {
      // Others may have the block as well; whoever gets this may keep it, or hand it on.
      const own = new Uint8Array(block);
      giveBackBlock(block);
      yield own;
    }
  }

  async function read({ repository, digest, kind, maxSize }: WantedBlob, signal: AbortSignal) {
    const content =
      kind === 'manifest'
        ? findManifest(context, repository, digest)?.content
        : requireContent(digest);
    if (content === undefined) throw new SourceError('the repository has no such manifest');
    if (content.size > maxSize) {
      throw new SourceError(
        `the ${kind} has ${content.size} bytes; more than ${maxSize} are not read`,
      );
    }
    const pieces: Uint8Array[] = [];
    for await (const piece of contentOf(content, signal)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Manifests of a repository: those with tags first, then, where they are wanted, all others. */
  function* manifestsOf(repository: string) {
    const common = { repository, mediaType: '', platform: undefined };
    const tags = (request: PageRequest) => listTagEntries(context, repository, request);
    for (const { tag, digest } of all(tags, (entry) => entry.tag)) yield { ...common, tag, digest };
    if (!untagged) return;
    const digests = (request: PageRequest) => listManifests(context, repository, request);
    for (const digest of all(digests, (name) => name)) yield { ...common, tag: undefined, digest };
  }

  async function* items(signal: AbortSignal): AsyncGenerator<SourceItem, void> {
    const walk = new ManifestWalk({ platform, read });
    const repositories = (request: PageRequest) => listRepositories(context, request);
    const choice = new ImageChoice(selection);
    for (const repository of all(repositories, (name) => name)) {
      const passedOver: NamedManifest[] = [];
      for (const manifest of manifestsOf(repository)) {
        if (!choice.takesName(manifest)) {
          if (manifest.tag !== undefined) passedOver.push(manifest);
          continue;
        }
        // What a tag leads to is not untagged, even if the tag was not chosen.
        if (manifest.tag === undefined) {
          for (const tagged of passedOver.splice(0)) await pass(walk.images(tagged, signal));
        }
        for await (const item of walk.images(manifest, signal)) {
          if (choice.takesItem(item, manifest.digest)) yield item;
        }
      }
    }
    yield* choice.problems(folder);
    yield* artifactProblem(folder, walk.artifacts);
  }

  return {
    kind: 'stowage',
    title: `Stowage data directory ${folder}`,
    unknown: new Map([NO_PULLS]),
    items,
    async *openLayer({ digest }, signal) {
      try {
        yield* contentOf(requireContent(digest ?? ''), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SourceError) throw error;
        throw new SourceError((error as Error).message, { cause: error });
      }
    },
    close: leave,
  };
}
