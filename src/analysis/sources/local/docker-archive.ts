/**
 * Archives of `docker save` and what other programs write for `docker load`: `manifest.json` names the
 * configuration and the layers of each image ("Docker Image Specification v1.2", "Combined Image JSON").
 * Layers are plain tars as a rule; some programs leave them compressed.
 */
import { z } from 'zod';
import { cleanPath } from '../../../dedup/files/paths.ts';
import { type Digest, digestOf } from '../../../oci/digest.ts';
import { isPlatform } from '../../../oci/image.ts';
import { SourceError } from '../errors.ts';
import { MAX_CONFIG, readImageConfig } from '../image-config.ts';
import { type ImageName, splitImageName } from '../image-name.ts';
import type { Fact, ImageSource, SourceImage, SourceItem, SourceLayer } from '../types.ts';
import { NO_PULLS } from '../unknown.ts';
import { ImageChoice, type ImageSelection } from './image-choice.ts';
import {
  type ImageFiles,
  isCompressed,
  MAGIC_SIZE,
  readHead,
  readLayer,
  readSmallFile,
} from './image-files.ts';

/** Bytes of `manifest.json`: some hundred for each layer of each image. */
const MAX_LIST = 16 * 1024 * 1024;

const PLAIN_LAYERS: readonly [Fact, string] = [
  'compressed-size',
  'the archive holds layers as plain tars: how they were compressed is not known',
];

const entrySchema = z.object({
  Config: z.string(),
  RepoTags: z.array(z.string()).nullish(),
  Layers: z.array(z.string()).nullish(),
  /** Docker 25 and later: descriptors of the layers, by DiffID. */
  LayerSources: z.record(z.string(), z.object({ mediaType: z.string().optional() })).nullish(),
});
type Entry = z.infer<typeof entrySchema>;

/** How an archive is read. */
export interface DockerArchiveOptions extends ImageSelection {
  /** `os/architecture[/variant]`; default: all. */
  readonly platform?: string | undefined;
}

/** Path of a file of the archive as it is looked up. */
function archivePath(name: string): string {
  const path = cleanPath(name);
  if (path === undefined || path === '') {
    throw new SourceError(`${JSON.stringify(name.slice(0, 200))} is no path in the archive`);
  }
  return path;
}

/** The digest that a name holds, as in `<hex>.json`, `blobs/sha256/<hex>`; undefined without one. */
function digestInName(path: string): Digest | undefined {
  const [hex] = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/.exec(path) ?? [];
  return hex && `sha256:${hex}`;
}

/** Names of an image; one without any has the empty one. */
function namesOf(tags: readonly string[]): ImageName[] {
  return tags.length === 0 ? [{ repository: '', tag: undefined }] : tags.map(splitImageName);
}

/** Reads the list of images. */
async function readList(files: ImageFiles, signal: AbortSignal): Promise<readonly unknown[]> {
  const bytes = await readSmallFile(files, 'manifest.json', { maxSize: MAX_LIST, signal });
  let list: unknown;
  try {
    list = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new SourceError('it is no JSON', { cause: error });
  }
  if (!Array.isArray(list)) throw new SourceError('it is no list of images');
  return list;
}

/** What was found in an archive. */
class Contents {
  readonly items: SourceItem[] = [];
  /** Where layers lie, by their id. */
  readonly paths = new Map<string, string>();
  hasPlainLayers = false;
  readonly #files: ImageFiles;
  readonly #choice: ImageChoice;
  readonly #seen = new Set<string>();

  constructor(files: ImageFiles, selection: ImageSelection) {
    this.#files = files;
    this.#choice = new ImageChoice(selection);
  }

  addProblem(what: string, reason: string): void {
    this.items.push({ kind: 'problem', problem: { what, reason } });
  }

  /** Enters an image, once for each of its repositories, if it is wanted. @throws SourceError */
  async add(entry: Entry, platform: string | undefined, signal: AbortSignal): Promise<void> {
    const what = entry.RepoTags?.[0] ?? entry.Config;
    const path = archivePath(entry.Config);
    const names = namesOf(entry.RepoTags ?? []).filter((name) =>
      this.#choice.takesName({ ...name, digest: digestInName(path) }),
    );
    if (names.length === 0) return;
    const bytes = await readSmallFile(this.#files, path, { maxSize: MAX_CONFIG, signal });
    const digest = digestOf(bytes);
    const named = digestInName(path);
    if (named !== undefined && named !== digest) {
      throw new SourceError(`the configuration ${path} has other bytes: their digest is ${digest}`);
    }
    const config = readImageConfig(bytes);
    if (platform !== undefined && !isPlatform(config.platform, platform)) {
      throw new SourceError(`it is not for ${platform}`);
    }
    const paths = entry.Layers ?? [];
    const isMatched = config.diffIds.length === paths.length;
    if (!isMatched) {
      const counts = `${config.diffIds.length} layers, manifest.json ${paths.length}`;
      this.addProblem(what, `the configuration speaks of ${counts}: they cannot be matched`);
    }
    const layers: SourceLayer[] = [];
    for (const [i, layer] of paths.entries()) {
      const diffId = isMatched ? config.diffIds[i] : undefined;
      layers.push(await this.#layer(archivePath(layer), { diffId, entry, signal }));
    }
    for (const { repository, tag } of names) {
      const key = `${repository} ${digest}`;
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      const image: SourceImage = {
        repository,
        tag,
        digest,
        platform: config.platform,
        layers,
        created: config.created,
        pulls: undefined,
        stars: undefined,
      };
      const item: SourceItem = { kind: 'image', image };
      if (this.#choice.takesItem(item, digest)) this.items.push(item);
    }
  }

  /** To be called when all images were entered. */
  end(): void {
    this.items.push(...this.#choice.problems(this.#files.place));
  }

  async #layer(
    path: string,
    {
      diffId,
      entry,
      signal,
    }: {
      readonly diffId: Digest | undefined;
      readonly entry: Entry;
      readonly signal: AbortSignal;
    },
  ): Promise<SourceLayer> {
    const file = await this.#files.find(path);
    const id = diffId ?? `docker-archive:${this.#files.place}#${path}#${file?.stamp}`;
    const isWhole = file !== undefined && file.damage === undefined;
    const isPlain = !isWhole || !isCompressed(await readHead(file, MAGIC_SIZE, signal));
    if (isPlain) this.hasPlainLayers = true;
    // Two that claim the same DiffID should be the same; who reads it compares the digest.
    if (!this.paths.has(id)) this.paths.set(id, path);
    return {
      id,
      digest: isPlain ? diffId : undefined,
      diffId,
      size: file?.size,
      mediaType: (diffId && entry.LayerSources?.[diffId]?.mediaType) ?? '',
    };
  }
}

/**
 * Makes a source of the files of an archive, which it closes in the end.
 * @throws SourceError when there is no list of images that can be read
 */
export async function openDockerArchive(
  files: ImageFiles,
  { platform, ...selection }: DockerArchiveOptions,
  signal: AbortSignal,
): Promise<ImageSource> {
  const { place } = files;
  let list: readonly unknown[];
  try {
    list = await readList(files, signal);
  } catch (error) {
    signal.throwIfAborted();
    const why = files.damage ?? (error as Error).message;
    throw new SourceError(`manifest.json of the docker-archive ${place} cannot be read: ${why}`, {
      cause: error,
    });
  }
  const contents = new Contents(files, selection);
  if (files.damage !== undefined) contents.addProblem(place, files.damage);
  for (const [i, value] of list.entries()) {
    const entry = entrySchema.safeParse(value);
    const what = entry.data?.RepoTags?.[0] ?? `${place}, image ${i}`;
    if (!entry.success) {
      contents.addProblem(what, 'its entry in manifest.json is not built as it should be');
      continue;
    }
    try {
      await contents.add(entry.data, platform, signal);
    } catch (error) {
      signal.throwIfAborted();
      contents.addProblem(what, (error as Error).message);
    }
  }
  contents.end();
  return {
    kind: 'docker-archive',
    title: `docker-archive ${place}`,
    unknown: new Map(contents.hasPlainLayers ? [PLAIN_LAYERS, NO_PULLS] : [NO_PULLS]),
    async *items(stop) {
      for (const item of contents.items) {
        stop.throwIfAborted();
        yield item;
      }
    },
    async *openLayer({ id, size }, stop) {
      const path = contents.paths.get(id);
      if (path === undefined) throw new SourceError(`the docker-archive has no layer ${id}`);
      yield* readLayer(files, path, { size, signal: stop });
    },
    close: () => files.close(),
  };
}
