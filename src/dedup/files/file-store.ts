/** The files of layers, whichever way they can be had. */
import type { Digest } from '../../oci/digest.ts';
import { findContent } from '../../storage/content.ts';
import type { StoreContext } from '../../storage/context.ts';
import { intactSource } from '../intact/source.ts';
import type { ByteRange } from '../restore/checked-blocks.ts';
import { FilesError, type LayerFiles } from './layer-files.ts';
import type { StoredFiles } from './stored-layer.ts';
import { createUnpackedFiles, type LayerBytes, type UnpackLimits } from './unpacked-layer.ts';

/** What files are read from. */
export interface FileStoreParts {
  readonly store: StoreContext;
  readonly stored: StoredFiles;
  /** Restores a layer that is kept as a recipe only. */
  readonly restore: (
    digest: Digest,
    options: { readonly range: ByteRange; readonly signal: AbortSignal },
  ) => AsyncIterable<Uint8Array>;
  readonly limits?: UnpackLimits;
}

/** The files of all layers of a store. */
export interface FileStore {
  /**
   * Lends the files of a layer.
   * @throws FilesError, LayerDamagedError, LayerUnknownError, LayerUnreadableError, the signal's reason
   */
  open(digest: Digest, signal: AbortSignal): Promise<LayerFiles>;
  /** Lends the files of a layer whose tree is stored. */
  readonly stored: StoredFiles;
}

/** Opens the files of a store. */
export function createFileStore({ store, stored, restore, limits }: FileStoreParts): FileStore {
  const unpacked = createUnpackedFiles(limits);

  function bytesOf(digest: Digest): LayerBytes | undefined {
    const content = findContent(store, digest);
    if (content === undefined) return undefined;
    const { size } = content;
    return {
      size,
      // Looked up when it is read: the layer may have come to lie elsewhere.
      read: (signal) =>
        intactSource(store, digest)?.(signal) ??
        restore(digest, { range: { start: 0, end: size }, signal }),
    };
  }

  return {
    stored,
    async open(digest, signal) {
      const bytes = bytesOf(digest);
      if (bytes === undefined) throw new FilesError('layer-missing', digest);
      const files = await stored.open(digest, signal);
      return files ?? (await unpacked.open(digest, bytes, signal));
    },
  };
}
