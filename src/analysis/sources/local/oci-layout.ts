/** OCI image layouts (OCI image specification, "Image Layout"), in a folder or in one tar. */
import { isDigest } from '../../../oci/digest.ts';
import type { Platform } from '../../../oci/image.ts';
import { SourceError } from '../errors.ts';
import { parseObject } from '../image-config.ts';
import { MAX_MANIFEST } from '../image-manifest.ts';
import { type ImageName, splitImageName } from '../image-name.ts';
import { artifactProblem, ManifestWalk, type NamedManifest } from '../manifests.ts';
import type { ImageSource, SourceItem } from '../types.ts';
import { NO_PULLS } from '../unknown.ts';
import { ImageChoice, type ImageSelection } from './image-choice.ts';
import { type ImageFiles, readLayer, readSmallFile } from './image-files.ts';

/** What containerd and others call an image by in full. */
const CONTAINERD_NAME = 'io.containerd.image.name';
/** A tag, or a full name, as programs like it. */
const REF_NAME = 'org.opencontainers.image.ref.name';

/** How a layout is read. */
export interface OciLayoutOptions extends ImageSelection {
  /** `os/architecture[/variant]`; default: all. */
  readonly platform?: string | undefined;
}

type Json = Readonly<Record<string, unknown>>;

/** The path of a blob; only digests make one, so that none leads elsewhere. */
function pathOf(digest: string): string {
  if (!isDigest(digest)) throw new SourceError('there is no blob under what is no digest');
  return `blobs/${digest.replace(':', '/')}`;
}

function nameOf(annotations: unknown): ImageName {
  const { [CONTAINERD_NAME]: full, [REF_NAME]: name } = (annotations ?? {}) as Json;
  if (typeof full === 'string' && full !== '') return splitImageName(full);
  if (typeof name !== 'string' || name === '') return { repository: '', tag: undefined };
  const isFull = name.includes('/') || name.includes(':');
  return isFull ? splitImageName(name) : { repository: '', tag: name };
}

function platformOf(value: unknown): Platform | undefined {
  const { os, architecture, variant } = (value ?? {}) as Json;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return { os, architecture, variant: typeof variant === 'string' ? variant : '' };
}

/** A manifest of the index, with its names as they stand there; a text that says why it is none. */
function readEntry(value: unknown): (NamedManifest & { aliases: string[] }) | string {
  const { digest, mediaType, platform, annotations } = (value ?? {}) as Json;
  if (typeof digest !== 'string' || !isDigest(digest)) return 'it has no valid digest';
  return {
    ...nameOf(annotations),
    digest,
    mediaType: typeof mediaType === 'string' ? mediaType : '',
    platform: platformOf(platform),
    aliases: [CONTAINERD_NAME, REF_NAME]
      .map((key) => ((annotations ?? {}) as Json)[key])
      .filter((name) => typeof name === 'string'),
  };
}

/**
 * Makes a source of the files of a layout, which it closes in the end.
 * @throws SourceError when the layout has no index that can be read
 */
export async function openOciLayout(
  files: ImageFiles,
  { platform, ...selection }: OciLayoutOptions,
  signal: AbortSignal,
): Promise<ImageSource> {
  const { place } = files;
  let entries: readonly unknown[];
  try {
    const bytes = await readSmallFile(files, 'index.json', { maxSize: MAX_MANIFEST, signal });
    const { manifests } = parseObject(bytes, 'it');
    if (!Array.isArray(manifests)) throw new SourceError('it lists no manifests');
    entries = manifests;
  } catch (error) {
    signal.throwIfAborted();
    const why = files.damage ?? (error as Error).message;
    throw new SourceError(`index.json of the OCI layout ${place} cannot be read: ${why}`, {
      cause: error,
    });
  }

  async function* items(stop: AbortSignal): AsyncGenerator<SourceItem, void> {
    if (files.damage !== undefined) {
      yield { kind: 'problem', problem: { what: place, reason: files.damage } };
    }
    const walk = new ManifestWalk({
      platform,
      read: ({ digest, maxSize }, signal) =>
        readSmallFile(files, pathOf(digest), { maxSize, signal }),
    });
    const choice = new ImageChoice(selection);
    for (const [i, value] of entries.entries()) {
      const entry = readEntry(value);
      if (typeof entry === 'string') {
        yield { kind: 'problem', problem: { what: `${place}, manifests[${i}]`, reason: entry } };
        continue;
      }
      if (!choice.takesName(entry)) continue;
      for await (const item of walk.images(entry, stop)) {
        if (choice.takesItem(item, entry.digest)) yield item;
      }
    }
    yield* choice.problems(place);
    yield* artifactProblem(place, walk.artifacts);
  }

  return {
    kind: 'oci-layout',
    title: `OCI layout ${place}`,
    unknown: new Map([NO_PULLS]),
    items,
    async *openLayer({ digest, size }, stop) {
      yield* readLayer(files, pathOf(digest ?? ''), { size, signal: stop });
    },
    close: () => files.close(),
  };
}
