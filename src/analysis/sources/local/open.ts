/** Recognises what lies under a path, and opens it as a source. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SourceError } from '../errors.ts';
import { requireImage } from '../named-image.ts';
import type { ImageSource } from '../types.ts';
import { openDataDirectory } from './data-directory.ts';
import { openDockerArchive } from './docker-archive.ts';
import { openFolderFiles } from './folder-files.ts';
import type { ImageSelection, WantedImage } from './image-choice.ts';
import { type ImageFiles, readHead } from './image-files.ts';
import { openLayerFiles } from './layer-files.ts';
import { openOciLayout } from './oci-layout.ts';
import { openTarFiles } from './tar-files.ts';

/** How sources on this machine are opened. */
export interface LocalOptions extends Omit<ImageSelection, 'image'> {
  /** `os/architecture[/variant]`; default: all. */
  readonly platform?: string | undefined;
  /** Of a data directory: images that no tag leads to as well. Default false. */
  readonly untagged?: boolean | undefined;
  /** Folder for archives that have to be unpacked. Default: that of the system (TMPDIR). */
  readonly temporary?: string | undefined;
}

/** What a path is said to be, in the words of skopeo. Layouts and archives may be folders or tars. */
export type LocalForm = 'oci' | 'oci-archive' | 'docker-archive' | 'stowage';

/** A path, and what is said about it. */
export interface LocalPlace {
  readonly path: string;
  /** Default: it is told by what is in it. */
  readonly form?: LocalForm | undefined;
  /** Default: all, as far as {@link LocalOptions} let them. */
  readonly image?: WantedImage | undefined;
}

type PlaceOptions = LocalOptions & Omit<LocalPlace, 'path'>;

const SPACE = 0x20;
const LBRACKET = 0x5b;
const LBRACE = 0x7b;
const FORMS = 'an OCI layout, an archive of images, layers as tars, or a data directory of Stowage';

const FORM_NAMES: Readonly<Record<LocalForm, string>> = {
  oci: 'OCI layout',
  'oci-archive': 'OCI layout',
  'docker-archive': 'docker-archive',
  stowage: 'data directory of Stowage',
};

/** Folders in which engines keep images, by an entry that they have; none can be read as they are. */
const ENGINES: readonly (readonly [entry: string, hint: string])[] = [
  ['overlay-layers', 'it is the storage of podman: run `podman save --format oci-archive`'],
  ['vfs-layers', 'it is the storage of podman: run `podman save --format oci-archive`'],
  ['image', 'if it is the folder of a docker engine, run `docker save`'],
  ['io.containerd.content.v1.content', 'it is the folder of containerd: run `ctr images export`'],
  ['docker', 'if it is the storage of a registry, analyse that by its address'],
];

function notOfForm(path: string, form: LocalForm): SourceError {
  return new SourceError(`${path} is no ${FORM_NAMES[form]}`, {
    hint: `leave out ${form}: and what it is will be told by what is in it`,
  });
}

/** Where other programs find images, and how to get them out. */
const SAVED: Readonly<Record<string, string | undefined>> = {
  'docker-daemon': 'docker save NAME -o app.tar, then app.tar',
  'containers-storage': 'podman save --format oci-archive NAME -o app.tar, then app.tar',
  dir: 'skopeo copy dir:... oci:...',
  docker: 'an image of a registry is docker://HOST/NAME:TAG',
};

/** Opens whichever of layout and archive the files are; undefined when they are neither. */
async function openImages(
  files: ImageFiles,
  options: PlaceOptions,
  signal: AbortSignal,
): Promise<ImageSource | undefined> {
  const { form } = options;
  const list = await files.find('manifest.json');
  const isCut = list?.damage !== undefined;
  const head = list === undefined || isCut ? undefined : await readHead(list, 64, signal);
  const first = head?.find((byte) => byte > SPACE);
  const isArchive = isCut || first === LBRACKET;
  const isLayout = (await files.find('oci-layout')) !== undefined;
  const isWanted = form === 'docker-archive' ? isArchive : form !== 'stowage' && isLayout;
  if (form !== undefined && !isWanted) throw notOfForm(files.place, form);
  // Docker writes both into one archive from 25 on.
  if (isArchive && (form === undefined || form === 'docker-archive')) {
    return await openDockerArchive(files, options, signal);
  }
  if (first === LBRACE && (await files.find('version')) !== undefined) {
    throw new SourceError(
      `${files.place} is a folder of skopeo's dir: form; copy it: skopeo copy dir:… oci:…`,
    );
  }
  if (isLayout) return await openOciLayout(files, options, signal);
  if ((await files.find('repositories')) !== undefined) {
    throw new SourceError(
      `${files.place} was saved by Docker before 1.10, without manifest.json: load and save it anew`,
    );
  }
  return undefined;
}

async function openFolder(
  path: string,
  options: PlaceOptions,
  signal: AbortSignal,
): Promise<ImageSource> {
  const entries = new Set(await readdir(path));
  const { form } = options;
  if (entries.has('format.json') && entries.has('metadata') && (form ?? 'stowage') === 'stowage') {
    return await openDataDirectory(path, options);
  }
  const source = await openImages(openFolderFiles(path), options, signal);
  if (source !== undefined) return source;
  const [, hint] = ENGINES.find(([entry]) => entries.has(entry)) ?? [];
  for (const entry of hint === undefined ? entries : []) {
    const isLayout = await stat(join(path, entry, 'oci-layout')).catch(() => undefined);
    if (isLayout !== undefined) {
      throw new SourceError(
        `${path} holds several OCI layouts: give them by name, as ${join(path, entry)}`,
      );
    }
  }
  const looked =
    'looked for oci-layout, for manifest.json, and for format.json with metadata/ in it';
  throw new SourceError(`${path} is a folder, and none of ${FORMS}`, { hint: hint ?? looked });
}

/** Opens a file; undefined when it is a layer. */
async function openFile(
  path: string,
  options: PlaceOptions,
  signal: AbortSignal,
): Promise<ImageSource | undefined> {
  const { temporary, form, image } = options;
  const files = await openTarFiles(path, { temporary, signal });
  if (files === undefined) {
    if (form !== undefined) throw notOfForm(path, form);
    if (image !== undefined) throw new SourceError(`${path} is a layer: it has no images`);
    return undefined;
  }
  try {
    const source = await openImages(files, options, signal);
    if (source === undefined) await files.close();
    return source;
  } catch (error) {
    await files.close();
    throw error;
  }
}

/** What may have been meant by a path where nothing is. */
function missingHint(path: string): string {
  const [, transport] = /^([a-z-]+):/.exec(path) ?? [];
  const saved = transport && SAVED[transport];
  if (saved !== undefined) return `${transport}: cannot be read as it is: ${saved}`;
  return `a path is that of ${FORMS}; an image of a registry is docker://HOST/NAME:TAG`;
}

async function openPlace(
  path: string,
  options: PlaceOptions,
  signal: AbortSignal,
): Promise<ImageSource | undefined> {
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const isMissing = error.code === 'ENOENT' || error.code === 'ENOTDIR';
    const why = isMissing ? 'there is nothing of that name' : error.message;
    const hint = isMissing ? missingHint(path) : undefined;
    throw new SourceError(`${path} cannot be read: ${why}`, { cause: error, hint });
  });
  if (status.isDirectory()) return await openFolder(path, options, signal);
  if (status.isFile()) return await openFile(path, options, signal);
  throw new SourceError(`${path} is neither a file nor a folder: give ${FORMS}`);
}

/**
 * Opens what lies under paths, or is said to: OCI layouts (folders or tars), docker-archives, data directories of
 * Stowage, and layers. Which one it is, is told by what is in it. All layers are one source, which comes
 * last.
 * @throws SourceError that says what a path is not; nothing stays open then
 */
export async function openLocalSources(
  places: readonly (string | LocalPlace)[],
  options: LocalOptions,
  signal: AbortSignal,
): Promise<ImageSource[]> {
  const sources: ImageSource[] = [];
  const layers: string[] = [];
  try {
    for (const place of places) {
      const { path, ...said }: LocalPlace = typeof place === 'string' ? { path: place } : place;
      const source = await openPlace(path, { ...options, ...said }, signal);
      if (source === undefined) layers.push(path);
      else sources.push(said.image === undefined ? source : requireImage(source));
    }
    if (layers.length > 0) sources.push(await openLayerFiles(layers));
    return sources;
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()));
    throw error;
  }
}
