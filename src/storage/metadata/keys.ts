/**
 * The keys of the metadata store: the only module that knows how they are put together. The first
 * letter says what an entry is. Parts are joined by spaces, which no name, tag or digest holds and
 * which sort before every character that may, so all entries of one repository stand together.
 *
 * docs/formats.md has the same table with the values.
 */
import type { Digest } from '../../oci/digest.ts';
import { type KeyRange, prefixRange } from '../kv/types.ts';
import type { FileId } from '../target/types.ts';

const fileNumber = (id: FileId): string => id.toString(16).padStart(10, '0');

export const keys = {
  repository: (repository: string): string => `r ${repository}`,
  tag: (repository: string, tag: string): string => `t ${repository} ${tag}`,
  /** A tag under the digest that it points to. */
  tagOf: (repository: string, digest: Digest, tag: string): string =>
    `g ${repository} ${digest} ${tag}`,
  manifest: (repository: string, digest: Digest): string => `m ${repository} ${digest}`,
  /** Says that a blob was pushed to or mounted in a repository. */
  link: (repository: string, digest: Digest): string => `l ${repository} ${digest}`,
  /** A manifest under something it refers to. */
  use: (repository: string, target: Digest, manifest: Digest): string =>
    `u ${repository} ${target} ${manifest}`,
  referrer: (repository: string, subject: Digest, manifest: Digest): string =>
    `e ${repository} ${subject} ${manifest}`,
  content: (digest: Digest): string => `c ${digest}`,
  inline: (digest: Digest): string => `i ${digest}`,
  /** A repository under content that it holds, as a blob or as a manifest. */
  owner: (digest: Digest, role: 'blob' | 'manifest', repository: string): string =>
    `o ${digest} ${role} ${repository}`,
  /** A file of the target that holds content. */
  file: (id: FileId): string => `f ${fileNumber(id)}`,
  /** A file of the target that holds nothing any more and is to be removed. */
  deadFile: (id: FileId): string => `x ${fileNumber(id)}`,
  deletedManifest: (repository: string, digest: Digest): string => `dm ${repository} ${digest}`,
  deletedTag: (repository: string, tag: string): string => `dt ${repository} ${tag}`,
  /** Content that is quarantined. */
  quarantined: (digest: Digest): string => `q ${digest}`,
  scrub: 'z scrub',
  totals: 'z totals',
  fileCounter: 'z files',
  secret: 'z secret',
} as const;

export const ranges = {
  repositories: (): KeyRange => prefixRange('r '),
  tags: (repository: string): KeyRange => prefixRange(`t ${repository} `),
  allTags: (): KeyRange => prefixRange('t '),
  tagsOf: (repository: string, digest: Digest): KeyRange =>
    prefixRange(`g ${repository} ${digest} `),
  manifests: (repository: string): KeyRange => prefixRange(`m ${repository} `),
  allManifests: (): KeyRange => prefixRange('m '),
  links: (repository: string): KeyRange => prefixRange(`l ${repository} `),
  allLinks: (): KeyRange => prefixRange('l '),
  uses: (repository: string, target: Digest): KeyRange => prefixRange(`u ${repository} ${target} `),
  allUses: (): KeyRange => prefixRange('u '),
  allUsesIn: (repository: string): KeyRange => prefixRange(`u ${repository} `),
  referrers: (repository: string, subject: Digest): KeyRange =>
    prefixRange(`e ${repository} ${subject} `),
  contents: (): KeyRange => prefixRange('c '),
  quarantined: (): KeyRange => prefixRange('q '),
  owners: (digest: Digest): KeyRange => prefixRange(`o ${digest} `),
  blobOwners: (digest: Digest): KeyRange => prefixRange(`o ${digest} blob `),
  deadFiles: (): KeyRange => prefixRange('x '),
  deletedManifests: (repository?: string): KeyRange =>
    prefixRange(repository === undefined ? 'dm ' : `dm ${repository} `),
  deletedTags: (repository?: string): KeyRange =>
    prefixRange(repository === undefined ? 'dt ' : `dt ${repository} `),
} as const;

/** The part of a key after its last space. */
export function lastPart(key: string): string {
  return key.slice(key.lastIndexOf(' ') + 1);
}

/** The part of a key after its first space and before its last: a repository, mostly. */
export function middlePart(key: string): string {
  return key.slice(key.indexOf(' ') + 1, key.lastIndexOf(' '));
}

/** The file number in a key of files or dead files. */
export function fileOf(key: string): FileId {
  return Number.parseInt(lastPart(key), 16);
}
