/** What can be wrong with a layer that is to be taken apart, or to be put together again. */
import type { Digest } from '../oci/digest.ts';

/** Why a layer is better kept as it is. */
export type RefusalReason =
  /** Neither a gzip file nor a tar. */
  | 'format'
  /** Compressed with zstd, whose decisions nobody reads yet. */
  | 'zstd'
  /** A gzip file that breaks its format. */
  | 'broken'
  /** More blocks or gzip members than is sensible for its size. */
  | 'structure'
  /** It would take more room than it takes now. */
  | 'not-worth-it'
  /** What was stored did not give its bytes again. */
  | 'not-exact';

/** A layer that is not taken apart. It stays as it is; nothing of it was kept. */
export class LayerRefusedError extends Error {
  override readonly name = 'LayerRefusedError';
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, options?: ErrorOptions) {
    super(`the layer is kept as it is: ${reason}`, options);
    this.reason = reason;
  }
}

/** There is no recipe for the digest. */
export class LayerUnknownError extends Error {
  override readonly name = 'LayerUnknownError';
  readonly digest: Digest;

  constructor(digest: Digest) {
    super(`no recipe for ${digest}`);
    this.digest = digest;
  }
}

/** What a recipe gives is not the layer: nothing wrong was handed out. */
export class LayerDamagedError extends Error {
  override readonly name = 'LayerDamagedError';
  readonly digest: Digest;
  /** Number of the recipe; the layer may have another one by now. */
  readonly recipe: number;

  constructor(digest: Digest, recipe: number, options?: ErrorOptions) {
    super(`${digest} cannot be rebuilt`, options);
    this.digest = digest;
    this.recipe = recipe;
  }
}

/** The layers are being closed: nothing is restored any more. */
export class LayersClosedError extends Error {
  override readonly name = 'LayersClosedError';

  constructor() {
    super('the layers are being closed');
  }
}

/** Bytes of a section or an index that make no sense. */
export class RecipeError extends Error {
  override readonly name = 'RecipeError';
  readonly what: string;

  constructor(what: string, options?: ErrorOptions) {
    super(`damaged recipe: ${what}`, options);
    this.what = what;
  }
}
