/**
 * A corpus of real images in Stowage and in Debian's docker-registry: space, pull times, memory.
 *
 *     node bench/corpus/main.ts
 *     node bench/dedup/registry.ts [--folder CORPUS] [--pairs N] [--images A,B] [--clients A,B]
 *
 * See bench/README.md.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CorpusImage, corpusFolder, readCorpus } from '../corpus/layouts.ts';
import { identityOf, lockedForm } from '../corpus/lock.ts';
import { describeMachine } from '../registry/measure/machine.ts';
import { sampleMemory } from '../registry/measure/process.ts';
import { seededRandom } from '../registry/measure/statistics.ts';
import { dropCache, requireSpace, sizeOf } from '../registry/measure/storage.ts';
import { writeReport } from '../registry/report/write.ts';
import { countOf, listOf } from '../registry/runs/options.ts';
import { openOperator } from '../registry/servers/operator.ts';
import { type Roster, startRoster } from '../registry/servers/roster.ts';
import { CLIENTS, type ClientName, openClients } from './registry/clients.ts';
import { fill } from './registry/fill.ts';
import { measurePulls, pairOf } from './registry/pulls.ts';
import { type Disk, type Results, sectionsOf } from './registry/report.ts';
import { AT_ONCE } from './stores.ts';

const SAMPLE_MS = 50;

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: corpusFolder('short') },
    /** Of each image, client and state; 0 leaves pull times out. */
    pairs: { type: 'string', default: '15' },
    /** Whose pulls are timed; default: the last image of each repository. */
    images: { type: 'string' },
    clients: { type: 'string', default: 'skopeo' },
    seed: { type: 'string', default: '1' },
    /** Where registries keep their data; default: the system's temporary folder. */
    data: { type: 'string' },
    json: { type: 'string' },
    report: { type: 'string' },
  },
});

function clientsOf(text: string): ClientName[] {
  return listOf(text).map((name) => {
    const known = CLIENTS.find((client) => client === name);
    if (known === undefined) throw new Error(`no client ${name}; there are ${CLIENTS.join(', ')}`);
    return known;
  });
}

/** The images whose pulls are timed. */
function chosenImages(images: readonly CorpusImage[], text: string | undefined): CorpusImage[] {
  if (text === undefined) {
    const last = new Map(images.map((image) => [image.repository, image]));
    return [...last.values()];
  }
  return listOf(text).map((name) => {
    const image = images.find((candidate) => candidate.name === name);
    if (image === undefined) throw new Error(`the corpus has no ${name}`);
    return image;
  });
}

async function diskOf(roster: Roster): Promise<Disk> {
  const { stowage, debian } = pairOf(roster);
  const folder = stowage.dataDir!;
  const names = (await readdir(folder)).sort();
  const parts = names.map(async (name) => [name, await sizeOf(join(folder, name))] as const);
  return {
    stowage: await sizeOf(folder),
    debian: await sizeOf(debian.dataDir!),
    parts: await Promise.all(parts),
  };
}

async function restartAll(roster: Roster): Promise<void> {
  for (const target of [...roster.targets]) {
    await roster.restart(target, () => dropCache(target.dataDir!));
  }
}

async function measure(
  roster: Roster,
  corpus: string,
  images: readonly CorpusImage[],
): Promise<Results> {
  const scratch = join(roster.folder, 'clients');
  await mkdir(scratch);
  const { skopeo, clients } = await openClients(clientsOf(values.clients), scratch, corpus);
  try {
    const filled = await fill(pairOf(roster), images, corpus, skopeo);
    await restartAll(roster);
    const { stowage, debian } = pairOf(roster);
    const disk = await diskOf(roster);
    const sampler = sampleMemory(stowage.pid, SAMPLE_MS);
    try {
      for (const image of images) {
        for (const target of [stowage, debian]) await skopeo.pull(target, image);
      }
    } finally {
      sampler.stop();
    }
    const dedup = await openOperator(stowage.endpoint.url).operations.dedup.report();
    if (dedup.restored.bytes === 0) throw new Error('nothing that was pulled had been rebuilt');
    const memory = { fill: filled.memory, pulls: sampler.stop() };
    const pairs = values.pairs === '0' ? 0 : countOf(values.pairs, 'pairs');
    const pulls = await measurePulls({
      roster,
      clients: pairs === 0 ? [] : clients,
      images: chosenImages(images, values.images),
      pairs,
      random: seededRandom(Number(values.seed)),
    });
    const small = new Map(
      images.flatMap(({ manifest, config }) => [manifest, config]).map((b) => [b.digest, b.size]),
    );
    const metadata = [...small.values()].reduce((sum, size) => sum + size, 0);
    return { images: filled.images, disk, metadata, dedup, memory, pulls };
  } finally {
    for (const client of clients) await client.close();
  }
}

const machine = describeMachine();
const corpus = values.folder;
const images = await readCorpus(corpus);
if (images.length === 0) throw new Error(`no corpus in ${corpus}: run bench/corpus/main.ts first`);
const form = await lockedForm(images);
const roster = await startRoster({
  servers: ['stowage', 'docker-registry'],
  peers: [],
  schemes: ['http'],
  folder: values.data,
  env: AT_ONCE,
});
try {
  await requireSpace(roster.folder, 4 * (await sizeOf(corpus)));
  const results = await measure(roster, corpus, images);
  const which =
    form === undefined ? 'no lock of the project has it' : `bench/corpus/${form}.lock.json`;
  const sections = [
    `## Corpus\n\n${images.length} images, ${identityOf(images)} (${which}).`,
    ...sectionsOf(results),
  ];
  await writeReport(
    {
      title: 'A corpus of images in Stowage and in docker-registry',
      name: 'dedup-registry',
      machine,
      targets: roster.targets,
      sections,
      data: { corpus: { form, identity: identityOf(images) }, ...results },
    },
    values,
  );
} finally {
  await roster.close();
}
