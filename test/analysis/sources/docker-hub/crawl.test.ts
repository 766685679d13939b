/** Samples of a Docker Hub in which much goes wrong. */
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type DockerHubOptions,
  type DockerHubSource,
  openDockerHubSource,
} from '../../../../src/analysis/sources/docker-hub/source.ts';
import { makeTemporary, removeTemporary } from '../../../support/temporary.ts';
import { collect, HASTY, readLayer } from '../../support/collect.ts';
import { type HubOptions, type HubServer, startHubServer } from '../../support/hub-server.ts';
import { makeHubWorld, PAGE_SIZE } from '../../support/hub-world.ts';

const world = makeHubWorld();
let folder: string;
let server: HubServer;
const sources: DockerHubSource[] = [];

beforeEach(async () => {
  folder = await makeTemporary('crawl');
});
afterEach(async () => {
  for (const source of sources.splice(0)) await source.close();
  await server[Symbol.asyncDispose]();
  await removeTemporary(folder);
});

async function serve(options: Partial<HubOptions> = {}): Promise<void> {
  server = await startHubServer({ ...world.options, ...options });
}

async function open(options: Partial<DockerHubOptions> = {}): Promise<DockerHubSource> {
  const source = await openDockerHubSource({
    folder,
    query: 'app',
    sample: { size: 100, seed: 7, method: 'uniform' },
    pageSize: PAGE_SIZE,
    hubUrl: server.url,
    registryUrl: server.url,
    patience: HASTY,
    ...options,
  });
  sources.push(source);
  return source;
}

test('all of the frame, each name once, with pulls and stars; failures are told', async () => {
  await serve();
  const source = await open();
  expect(source.title).toBe('Docker Hub, search for "app"');
  expect(source.note).toBeUndefined();
  const { images, problems } = await collect(source);
  expect(images.map(({ repository, digest }) => `${repository} ${digest}`).sort()).toEqual(
    world.images,
  );
  for (const { repository, pulls, stars, tag, platform } of images) {
    const one = world.options.repositories.find(({ name }) => name === repository)!;
    expect({ pulls, stars, tag }).toEqual({ pulls: one.pulls, stars: one.stars, tag: 'latest' });
    expect(platform?.architecture).toBe('amd64');
  }
  expect(problems.map(({ what }) => what.replace(/:latest$/, '')).sort()).toEqual(world.failing);
  for (const reason of [/is not there/, /schema 1/, /401.*give name and password/]) {
    expect(problems.filter((problem) => reason.test(problem.reason))).toHaveLength(3);
  }
  expect(source.frame).toMatchObject({ names: 30, sampled: 30, pages: 5, failedPages: 0, seed: 7 });
  expect(source.note).toMatch(/^5 pages on \d{4}-\d\d-\d\d: 30 of 30 names, uniform, seed 7$/);
  const { layers } = images[0]!;
  expect((await readLayer(source, layers[0]!)).length).toBe(layers[0]!.size);
});

test('another run with the same options asks for nothing again, and gives the same', async () => {
  await serve();
  const first = await collect(await open());
  await sources.pop()!.close();
  const before = server.counts.requests;
  const source = await open();
  expect(source.frame?.names).toBe(30);
  expect(await collect(source)).toEqual(first);
  expect(server.counts.requests).toBe(before);
  // Layers are had by it all the same.
  expect((await readLayer(source, first.images[0]!.layers[0]!)).length).toBeGreaterThan(0);
});

test('a budget of pulls stops the crawl; the next run goes on', async () => {
  await serve();
  let images = 0;
  for (let run = 0; run < 20; run++) {
    const source = await open({ budget: { pulls: 7 } });
    const found = await collect(source);
    await source.close();
    sources.pop();
    expect(found.images.length).toBeGreaterThanOrEqual(images);
    images = found.images.length;
    const last = found.problems.at(-1)!;
    if (!/run again to go on/.test(last.reason)) break;
    expect(last.reason).toMatch(/budget of 7 pulls is used up; \d+ of 30 names are left/);
    expect(server.counts.pulls).toBeLessThanOrEqual(7 * (run + 1));
  }
  expect(images).toBe(world.images.length);
});

test('limits of pulls are kept by waiting, or end the run when that would take too long', async () => {
  await serve({ limit: { pulls: 8, window: 1 } });
  expect((await collect(await open())).images).toHaveLength(world.images.length);
  expect(server.counts.overLimit).toBe(0);
  await sources.pop()!.close();
  await removeTemporary(folder);
  folder = await makeTemporary('crawl');
  server.options = { ...server.options, limit: { pulls: 5, window: 3600 } };
  const source = await open({ patience: { ...HASTY, longestWait: 1000 } });
  const { problems } = await collect(source);
  expect(problems.at(-1)?.reason).toMatch(/has no pull left of 5; .* names are left, run again/);
  expect(server.counts.overLimit).toBe(0);
});

test('a page that cannot be had is left out of the frame, and said so', async () => {
  await serve({
    fault: ({ kind, url }) =>
      kind === 'search' && url.searchParams.get('page') === '3' ? { status: 500 } : undefined,
  });
  const source = await open();
  const { problems } = await collect(source);
  expect(problems[0]).toEqual({
    what: 'page 3 of the listing',
    reason: expect.stringMatching(/500.*tried 3 times/),
  });
  expect(source.frame).toMatchObject({ pages: 4, failedPages: 1 });
  expect(source.note).toMatch(/4 pages \(1 more could not be had\)/);
});

test('a search that is gone ends the run, and nothing of it is final', async () => {
  await serve({ fault: ({ kind }) => (kind === 'search' ? { status: 503 } : undefined) });
  const source = await open();
  await expect(collect(source)).rejects.toThrow(/503/);
  server.options = world.options;
  expect((await collect(source)).images).toHaveLength(world.images.length);
});

test('a registry that is gone ends the run, and what was not had is asked for again', async () => {
  await serve({ fault: ({ kind }) => (kind === 'token' ? { status: 500 } : undefined) });
  const source = await open();
  await expect(collect(source)).rejects.toThrow(/500/);
  server.options = world.options;
  expect((await collect(source)).images).toHaveLength(world.images.length);
});

test('a name that cannot be reached is a failure at the end, of this run and the next', async () => {
  const broken = world.images[0]!.split(' ')[0]!;
  await serve({ fault: ({ name }) => (name === broken ? { status: 502 } : undefined) });
  const { images, problems } = await collect(await open());
  expect(images).toHaveLength(world.images.length - 1);
  expect(problems.at(-1)).toEqual({ what: broken, reason: expect.stringMatching(/502/) });
  await sources.pop()!.close();
  server.options = world.options;
  expect((await collect(await open())).problems).toEqual(problems);
});

test('samples: the size asked for, the same for the seed, and by pull counts', async () => {
  await serve();
  const sample = { size: 8, seed: 3, method: 'by-pulls' as const };
  const source = await open({ sample });
  await collect(source);
  expect(source.frame).toMatchObject({ names: 30, sampled: 8, method: 'by-pulls' });
  expect(source.frame!.strata.reduce((sum, { sampled }) => sum + sampled, 0)).toBe(8);
  const other = await makeTemporary('crawl');
  const twin = await open({ sample, folder: other });
  await collect(twin);
  const sampleOf = async (path: string): Promise<unknown> => {
    const text = await readFile(join(path, 'docker-hub.ndjson'), 'utf8');
    return text
      .split('\n')
      .filter((line) => line.includes('"sample"'))
      .map((line) => JSON.parse(line).names);
  };
  expect(await sampleOf(other)).toEqual(await sampleOf(folder));
  await removeTemporary(other);
});

test('the journal of another crawl is not taken, one with a torn end is', async () => {
  await serve();
  await collect(await open());
  await sources.pop()!.close();
  await expect(open({ query: 'other' })).rejects.toThrow(/other options/);
  await appendFile(join(folder, 'docker-hub.ndjson'), '{"type":"name","na');
  expect((await collect(await open())).images).toHaveLength(world.images.length);
});
