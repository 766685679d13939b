/** Looks for what a refused request should not have left behind. */
import { expect } from 'vitest';
import { expectStatus } from './assertions.ts';
import { allPages } from './pages.ts';
import { type RegistryUnderTest, startsStowage } from './registry.ts';
import { blobPath, get, head, readManifest, tagsPath } from './requests.ts';

/**
 * Expects that a repository into which nothing was pushed successfully is as it was: no tags, none
 * of these digests as blob or manifest, not in the catalogue, and the registry still answers.
 */
export async function expectNothingLeft(
  registry: RegistryUnderTest,
  repository: string,
  digests: readonly string[] = [],
): Promise<void> {
  const { client } = registry;
  expectStatus(await get(client, '/v2/'), 200);
  for (const digest of digests) {
    expectStatus(await head(client, blobPath(repository, digest)), 404);
    expectStatus(await readManifest(client, repository, digest, 'HEAD'), 404);
  }
  const tags = expectStatus(await get(client, tagsPath(repository)), 200, 404);
  if (tags.status === 200) expect(tags.json<{ tags: string[] | null }>().tags ?? []).toEqual([]);
  // Somebody else's catalogue may be huge, or closed.
  if (!startsStowage) return;
  const pages = await allPages(client, '/v2/_catalog');
  const names = pages.flatMap((page) => page.json<{ repositories: string[] }>().repositories);
  expect(names).not.toContain(repository);
}
