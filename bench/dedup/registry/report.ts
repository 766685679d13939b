/** The sections of the report, as Markdown. */
import type { DedupReport } from '../../../src/registry/admin/operations.ts';
import { splitName } from '../../corpus/layouts.ts';
import type { Memory } from '../../registry/measure/process.ts';
import { median, medianInterval } from '../../registry/measure/statistics.ts';
import { type Column, figure, formatTable } from '../../registry/report/table.ts';
import { sumBounds } from './bound.ts';
import type { Added } from './fill.ts';
import type { Pulls, State } from './pulls.ts';

/** Confidence of the intervals of medians. */
const CONFIDENCE = 0.9;
/** What Stowage may take, as a multiple of the bound. */
const SPACE_GOAL = 1.02;
/** Upper ends of the intervals of pull times, as multiples of those of Debian's registry. */
const PULL_GOALS: Record<State, number> = { cold: 1.1, warm: 1.05 };

/** What lies on the disk of a registry after its restart. Bytes as du counts them. */
export interface Disk {
  readonly stowage: number;
  readonly debian: number;
  /** Parts of Stowage's data directory, by name. */
  readonly parts: readonly (readonly [name: string, bytes: number])[];
}

/** All that was measured. */
export interface Results {
  readonly images: readonly Added[];
  readonly disk: Disk;
  /** Configurations and manifests. Bytes. */
  readonly metadata: number;
  readonly dedup: DedupReport;
  readonly memory: { readonly fill: Memory; readonly pulls: Memory };
  readonly pulls: readonly Pulls[];
}

const megabytes = (bytes: number): string => figure(bytes / 1e6);
const goal = (isReached: boolean): string => (isReached ? 'reached' : 'MISSED');

/** Sums for a repository, or for all. */
function sumOf(name: string, images: readonly Added[]): Added {
  const sum = (value: (image: Added) => number): number =>
    images.reduce((total, image) => total + value(image), 0);
  return {
    name,
    bound: sumBounds(images.map(({ bound }) => bound)),
    debian: sum(({ debian }) => debian),
    stowage: sum(({ stowage }) => stowage),
    push: { stowage: sum(({ push }) => push.stowage), debian: sum(({ push }) => push.debian) },
    ingest: sum(({ ingest }) => ingest),
  };
}

const ADDED: readonly Column<Added>[] = [
  { title: 'image', value: ({ name }) => name, left: true },
  { title: 'new layers, MB', value: ({ bound }) => megabytes(bound.layers) },
  { title: 'Debian, MB', value: ({ debian }) => megabytes(debian) },
  { title: 'Stowage, MB', value: ({ stowage }) => megabytes(stowage) },
  { title: 'of Debian', value: ({ debian, stowage }) => figure(stowage / debian) },
  { title: 'bound, MB', value: ({ bound }) => megabytes(bound.ideal) },
  { title: 'of bound', value: ({ bound, stowage }) => figure(stowage / bound.ideal) },
  { title: 'push, of Debian', value: ({ push }) => figure(push.stowage / push.debian) },
  { title: 'ingest, s', value: ({ ingest }) => figure(ingest) },
];

function repositories(images: readonly Added[]): Added[] {
  const groups = Map.groupBy(images, ({ name }) => splitName(name)[0]);
  return [...groups].map(([name, own]) => sumOf(name, own));
}

function spaceSection({ images, disk, metadata, dedup }: Results): string {
  const all = sumOf('all', images);
  const { ideal, gaps } = all.bound;
  const { stored } = dedup;
  const layers = Object.values(stored).reduce((total, bytes) => total + bytes, 0);
  const ofBound = layers / ideal;
  const whole = disk.stowage / (ideal + metadata);
  const { refused, recipeOnly, intact, both } = dedup.layers;
  const kept = Object.values(refused).reduce((total, count) => total + count, 0);
  const parts = Object.entries(stored).map(
    ([name, bytes]) => `${name.replace('Bytes', '')} ${megabytes(bytes)}`,
  );
  return [
    '## Space',
    'Each image is pushed and taken apart before the next one. "Debian": growth of the data directory ' +
      'of docker-registry (du). "Stowage": growth of the bytes that stand for blobs, its database ' +
      'aside. "Bound": files of new layers that no layer before had, in the bits of the gzip, and ' +
      'what no file owns.',
    formatTable(ADDED, [...images, all]),
    formatTable(ADDED, repositories(images)),
    `Everything on disk (du, after a restart): docker-registry ${megabytes(disk.debian)} MB, Stowage ` +
      `${megabytes(disk.stowage)} MB, **${figure(disk.stowage / disk.debian)} times as much**. Of that ` +
      `${disk.parts.map(([name, bytes]) => `${name} ${megabytes(bytes)} MB`).join(', ')}.`,
    `The bound is ${megabytes(ideal)} MB (${megabytes(gaps)} MB of it owned by no file), and ` +
      `${megabytes(metadata)} MB of configurations and manifests. Layers take ${megabytes(layers)} MB in ` +
      `Stowage (${parts.join(', ')}), ${ofBound.toFixed(4)} times the bound; goal ${SPACE_GOAL}: ` +
      `${goal(ofBound <= SPACE_GOAL)}. Everything on disk is ${whole.toFixed(4)} times the bound with ` +
      `configurations and manifests.`,
    `Blobs: ${recipeOnly} as recipes only, ${both} as both, ${intact} intact ` +
      `(manifests and configurations among them); ${kept} layers refused.`,
  ].join('\n\n');
}

const ratios = ({ pairs }: Pulls): number[] => pairs.map((pair) => pair.stowage / pair.debian);

function intervalText(values: readonly number[]): string {
  const interval = medianInterval(values, CONFIDENCE);
  return interval === undefined ? '-' : `${figure(interval.low)} to ${figure(interval.high)}`;
}

const PULLS: readonly Column<Pulls>[] = [
  { title: 'client', value: ({ client }) => client, left: true },
  { title: 'state', value: ({ state }) => state, left: true },
  { title: 'image', value: ({ image }) => image, left: true },
  { title: 'pairs', value: ({ pairs }) => `${pairs.length}` },
  { title: 'Debian, s', value: ({ pairs }) => figure(median(pairs.map(({ debian }) => debian))) },
  { title: 'Stowage, s', value: ({ pairs }) => figure(median(pairs.map((pair) => pair.stowage))) },
  { title: 'ratio', value: (row) => figure(median(ratios(row))) },
  { title: '90 %', value: (row) => intervalText(ratios(row)) },
];

function pullSection({ pulls }: Results): string {
  const groups = Map.groupBy(pulls, ({ client, state }) => `${client}, ${state}`);
  const verdicts = [...groups].map(([name, rows]) => {
    const all = rows.flatMap(ratios);
    const limit = PULL_GOALS[rows[0]!.state];
    const high = medianInterval(all, CONFIDENCE)?.high ?? Number.POSITIVE_INFINITY;
    return (
      `- ${name}: ${figure(median(all))} (${intervalText(all)}) over ${all.length} pairs; ` +
      `goal for the upper end ${limit}: ${goal(high <= limit)}`
    );
  });
  return [
    '## Pull times',
    'Seconds of the client, and the median of the ratios within pairs, Stowage to docker-registry, ' +
      `with its ${CONFIDENCE * 100} % interval by ranks. Every layer that Stowage sends is rebuilt. Cold: the ` +
      'server was restarted and the kernel asked to forget its files; warm: pulled once before. ' +
      'skopeo copies to `dir:`, podman has the overlay driver. Every pull is checked, outside of its ' +
      'time; one that fails ends the run.',
    formatTable(PULLS, pulls),
    verdicts.join('\n'),
  ].join('\n\n');
}

function memorySection({ memory }: Results): string {
  const row = (what: string, { own, file }: Memory): string =>
    `- ${what}: ${megabytes(own)} MB, and ${megabytes(file)} MB of mapped files`;
  return [
    '## Memory',
    'Peak of RssAnon and RssShmem of Stowage with all its threads, sampled every 50 ms.',
    [row('pushes and ingest', memory.fill), row('all images pulled', memory.pulls)].join('\n'),
  ].join('\n\n');
}

/** Puts the sections together. */
export function sectionsOf(results: Results): string[] {
  const sections = [spaceSection(results)];
  if (results.pulls.length > 0) sections.push(pullSection(results));
  return [...sections, memorySection(results)];
}
