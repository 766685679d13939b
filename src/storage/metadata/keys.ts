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
const groupNumber = fileNumber;
/** A segment is far smaller than 4 GiB. */
const position = (bytes: number): string => bytes.toString(16).padStart(8, '0');

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
  /** A group of the segment store. */
  group: (id: number): string => `sg ${groupNumber(id)}`,
  /** A group under where it lies, so that a segment can be read from its start to its end. */
  groupAt: (segment: FileId, at: number, id: number): string =>
    `sp ${fileNumber(segment)} ${position(at)} ${groupNumber(id)}`,
  /** A group that is quarantined. */
  quarantinedGroup: (id: number): string => `sq ${groupNumber(id)}`,
  segment: (segment: FileId): string => `ss ${fileNumber(segment)}`,
  /** A segment in which nothing is alive and whose file is to be removed. */
  deadSegment: (segment: FileId): string => `sx ${fileNumber(segment)}`,
  /** A part of a file, by the SHA-256 of its bytes in base64url. */
  part: (hash: string): string => `yp ${hash}`,
  /** The parts in a base group. */
  baseParts: (group: number): string => `yb ${groupNumber(group)}`,
  /** How many sections use a base group. */
  baseUses: (group: number): string => `yu ${groupNumber(group)}`,
  /** A base group that no section uses. */
  unusedBase: (group: number): string => `yz ${groupNumber(group)}`,
  /** The recipe of a layer. */
  recipe: (digest: Digest): string => `yr ${digest}`,
  /** A recipe that is being made, or that is to be taken apart. */
  looseRecipe: (recipe: number): string => `yl ${groupNumber(recipe)}`,
  section: (recipe: number, section: number): string =>
    `ys ${groupNumber(recipe)} ${groupNumber(section)}`,
  /** A layer that waits to be ingested. */
  queuedLayer: (digest: Digest): string => `yq ${digest}`,
  /** A layer that was found not to be worth it, or not to come back exactly. */
  refusedLayer: (digest: Digest): string => `yx ${digest}`,
  /** A layer that has a recipe and is there as it was pushed as well. */
  intactCopy: (digest: Digest): string => `yi ${digest}`,
  /** The tree of the layer of a finished recipe. */
  tree: (recipe: number): string => `yt ${groupNumber(recipe)}`,
  /** A piece of such a tree, also while the recipe is made. */
  treePiece: (recipe: number, piece: number): string =>
    `ye ${groupNumber(recipe)} ${groupNumber(piece)}`,
  /** A piece of a tree, which is a group, under something that is to be found in it. */
  fileKey: (key: string, group: number): string => `yf ${key} ${groupNumber(group)}`,
  recipeCounter: 'z recipes',
  dedupTotals: 'z dedup-totals',
  scrub: 'z scrub',
  segmentScrub: 'z segment-scrub',
  segmentTotals: 'z segment-totals',
  segmentCounter: 'z segments',
  groupCounter: 'z groups',
  /** Says that the index of the groups is being rebuilt, and is not whole before this is gone. */
  segmentRebuild: 'z segment-rebuild',
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
  manifestOwners: (digest: Digest): KeyRange => prefixRange(`o ${digest} manifest `),
  deadFiles: (): KeyRange => prefixRange('x '),
  groups: (): KeyRange => prefixRange('sg '),
  allGroupsAt: (): KeyRange => prefixRange('sp '),
  groupsAt: (segment: FileId): KeyRange => prefixRange(`sp ${fileNumber(segment)} `),
  quarantinedGroups: (): KeyRange => prefixRange('sq '),
  segments: (): KeyRange => prefixRange('ss '),
  deadSegments: (): KeyRange => prefixRange('sx '),
  unusedBases: (): KeyRange => prefixRange('yz '),
  recipes: (): KeyRange => prefixRange('yr '),
  looseRecipes: (): KeyRange => prefixRange('yl '),
  sections: (recipe: number): KeyRange => prefixRange(`ys ${groupNumber(recipe)} `),
  trees: (): KeyRange => prefixRange('yt '),
  treePieces: (recipe: number): KeyRange => prefixRange(`ye ${groupNumber(recipe)} `),
  allTreePieces: (): KeyRange => prefixRange('ye '),
  fileKeys: (key: string): KeyRange => prefixRange(`yf ${key} `),
  allFileKeys: (): KeyRange => prefixRange('yf '),
  queuedLayers: (): KeyRange => prefixRange('yq '),
  refusedLayers: (): KeyRange => prefixRange('yx '),
  intactCopies: (): KeyRange => prefixRange('yi '),
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

/** The number at the end of a key: of a file, a segment or a group. */
export function numberOf(key: string): number {
  return Number.parseInt(lastPart(key), 16);
}
