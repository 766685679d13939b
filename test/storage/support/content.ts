/** Pushes and pulls on a store as the HTTP handlers make them. */
import { type Digest, type DigestAlgorithm, digestOf } from '../../../src/oci/digest.ts';
import { parseManifest } from '../../../src/oci/manifest.ts';
import { OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST } from '../../../src/oci/media-types.ts';
import { findBlob } from '../../../src/storage/blobs.ts';
import { type Content, openContent, readContent } from '../../../src/storage/content.ts';
import { findManifest, findTag, putManifest } from '../../../src/storage/manifests.ts';
import type { Store } from '../../../src/storage/store.ts';
import type { SessionOwner } from '../../../src/storage/uploads/session-id.ts';
import type { Upload } from '../../../src/storage/uploads/upload.ts';

/** Bytes above the size up to which content lies in the metadata store. */
export const LARGE = 40_000;

/** Bytes that look random and are the same for the same seed. */
export function bytesOf(seed: number | string, size = 100): Buffer {
  const bytes = Buffer.alloc(size);
  let state = Number.parseInt(digestOf(Buffer.from(String(seed))).slice(7, 15), 16) || 1;
  for (let i = 0; i < size; i++) {
    // Xorshift (G. Marsaglia, 2003).
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 0xff;
  }
  return bytes;
}

/** Appends bytes to an upload in one request. */
export async function append(
  upload: Upload,
  bytes: Uint8Array,
  options: { readonly persist: boolean; readonly pieces?: number },
): Promise<void> {
  const writer = upload.open();
  const step = Math.max(1, Math.ceil(bytes.length / (options.pieces ?? 1)));
  for (let at = 0; at < bytes.length; at += step) {
    if (writer.write(bytes.subarray(at, at + step))) continue;
    await new Promise<void>((resolve) => {
      writer.onDrain = resolve;
    });
  }
  await writer.end(options.persist);
}

/** Begins an upload. */
export function startUpload(
  store: Store,
  owner: Partial<SessionOwner> & { readonly algorithm?: DigestAlgorithm } = {},
): Upload {
  return store.uploads.start({
    repository: 'a',
    subject: '',
    algorithm: 'sha256',
    ...owner,
  });
}

/** Pushes a blob in one request. */
export async function pushBlob(
  store: Store,
  repository: string,
  bytes: Uint8Array,
  algorithm: DigestAlgorithm = 'sha256',
): Promise<Digest> {
  const upload = startUpload(store, { repository, algorithm });
  await append(upload, bytes, { persist: false });
  const digest = digestOf(bytes, algorithm);
  await store.uploads.finish(upload, digest);
  return digest;
}

/** Bytes of a content, undefined when it cannot be read. */
async function bytesOfContent(
  store: Store,
  content: Content | undefined,
): Promise<Buffer | undefined> {
  return content && (await readContent(store.context, content));
}

/** What a GET of a blob gives. */
export function pullBlob(
  store: Store,
  repository: string,
  digest: Digest,
): Promise<Buffer | undefined> {
  return bytesOfContent(store, findBlob(store.context, repository, digest));
}

/** What a GET of a manifest by tag or digest gives. */
export async function pullManifest(
  store: Store,
  repository: string,
  reference: string,
): Promise<Buffer | undefined> {
  const isTag = !reference.includes(':');
  const digest = isTag ? findTag(store.context, repository, reference)?.digest : reference;
  if (digest === undefined) return undefined;
  return await bytesOfContent(store, findManifest(store.context, repository, digest)?.content);
}

/** Whether a file content can be opened; the file is let go at once. */
export async function canOpen(store: Store, content: Content): Promise<boolean> {
  const reader = await openContent(store.context, content);
  reader?.release();
  return reader !== undefined;
}

/** A descriptor of bytes. */
export function descriptorOf(bytes: Uint8Array, mediaType: string) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** A manifest that can be pushed. */
export interface ManifestSource {
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly mediaType: string;
}

function toSource(value: object, mediaType: string): ManifestSource {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...value }));
  return { bytes, digest: digestOf(bytes), mediaType };
}

/** An image of blobs: the first is its config. `extra` goes into the JSON. */
export function imageOf(blobs: readonly Uint8Array[], extra: object = {}): ManifestSource {
  const [config, ...layers] = blobs.map((bytes) =>
    descriptorOf(bytes, 'application/vnd.oci.image.layer.v1.tar+gzip'),
  );
  return toSource({ config, layers, ...extra }, OCI_IMAGE_MANIFEST);
}

/** An index of manifests. */
export function indexOf(manifests: readonly ManifestSource[], extra: object = {}): ManifestSource {
  const list = manifests.map(({ bytes, mediaType }) => descriptorOf(bytes, mediaType));
  return toSource({ manifests: list, ...extra }, OCI_IMAGE_INDEX);
}

/** The `subject` field that names a manifest. */
export function subjectOf({ bytes, mediaType }: ManifestSource): object {
  return { subject: descriptorOf(bytes, mediaType) };
}

/** Pushes a manifest. */
export async function pushManifest(
  store: Store,
  repository: string,
  source: Pick<ManifestSource, 'bytes'> & { readonly mediaType?: string | undefined },
  options: { readonly tags?: readonly string[]; readonly allowMissing?: boolean } = {},
): Promise<Digest> {
  const { bytes, mediaType } = source;
  const digest = digestOf(bytes);
  await putManifest(store.context, {
    repository,
    digest,
    bytes,
    parsed: parseManifest(bytes, mediaType),
    tags: options.tags ?? [],
    allowMissing: options.allowMissing ?? false,
  });
  return digest;
}

/** Pushes blobs and an image of them. */
export async function pushImage(
  store: Store,
  repository: string,
  blobs: readonly Uint8Array[],
  options: { readonly tags?: readonly string[]; readonly extra?: object } = {},
): Promise<ManifestSource> {
  for (const bytes of blobs) await pushBlob(store, repository, bytes);
  const image = imageOf(blobs, options.extra);
  await pushManifest(store, repository, image, { tags: options.tags ?? [] });
  return image;
}
