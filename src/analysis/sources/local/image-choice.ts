/** Chooses among the images of a layout, an archive or a data directory by their names. */
import { compileGlob, type Glob } from '../../../lib/glob.ts';
import { type Digest, isDigest } from '../../../oci/digest.ts';
import { SourceUsageError } from '../errors.ts';
import { type ImageName, joinImageName, listNames } from '../image-name.ts';
import type { SourceItem } from '../types.ts';

/** Which images are wanted. */
export interface ImageSelection {
  /** Globs over repositories; an image without one has the empty name. Default: all. */
  readonly repositories?: readonly string[] | undefined;
  /** Globs over tags; an image without one has the empty tag. Default: all. */
  readonly tags?: readonly string[] | undefined;
  /** Tags of each repository at most, in the order of the source. Images without a tag are not counted. */
  readonly maxTags?: number | undefined;
  /** The globs do not matter then. */
  readonly image?: WantedImage | undefined;
}

/** An image by its name. */
export interface WantedImage {
  /** As it was written. */
  readonly text: string;
  /** `NAME` or `NAME:TAG`; '' for any. */
  readonly name: string;
  /** Of the manifest or of an index; where there are none, of the configuration. */
  readonly digest: Digest | undefined;
}

/** An image that could be chosen. */
export interface Candidate extends ImageName {
  /** Of what stands under the name, as far as it is known before that was read. */
  readonly digest: Digest | undefined;
  /** How else the source writes the name. */
  readonly aliases?: readonly string[] | undefined;
}

/** What docker leaves out of a name when it shows it. */
function familiar(name: string): string {
  return name.replace(/^docker\.io\/(library\/)?/, '');
}

/**
 * Reads `NAME[:TAG][@DIGEST]` or `@DIGEST`.
 * @throws SourceUsageError
 */
export function readWantedImage(text: string): WantedImage {
  const at = text.indexOf('@');
  if (at < 0) return { text, name: familiar(text), digest: undefined };
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) {
    throw new SourceUsageError(`${text}: what follows the @ is no digest`, {
      hint: 'a digest looks like sha256: and 64 digits from 0 to f',
    });
  }
  return { text, name: familiar(text.slice(0, at)), digest };
}

function globsOf(patterns: readonly string[] | undefined): readonly Glob[] {
  return patterns === undefined ? [() => true] : patterns.map(compileGlob);
}

/** One pass over the images of a source. */
export class ImageChoice {
  readonly #selection: ImageSelection;
  readonly #repositories: readonly Glob[];
  readonly #tags: readonly Glob[];
  /** Of each repository. */
  readonly #taken = new Map<string, Set<string>>();
  readonly #others = new Set<string>();
  #found = false;

  constructor(selection: ImageSelection) {
    this.#selection = selection;
    this.#repositories = globsOf(selection.repositories);
    this.#tags = globsOf(selection.tags);
  }

  /** Whether to look at what stands under a name. Not to be asked twice of the same. */
  takesName(candidate: Candidate): boolean {
    const isTaken = this.#fits(candidate) && this.#isWithinLimit(candidate);
    if (!isTaken) this.#others.add(joinImageName(candidate) || `@${candidate.digest}`);
    else if (this.#selection.image?.digest === undefined) this.#found = true;
    return isTaken;
  }

  /**
   * Whether to give what was found under a name that was taken.
   * @param under - digest of what stands under the name
   */
  takesItem(item: SourceItem, under: Digest): boolean {
    const digest = this.#selection.image?.digest;
    if (digest === undefined || item.kind !== 'image') return true;
    const { image } = item;
    const isTaken = digest === under || digest === image.digest;
    if (isTaken) this.#found = true;
    else this.#others.add(`${joinImageName(image)}@${image.digest}`);
    return isTaken;
  }

  /** What to tell when all is over: that there are images, and none was chosen. */
  *problems(what: string): Generator<SourceItem, void> {
    const { image } = this.#selection;
    if (this.#found || (this.#others.size === 0 && image === undefined)) return;
    const missing =
      image === undefined ? 'no image fits --repo and --tag' : `no image ${image.text}`;
    const names = [...this.#others];
    const others = names.length === 0 ? 'there is none at all' : `there are ${listNames(names)}`;
    yield { kind: 'problem', problem: { what, reason: `${missing}: ${others}` } };
  }

  #fits({ repository, tag, aliases = [] }: Candidate): boolean {
    const { image } = this.#selection;
    if (image !== undefined) {
      const names = [repository, joinImageName({ repository, tag }), ...aliases].map(familiar);
      return image.name === '' || names.includes(image.name);
    }
    return (
      this.#repositories.some((matches) => matches(repository)) &&
      this.#tags.some((matches) => matches(tag ?? ''))
    );
  }

  #isWithinLimit({ repository, tag }: Candidate): boolean {
    if (tag === undefined) return true;
    const { maxTags = Number.POSITIVE_INFINITY } = this.#selection;
    const taken = this.#taken.get(repository) ?? new Set();
    this.#taken.set(repository, taken);
    if (taken.size >= maxTags && !taken.has(tag)) return false;
    taken.add(tag);
    return true;
  }
}
