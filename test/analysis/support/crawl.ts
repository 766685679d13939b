/**
 * A crawl as a process of its own, to be killed: `node crawl.ts FOLDER URL SIZE`. Prints a line for each
 * item, and `{"end":true}` at the end.
 */
import { writeSync } from 'node:fs';
import { openDockerHubSource } from '../../../src/analysis/sources/docker-hub/source.ts';
import { PAGE_SIZE } from './hub-world.ts';

const [folder, url, size] = process.argv.slice(2);

function print(line: unknown): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

const source = await openDockerHubSource({
  folder: folder!,
  query: 'app',
  sample: { size: Number(size), seed: 7, method: 'uniform' },
  pageSize: PAGE_SIZE,
  hubUrl: url,
  registryUrl: url,
  patience: { firstPause: 5, longestPause: 20 },
});
for await (const item of source.items(new AbortController().signal)) print(item);
print({ end: true });
await source.close();
