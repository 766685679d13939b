/**
 * How long it takes to find the images that hold a file, over HTTP:
 *
 *     node bench/dedup/find.ts [--files N] [--searches N] [--folder FOLDER] [--report FILE|none]
 *
 * Makes layers of 10,000 small files, no two of which are the same, and images of five layers. Every
 * answer is compared with what was pushed. Cold: the server was started anew, and its files were not in
 * the page cache.
 */
import { hash } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import {
  type Client,
  MANIFEST_TYPE,
  openClient,
  pushBlob,
  pushManifest,
} from '../registry/load/client.ts';
import { describeMachine } from '../registry/measure/machine.ts';
import { quantile } from '../registry/measure/statistics.ts';
import { dropCache } from '../registry/measure/storage.ts';
import { type Column, figure, formatTable } from '../registry/report/table.ts';
import { writeReport } from '../registry/report/write.ts';
import { openOperator } from '../registry/servers/operator.ts';
import { startStowage } from '../registry/servers/stowage.ts';
import { AT_ONCE, DATABASE } from './stores.ts';
import { smallFiles, tarOf } from './tar.ts';

const FILES_OF_LAYER = 10_000;
const LAYERS_OF_IMAGE = 5;
const POLL_MS = 500;
const GOAL_MS = 100;

const repositoryOf = (image: number): string => `bench/find-${image}`;

/** The file of a number, from 1 on. */
function fileOf(number: number): { readonly name: string; readonly digest: string } {
  const [{ name, body } = { name: '', body: Buffer.alloc(0) }] = smallFiles(1, number);
  return { name: name.slice(name.lastIndexOf('/') + 1), digest: `sha256:${hash('sha256', body)}` };
}

const imageOf = (number: number): number =>
  Math.floor((number - 1) / (FILES_OF_LAYER * LAYERS_OF_IMAGE));

async function pushImage(client: Client, image: number, layers: number): Promise<void> {
  const repository = repositoryOf(image);
  const config = await pushBlob(client, repository, Buffer.from(JSON.stringify({ image })));
  const parts: object[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const first = (image * LAYERS_OF_IMAGE + layer) * FILES_OF_LAYER + 1;
    const tar = Buffer.concat([...tarOf(smallFiles(FILES_OF_LAYER, first))]);
    const { digest, size } = await pushBlob(client, repository, gzipSync(tar, { level: 1 }));
    parts.push({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size });
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: config.digest,
      size: config.size,
    },
    layers: parts,
  };
  await pushManifest(client, repository, 'v1', Buffer.from(JSON.stringify(manifest)));
}

/** A kind of search, by milliseconds. */
interface Row {
  readonly what: string;
  readonly times: readonly number[];
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'search', value: ({ what }) => what, left: true },
  ...[0.5, 0.99, 1].map(
    (q): Column<Row> => ({
      title: q === 1 ? 'max ms' : `p${q * 100} ms`,
      value: ({ times }) => figure(quantile(times, q)),
    }),
  ),
  {
    title: `< ${GOAL_MS} ms`,
    value: ({ times }) => (quantile(times, 1) < GOAL_MS ? 'reached' : 'MISSED'),
    left: true,
  },
];

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '1000000' },
    searches: { type: 'string', default: '500' },
    folder: { type: 'string', default: tmpdir() },
    report: { type: 'string' },
    json: { type: 'string' },
  },
});
const files = Number(values.files);
const layers = Math.ceil(files / FILES_OF_LAYER);
const images = Math.ceil(layers / LAYERS_OF_IMAGE);

/** Searches for files by something, and checks what is found. */
async function search(url: string, what: 'digest' | 'name', count: number): Promise<number[]> {
  const { operations } = openOperator(url);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const number = 1 + Math.floor(Math.random() * layers * FILES_OF_LAYER);
    const wanted = fileOf(number)[what];
    const start = performance.now();
    const { items, next } = await operations.files.find({ [what]: wanted });
    times.push(performance.now() - start);
    const repositories = items.map(({ repository }) => repository);
    if (!repositories.includes(repositoryOf(imageOf(number))) || next !== null) {
      throw new Error(`${wanted}: found in ${repositories.join(', ') || 'nothing'}`);
    }
  }
  return times;
}

async function searchForNothing(url: string, count: number): Promise<number[]> {
  const { operations } = openOperator(url);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    const digest = `sha256:${hash('sha256', `nothing ${i}`)}`;
    const { items } = await operations.files.find({ digest });
    times.push(performance.now() - start);
    if (items.length > 0) throw new Error('found what is not there');
  }
  return times;
}

const machine = describeMachine();
const folder = await mkdtemp(join(values.folder, 'stowage-bench-find-'));
const dataDir = join(folder, 'data');
const start = () => startStowage({ folder, certificate: undefined, env: AT_ONCE, dataDir });
try {
  let server = await start();
  try {
    const client = await openClient(server.endpoint);
    const { operations } = openOperator(server.endpoint.url);
    for (let image = 0; image < images; image++) {
      await pushImage(client, image, Math.min(LAYERS_OF_IMAGE, layers - image * LAYERS_OF_IMAGE));
      while ((await operations.dedup.report()).state === 'working') await delay(POLL_MS);
      process.stderr.write(`${image + 1} of ${images} images\n`);
    }
    client.connection.close();
    const report = await operations.dedup.report();
    if (report.layers.recipeOnly < layers) throw new Error('not all layers were taken apart');
    await server.stop();
    const { size: database } = await stat(join(dataDir, 'metadata', DATABASE));
    const rows: Row[] = [];
    const cold: number[] = [];
    for (let i = 0; i < 10; i++) {
      await dropCache(dataDir);
      server = await start();
      cold.push(...(await search(server.endpoint.url, 'digest', 1)));
      await server.stop();
    }
    rows.push({ what: 'by digest, the first one of a cold server', times: cold });
    server = await start();
    const { url } = server.endpoint;
    const searches = Number(values.searches);
    rows.push(
      { what: 'by digest', times: await search(url, 'digest', searches) },
      { what: 'by a digest that is not there', times: await searchForNothing(url, searches) },
      { what: 'by name', times: await search(url, 'name', searches) },
    );
    const { entries, keyBytes } = report.files;
    const what =
      `${entries} files in ${layers} layers of ${images} images; ${searches} searches of each kind. The keys ` +
      `by which files are found take ${figure(keyBytes / 1e6)} MB of the ${figure(database / 1e6)} MB of the ` +
      'database.';
    await writeReport(
      {
        title: 'Finding files',
        name: 'find',
        machine,
        targets: [],
        sections: [`## Figures\n\n${what}\n\n${formatTable(COLUMNS, rows)}`],
        data: { files, layers, images, rows },
      },
      values,
    );
  } finally {
    await server.stop();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
