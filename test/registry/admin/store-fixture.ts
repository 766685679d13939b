/** A store in a temporary folder, with little helpers to put something into it. */
import { type LayerStore, openLayerStore } from '../../../src/dedup/layer-store.ts';
import { type Digest, digestOf } from '../../../src/oci/digest.ts';
import { parseManifest } from '../../../src/oci/manifest.ts';
import { createLocalOperations } from '../../../src/registry/admin/local-operations.ts';
import type { Operations } from '../../../src/registry/admin/operations.ts';
import { putManifest } from '../../../src/storage/manifests.ts';
import { openStore, type Store, type StoreOptions } from '../../../src/storage/store.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';

const CONFIG = Buffer.from('{}');

/** A manifest as it was pushed. */
export interface Pushed {
  readonly digest: Digest;
  /** Bytes of the manifest alone. */
  readonly size: number;
  readonly layer: Digest;
}

/** The store and what to do with it. */
export interface StoreFixture extends AsyncDisposable {
  readonly folder: string;
  readonly store: Store;
  readonly layers: LayerStore;
  readonly operations: Operations;
  /** Moves the clock of the store. */
  advance(milliseconds: number): void;
  pushBlob(repository: string, bytes: Buffer): Promise<Digest>;
  /** Pushes an image of one layer, made of `layer` repeated to `size` bytes. */
  pushImage(repository: string, layer: string, tags: readonly string[]): Promise<Pushed>;
}

/** Bytes of every layer that {@link StoreFixture.pushImage} makes: more than fits in a record. */
export const LAYER_SIZE = 20_000;

/**
 * Opens a store without background work and without leases, whose clock stands still. With `dedup`
 * everything is taken apart that can be.
 */
export async function openFixture(
  options: StoreOptions & { readonly dedup?: boolean } = {},
): Promise<StoreFixture> {
  const folder = await makeTemporary('operations');
  let now = Date.parse('2026-01-02T03:04:05.000Z');
  const { settings, dedup = false, ...rest } = options;
  const store = await openStore(folder, {
    settings: { lease: 0, reserve: 0, ...settings },
    collectEvery: 0,
    scrubPeriod: 0,
    clock: () => now,
    ...rest,
  });

  const layers = await openLayerStore(store, folder, {
    policy: {
      minSize: 0,
      minAge: 0,
      intactBudget: 0,
      allows: () => dedup,
      everywhere: dedup,
    },
  });

  async function pushBlob(repository: string, bytes: Buffer): Promise<Digest> {
    const digest = digestOf(bytes);
    const upload = store.uploads.start({ repository, subject: '', algorithm: 'sha256' });
    const writer = upload.open();
    writer.write(bytes);
    await writer.end(false);
    await store.uploads.finish(upload, digest);
    return digest;
  }

  return {
    folder,
    store,
    layers,
    operations: createLocalOperations(store, layers),
    advance(milliseconds) {
      now += milliseconds;
    },
    pushBlob,
    async pushImage(repository, text, tags) {
      const bytes = Buffer.alloc(LAYER_SIZE, text);
      const layer = await pushBlob(repository, bytes);
      const config = await pushBlob(repository, CONFIG);
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          config: {
            mediaType: 'application/vnd.oci.image.config.v1+json',
            digest: config,
            size: CONFIG.length,
          },
          layers: [
            {
              mediaType: 'application/vnd.oci.image.layer.v1.tar',
              digest: layer,
              size: LAYER_SIZE,
            },
          ],
        }),
      );
      const digest = digestOf(manifest);
      const parsed = parseManifest(manifest, undefined);
      const push = { repository, digest, bytes: manifest, parsed, tags, allowMissing: false };
      await putManifest(store.context, push);
      return { digest, size: manifest.length, layer };
    },
    async [Symbol.asyncDispose]() {
      await layers.close();
      await store.close();
      await removeTemporary(folder);
    },
  };
}
