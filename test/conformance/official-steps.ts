/**
 * The leaves of the official suite's test tree that occur under many branches, with its judgement
 * of statuses: what passes, what fails, and what only shows that an optional part is missing.
 */
import { it, type TestContext } from 'vitest';
import {
  expectBody,
  expectDigestHeader,
  expectHeader,
  expectStatus,
  unsupported,
} from './assertions.ts';
import type { Manifest } from './content.ts';
import type { RegistryUnderTest } from './registry.ts';
import { blobPath, get, head, manifestPath, readManifest, remove } from './requests.ts';
import { settings } from './settings.ts';

const { api } = settings;

/**
 * Registers a test that is skipped when the settings switch its part off. That is the user's wish,
 * so it is no failure in a strict run either.
 */
export function leaf(
  name: string,
  enabled: boolean,
  run: (context: TestContext) => Promise<void>,
): void {
  it.runIf(enabled)(name, run);
}

/** A blob that exists. */
export interface ExistingBlob {
  readonly digest: string;
  /** Undefined when its content is not known. */
  readonly bytes: Buffer | undefined;
}

/** HEAD of a blob that exists. */
export async function expectBlobHead(
  { client }: RegistryUnderTest,
  repository: string,
  { digest, bytes }: ExistingBlob,
): Promise<void> {
  const response = expectStatus(await head(client, blobPath(repository, digest)), 200);
  if (bytes !== undefined) expectHeader(response, 'content-length', String(bytes.length));
  expectBody(response, Buffer.alloc(0));
  expectDigestHeader(response, digest, api.blobs.digestHeader);
}

/** GET of a blob that exists. */
export async function expectBlobGet(
  { client }: RegistryUnderTest,
  repository: string,
  { digest, bytes }: ExistingBlob,
): Promise<void> {
  const response = expectStatus(await get(client, blobPath(repository, digest)), 200);
  if (bytes !== undefined) {
    expectHeader(response, 'content-length', String(bytes.length));
    expectBody(response, bytes);
  }
  expectDigestHeader(response, digest, api.blobs.digestHeader);
}

/** DELETE of a blob, gone at once where deletes are atomic; it need not exist. */
export async function expectBlobDeleted(
  context: TestContext,
  { client }: RegistryUnderTest,
  repository: string,
  digest: string,
): Promise<void> {
  const target = blobPath(repository, digest);
  const response = expectStatus(await remove(client, target), 202, 404, 405);
  if (response.status === 405) unsupported(context, 'blobs cannot be deleted');
  if (api.blobs.atomic) expectStatus(await head(client, target), 404);
}

/** GET or HEAD of a manifest that exists. */
export async function expectManifest(
  { client }: RegistryUnderTest,
  repository: string,
  where: {
    readonly method: 'GET' | 'HEAD';
    readonly reference: string;
    /** Undefined when its content is not known. */
    readonly manifest: Manifest | undefined;
  },
): Promise<void> {
  const { method, reference, manifest } = where;
  const response = expectStatus(await readManifest(client, repository, reference, method), 200);
  if (method === 'HEAD') expectBody(response, Buffer.alloc(0));
  if (manifest === undefined) return;
  expectHeader(response, 'content-type', manifest.mediaType);
  expectHeader(response, 'content-length', String(manifest.bytes.length));
  if (method === 'GET') expectBody(response, manifest.bytes);
  expectDigestHeader(response, manifest.digest, api.manifests.digestHeader);
}

/** DELETE of a tag or manifest, gone at once where deletes are atomic; it need not exist. */
export async function expectManifestDeleted(
  context: TestContext,
  { client }: RegistryUnderTest,
  where: { readonly repository: string; readonly reference: string; readonly atomic: boolean },
): Promise<void> {
  const target = manifestPath(where.repository, where.reference);
  const response = expectStatus(await remove(client, target), 202, 404, 400, 405);
  if (response.status === 400 || response.status === 405) {
    unsupported(context, `DELETE of ${where.reference} is not supported`);
  }
  if (!where.atomic) return;
  expectStatus(await readManifest(client, where.repository, where.reference, 'HEAD'), 404);
}
