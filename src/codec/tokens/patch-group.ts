/** Patch groups: the patches of parts that follow one another in a layer. */
import {
  FULL_GROUP_SIZE,
  type OpenGroup,
  openGroup,
  type PackOptions,
  packGroup,
} from './group.ts';
import type { TokenPart } from './part.ts';
import { PatchApplier } from './patch-apply.ts';
import { encodePatch, type PatchFigures } from './patch-encode.ts';
import {
  createPatchReaders,
  createPatchWriters,
  endPatchReaders,
  PATCH_STREAM_COUNT,
  patchBytes,
  sizeOfPatches,
} from './patch-streams.ts';

/** Gathers patches for a group. */
export class PatchGroupWriter {
  readonly #streams = createPatchWriters();

  /** Whether it is time to finish it: its streams have 512 KiB. */
  get isFull(): boolean {
    return sizeOfPatches(this.#streams) >= FULL_GROUP_SIZE;
  }

  /**
   * Adds what makes a part out of its base.
   * @param base - another occurrence of the same bytes
   */
  add(base: TokenPart, part: TokenPart): PatchFigures {
    return encodePatch(base, part, this.#streams);
  }

  /** Packs the group. */
  finish(options?: PackOptions): Uint8Array {
    return packGroup('P', patchBytes(this.#streams), options);
  }
}

/** Reads a patch group, patch by patch. */
export class PatchGroupReader {
  readonly #group: OpenGroup;
  readonly #streams;
  readonly #applier = new PatchApplier();

  /** @throws TokenError when the group is damaged or no such group */
  constructor(bytes: Uint8Array) {
    const group = openGroup('P', PATCH_STREAM_COUNT, bytes);
    this.#group = group;
    this.#streams = createPatchReaders(group.streams(0, PATCH_STREAM_COUNT));
  }

  /**
   * Applies the next patch.
   * @param base - what the patch was made against
   * @param lead - of the occurrence, see `TokenPart` and `TokenMerger.leadOf`
   * @returns the tokens of the occurrence, valid until the next call
   * @throws TokenError when the patch does not fit
   */
  apply(base: TokenPart, lead: number): Uint32Array {
    return this.#applier.apply(base, lead, this.#streams);
  }

  /**
   * Ends reading, and frees the streams.
   * @throws TokenError `trailing` when there are more patches
   */
  end(): void {
    endPatchReaders(this.#streams);
    this.#group.free();
  }
}
