/** Opens sources by what a person calls them. */
import { mkdir } from 'node:fs/promises';
import { isRepositoryName, isTag } from '../../oci/name.ts';
import type { SampleOptions } from './docker-hub/sample.ts';
import { openDockerHubSource } from './docker-hub/source.ts';
import { SourceUsageError } from './errors.ts';
import { readWantedImage } from './local/image-choice.ts';
import { type LocalForm, type LocalPlace, openLocalSources } from './local/open.ts';
import { requireImage } from './named-image.ts';
import type { Budget } from './registry/client.ts';
import { type FoundCredentials, findCredentials } from './registry/credentials.ts';
import { createRegistrySource, registryUrl } from './registry/source.ts';
import type { ImageSource } from './types.ts';

/** How sources are opened. */
export interface OpenOptions {
  /** Globs over repositories, where the name of a source leaves them open. Default: all. */
  readonly repositories?: readonly string[] | undefined;
  /** Globs over tags, where the name of a source leaves them open. Default: all, of Docker Hub `latest`. */
  readonly tags?: readonly string[] | undefined;
  /** Tags of each repository at most. */
  readonly maxTags?: number | undefined;
  /** `os/architecture[/variant]`. Default: all, of Docker Hub `linux/amd64`. */
  readonly platform?: string | undefined;
  /** HTTP without TLS, to other machines too. */
  readonly plainHttp?: boolean | undefined;
  /** Default: what Docker's configuration has for the registry. */
  readonly login?: FoundCredentials | undefined;
  /** Of data directories: images without tags as well. */
  readonly untagged?: boolean | undefined;
  readonly sample?: Partial<SampleOptions> | undefined;
  readonly budget?: Budget | undefined;
  /** Folder for the journal of a crawl and for archives that have to be unpacked. */
  readonly folder: string;
  /** Where Docker Hub is. Default: where it is. */
  readonly hubUrl?: string | undefined;
  readonly hubRegistryUrl?: string | undefined;
}

/** What a source is called, taken apart. */
export type SourceName =
  | ({ readonly kind: 'path' } & LocalPlace)
  | { readonly kind: 'docker-hub'; readonly query: string }
  | {
      readonly kind: 'registry';
      /** Host or URL. */
      readonly registry: string;
      readonly repository: string | undefined;
      readonly tag: string | undefined;
    };

const HUB = 'docker-hub:';
const IMAGE = 'docker://';
const LOCAL = /^(oci|oci-archive|docker-archive|stowage):([^:]*)(?::(.*))?$/s;
const DEFAULT_SAMPLE: SampleOptions = { size: 100, seed: 1, method: 'uniform' };

/** @throws SourceUsageError */
function readLocalName(text: string, [, form, path, image = '']: readonly string[]): SourceName {
  if (path === '') throw new SourceUsageError(`${text} has no path; it looks like ${form}:PATH`);
  return {
    kind: 'path',
    form: form as LocalForm,
    path: path!,
    image: image === '' ? undefined : readWantedImage(image),
  };
}

/**
 * Reads what a source is called: `http://HOST` or `https://HOST` is a registry, `docker://HOST` too,
 * with `/REPOSITORY[:TAG]` for less of it; `docker-hub:QUERY` a sample of Docker Hub;
 * `oci:PATH[:IMAGE]`, `oci-archive:`, `docker-archive:` (as skopeo has them) and `stowage:` a path with
 * what it is, and which of its images is meant; all else a path.
 * @throws SourceUsageError
 */
export function readSourceName(text: string): SourceName {
  if (text.startsWith(HUB)) return { kind: 'docker-hub', query: text.slice(HUB.length) };
  if (/^https?:\/\//.test(text)) {
    const registry = text.replace(/\/+$/, '');
    return { kind: 'registry', registry, repository: undefined, tag: undefined };
  }
  const local = LOCAL.exec(text);
  if (local !== null) return readLocalName(text, local);
  if (!text.startsWith(IMAGE)) return { kind: 'path', path: text };
  const [registry, ...rest] = text.slice(IMAGE.length).split('/');
  const image = rest.join('/');
  if (image === '')
    return { kind: 'registry', registry: registry!, repository: undefined, tag: undefined };
  const colon = image.lastIndexOf(':');
  const repository = colon < 0 ? image : image.slice(0, colon);
  const tag = colon < 0 ? undefined : image.slice(colon + 1);
  if (!isRepositoryName(repository) || (tag !== undefined && !isTag(tag))) {
    throw new SourceUsageError(
      `${text} is no image; it looks like docker://127.0.0.1:5000/team/app:v1`,
    );
  }
  return { kind: 'registry', registry: registry!, repository, tag };
}

async function openRegistry(
  { registry, repository, tag }: Extract<SourceName, { kind: 'registry' }>,
  options: OpenOptions,
): Promise<ImageSource> {
  const { plainHttp = false, tags, maxTags, platform, budget } = options;
  const { host } = registryUrl(registry, plainHttp);
  return createRegistrySource({
    registry,
    plainHttp,
    platform,
    budget,
    repositories: repository === undefined ? options.repositories : [repository],
    tags: { patterns: tag === undefined ? tags : [tag], limit: maxTags },
    login: options.login ?? (await findCredentials(host)),
  });
}

async function openHub(query: string, options: OpenOptions): Promise<ImageSource> {
  const { folder, sample, tags, maxTags, platform, budget } = options;
  await mkdir(folder, { recursive: true });
  return await openDockerHubSource({
    folder,
    query,
    sample: { ...DEFAULT_SAMPLE, ...sample },
    tags: { patterns: tags ?? ['latest'], limit: maxTags },
    platform,
    budget,
    login: options.login ?? (await findCredentials('docker.io')),
    hubUrl: options.hubUrl,
    registryUrl: options.hubRegistryUrl,
  });
}

/** Whether globs over repositories, or over tags, can choose anything of a source. */
function leavesOpen(name: SourceName, what: 'repositories' | 'tags'): boolean {
  if (name.kind === 'registry') {
    return (what === 'repositories' ? name.repository : name.tag) === undefined;
  }
  return name.kind === 'path' ? name.image === undefined : what === 'tags';
}

/** Refuses globs that would be passed over in silence. @throws SourceUsageError */
function requireUse(names: readonly SourceName[], options: OpenOptions): void {
  for (const [what, option] of [
    ['repositories', '--repo'],
    ['tags', '--tag'],
  ] as const) {
    if (options[what] === undefined || names.some((name) => leavesOpen(name, what))) continue;
    throw new SourceUsageError(
      `${option} has nothing to choose from: the source names its ${what}`,
      {
        hint: `leave ${option} out, or name less of the source, as docker://HOST or a path`,
      },
    );
  }
}

/**
 * Opens sources. All that are layers in files become one.
 * @param names - see {@link readSourceName}
 * @throws SourceUsageError when they make no sense, SourceError; nothing stays open then
 */
export async function openSources(
  names: readonly string[],
  options: OpenOptions,
  signal: AbortSignal,
): Promise<ImageSource[]> {
  const read = names.map(readSourceName);
  requireUse(read, options);
  const sources: ImageSource[] = [];
  try {
    for (const name of read) {
      if (name.kind === 'registry') {
        const source = await openRegistry(name, options);
        sources.push(name.repository === undefined ? source : requireImage(source));
      }
      if (name.kind === 'docker-hub') sources.push(await openHub(name.query, options));
    }
    const places = read.filter((name) => name.kind === 'path');
    const { repositories, tags, maxTags, platform, untagged } = options;
    const local = { repositories, tags, maxTags, platform, untagged };
    sources.push(...(await openLocalSources(places, local, signal)));
    return sources;
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()));
    throw error;
  }
}
