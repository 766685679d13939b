/** Crawls that are killed at any point: nothing is counted twice, nothing is lost, limits are kept. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SourceItem } from '../../../../src/analysis/sources/types.ts';
import { startRandom } from '../../../support/random.ts';
import { makeTemporary, removeTemporary } from '../../../support/temporary.ts';
import { type HubServer, startHubServer } from '../../support/hub-server.ts';
import { makeHubWorld } from '../../support/hub-world.ts';

const isLong = process.env.STOWAGE_LONG === 'true';
const ROUNDS = isLong ? 20 : 3;
/** Kills of one round at most, each further on than the one before. */
const KILLS = 4;
/** Names that are looked up at the same time, of two pulls at most: what a kill may cost. */
const LOST_BY_A_KILL = 4 * 2;
const CRAWL = resolve(import.meta.dirname, '../../support/crawl.ts');

const world = makeHubWorld();
let folder: string;

beforeEach(async () => {
  folder = await makeTemporary('crawl');
});
afterEach(() => removeTemporary(folder));

/** Runs the crawl until so many requests have come, or to its end. */
async function crawl(server: HubServer, requests: number): Promise<(SourceItem | { end: true })[]> {
  const { options } = server;
  const child = spawn(process.execPath, [CRAWL, folder, server.url, '100'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let left = requests;
  server.options = {
    ...options,
    onRequest: () => {
      if (--left === 0) child.kill('SIGKILL');
    },
  };
  let text = '';
  child.stdout.on('data', (data) => {
    text += data;
  });
  await new Promise((done) => child.once('close', done));
  server.options = options;
  return text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line)] : []));
}

test(`${ROUNDS} crawls that are killed again and again`, {
  timeout: isLong ? 0 : 120_000,
}, async () => {
  const random = startRandom(isLong ? Date.now() : 5);
  for (let round = 0; round < ROUNDS; round++) {
    await removeTemporary(folder);
    folder = await makeTemporary('crawl');
    await using server = await startHubServer({
      ...world.options,
      limit: { pulls: 9, window: 1 },
    });
    let kills = 0;
    let lines = await crawl(server, random.between(1, 60));
    while (!lines.some((line) => 'end' in line)) {
      kills++;
      lines = await crawl(
        server,
        kills < KILLS ? random.between(1, 100) : Number.POSITIVE_INFINITY,
      );
    }
    const items = lines.filter((line) => 'kind' in line);
    const images = items.flatMap((item) =>
      item.kind === 'image' ? [`${item.image.repository} ${item.image.digest}`] : [],
    );
    const problems = items.flatMap((item) => (item.kind === 'problem' ? [item.problem.what] : []));
    expect(images.sort()).toEqual(world.images);
    expect(problems.map((what) => what.replace(/:latest$/, '')).sort()).toEqual(world.failing);
    const journal = await readFile(join(folder, 'docker-hub.ndjson'), 'utf8');
    const entries = journal
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const names = entries.filter(({ type }) => type === 'name').map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toHaveLength(world.options.repositories.length);
    const pages = entries.filter(({ type }) => type === 'page').map(({ page }) => page);
    expect(pages).toEqual(pages.map((_, i) => i + 1));
    expect(entries.filter(({ type }) => type === 'sample')).toHaveLength(1);
    const { overLimit, pulls, tooEarly } = server.counts;
    expect({ overLimit, tooEarly }).toEqual({ overLimit: 0, tooEarly: 0 });
    // Manifests that were cut on their way have to be pulled once more.
    expect(pulls).toBeLessThanOrEqual(world.pulls * 2 + kills * LOST_BY_A_KILL);
  }
});
