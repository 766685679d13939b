/** Images as the benchmark pushes them: a configuration, layers of random bytes, a manifest. */
import { hash, randomBytes, randomFillSync } from 'node:crypto';
import {
  type Client,
  type Content,
  expectAbsent,
  MANIFEST_TYPE,
  pushBlob,
  pushManifest,
} from './client.ts';

const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';
/** Layers of the small image of the push rows, in bytes: both too large to be kept as metadata. */
const LAYER_BYTES = [64 * 1024, 1024 * 1024] as const;

/** The text of a manifest over blobs that were pushed. */
export function manifestOf(config: Content, layers: readonly Content[]): Buffer {
  const descriptor = (mediaType: string, { digest, size }: Content): object => ({
    mediaType,
    digest,
    size,
  });
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: descriptor(CONFIG_TYPE, config),
      layers: layers.map((layer) => descriptor(LAYER_TYPE, layer)),
    }),
  );
}

/** A configuration that no other image has. */
export function uniqueConfig(nonce = randomBytes(16).toString('hex')): Buffer {
  return Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Env: ['PATH=/usr/local/bin:/usr/bin:/bin'], Labels: { nonce } },
      rootfs: { type: 'layers', diff_ids: [] },
    }),
  );
}

/** Buffers of one pusher, filled anew for each image. */
export interface ImagePusher {
  /** Pushes one more image; gives its manifest and blobs. */
  push(): Promise<Content[]>;
}

/**
 * Prepares pushes of small images, each unique: HEAD (404), POST and PUT for the configuration and
 * two layers, then the manifest under a new tag.
 * @param clients - blobs go over these side by side; with one, one after the other
 */
export function prepareImagePush(clients: readonly Client[], repository: string): ImagePusher {
  const layers = LAYER_BYTES.map((size) => Buffer.allocUnsafeSlow(size));
  const push = async (client: Client, body: Buffer): Promise<Content> => {
    const digest = `sha256:${hash('sha256', body, 'hex')}`;
    await expectAbsent(client, `/v2/${repository}/blobs/${digest}`);
    return await pushBlob(client, repository, body, digest);
  };
  return {
    async push() {
      for (const layer of layers) randomFillSync(layer);
      const bodies = [uniqueConfig(), ...layers];
      const blobs = new Array<Content>(bodies.length);
      await Promise.all(
        clients.map(async (client, first) => {
          for (let i = first; i < bodies.length; i += clients.length) {
            blobs[i] = await push(client, bodies[i]!);
          }
        }),
      );
      const [config, ...rest] = blobs as [Content, ...Content[]];
      const tag = `t-${config.digest.slice(7, 39)}`;
      const manifest = manifestOf(config, rest);
      return [...blobs, await pushManifest(clients[0]!, repository, tag, manifest)];
    },
  };
}
