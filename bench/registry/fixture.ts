/** The content that every server of a run holds: the same bytes, pushed through the protocol. */
import { createCipheriv, hash } from 'node:crypto';
import { type Client, type Content, pushBlob, pushManifest } from './load/client.ts';
import { manifestOf, uniqueConfig } from './load/image.ts';
import { BLOB_BYTES, type PullRow } from './rows.ts';

/** Repository of the fixture. */
export const FIXTURE_REPOSITORY = 'bench/fixture';

/** Repository that the push rows fill. */
export const PUSH_REPOSITORY = 'bench/pushed';

/** What the reading rows ask for, by the name that {@link PullRow} gives it. */
export type Fixture = Readonly<Record<PullRow['content'], Content>>;

/** An endless sequence of bytes that no compression shortens; the same for the same name. */
export interface ByteSource {
  /** The next bytes, in a new buffer. */
  next(bytes: number): Buffer;
}

/** Starts a sequence of bytes (AES-128 in counter mode over zeros, keyed by the name). */
export function byteSource(name: string): ByteSource {
  const seed = Buffer.from(hash('sha256', name, 'hex'), 'hex');
  const cipher = createCipheriv('aes-128-ctr', seed.subarray(0, 16), seed.subarray(16));
  let zeros = Buffer.alloc(0);
  return {
    next(bytes) {
      if (zeros.length !== bytes) zeros = Buffer.alloc(bytes);
      return cipher.update(zeros);
    },
  };
}

/** Pushes the fixture to a server. */
export async function pushFixture(client: Client): Promise<Fixture> {
  const push = (name: keyof typeof BLOB_BYTES): Promise<Content> =>
    pushBlob(client, FIXTURE_REPOSITORY, byteSource(name).next(BLOB_BYTES[name]));
  const config = await pushBlob(client, FIXTURE_REPOSITORY, uniqueConfig('fixture'));
  const small = await push('small');
  const medium = await push('medium');
  const large = await push('large');
  const manifest = manifestOf(config, [small, medium, large]);
  const tag = await pushManifest(client, FIXTURE_REPOSITORY, 'latest', manifest);
  const path = `/v2/${FIXTURE_REPOSITORY}/manifests/${tag.digest}`;
  return { tag, manifest: { ...tag, path }, small, medium, large };
}
