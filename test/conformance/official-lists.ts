/** Tag lists and referrers lists as the official suite reads them. */
import { expect } from 'vitest';
import { expectHeader, expectStatus } from './assertions.ts';
import { type Descriptor, MEDIA_TYPES } from './content.ts';
import type { RegistryUnderTest } from './registry.ts';
import { get, referrersPath, tagsPath } from './requests.ts';
import type { RegistryResponse } from './response.ts';

/** Tags of a repository, none when it does not exist. */
export async function expectTagList(
  { client }: RegistryUnderTest,
  repository: string,
  query = '',
): Promise<readonly string[]> {
  const response = expectStatus(await get(client, tagsPath(repository) + query), 200, 404);
  if (response.status === 404) return [];
  const { tags } = response.json<{ tags: unknown }>();
  if (tags === null || tags === undefined) return [];
  expect(Array.isArray(tags), response.describe()).toBe(true);
  return tags as string[];
}

/** An answer of the referrers API and the descriptors in it. */
export interface ReferrersList {
  readonly response: RegistryResponse;
  readonly manifests: readonly Descriptor[];
}

/** Referrers of a digest, on the first page. */
export async function expectReferrersList(
  { client }: RegistryUnderTest,
  repository: string,
  digest: string,
  query = '',
): Promise<ReferrersList> {
  const target = referrersPath(repository, digest) + query;
  const response = expectStatus(await get(client, target), 200);
  expectHeader(response, 'content-type', MEDIA_TYPES.index);
  const index = response.json<{
    schemaVersion?: unknown;
    mediaType?: unknown;
    manifests?: Descriptor[] | null;
  }>();
  expect(index.schemaVersion, response.describe()).toBe(2);
  expect(index.mediaType, response.describe()).toBe(MEDIA_TYPES.index);
  return { response, manifests: index.manifests ?? [] };
}

/** True when a list has this referrer with all that is known of it. */
export function listsReferrer(list: readonly Descriptor[], wanted: Descriptor): boolean {
  return list.some(
    (one) =>
      one.digest === wanted.digest &&
      one.mediaType === wanted.mediaType &&
      one.size === wanted.size &&
      (one.artifactType ?? '') === (wanted.artifactType ?? '') &&
      Object.entries(wanted.annotations ?? {}).every(
        ([key, value]) => one.annotations?.[key] === value,
      ),
  );
}
