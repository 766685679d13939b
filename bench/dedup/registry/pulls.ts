/** Pull times in interleaved pairs: one registry and then the other, in random order. */
import type { CorpusImage } from '../../corpus/layouts.ts';
import { median, shuffled } from '../../registry/measure/statistics.ts';
import { dropCache } from '../../registry/measure/storage.ts';
import type { Roster } from '../../registry/servers/roster.ts';
import type { Target } from '../../registry/servers/types.ts';
import type { Client, ClientName } from './clients.ts';
import type { Pair } from './fill.ts';

/** `cold`: the server was restarted and its files were not in the page cache. */
export const STATES = ['cold', 'warm'] as const;

/** In what state a registry is pulled from. */
export type State = (typeof STATES)[number];

/** Pairs of one image, client and state. */
export interface Pulls {
  readonly image: string;
  readonly client: ClientName;
  readonly state: State;
  /** Seconds of each pair. */
  readonly pairs: readonly { readonly stowage: number; readonly debian: number }[];
}

/** What is pulled, and how often. */
export interface PullOptions {
  readonly roster: Roster;
  readonly images: readonly CorpusImage[];
  readonly clients: readonly Client[];
  readonly pairs: number;
  readonly random: () => number;
}

/** The registries of a roster as they run now. */
export function pairOf({ targets }: Roster): Pair {
  const find = (name: string): Target => {
    const target = targets.find((candidate) => candidate.name === name);
    if (target === undefined) throw new Error(`${name} does not run`);
    return target;
  };
  return { stowage: find('stowage'), debian: find('docker-registry') };
}

async function measure(
  { roster, pairs, random }: PullOptions,
  image: CorpusImage,
  client: Client,
  state: State,
): Promise<Pulls> {
  const names = ['stowage', 'debian'] as const;
  const pull = async (name: (typeof names)[number]): Promise<number> => {
    let target = pairOf(roster)[name];
    if (state === 'cold') {
      target = await roster.restart(target, () => dropCache(target.dataDir!));
    }
    return await client.pull(target, image);
  };
  if (state === 'warm') for (const name of names) await pull(name);
  const rows: Pulls['pairs'][number][] = [];
  for (let i = 0; i < pairs; i++) {
    const row = { stowage: 0, debian: 0 };
    for (const name of shuffled(names, random)) row[name] = await pull(name);
    rows.push(row);
  }
  return { image: image.name, client: client.name, state, pairs: rows };
}

/** Pulls all images with all clients. @throws Error when one pull fails */
export async function measurePulls(options: PullOptions): Promise<Pulls[]> {
  const results: Pulls[] = [];
  for (const client of options.clients) {
    for (const state of STATES) {
      for (const image of options.images) {
        results.push(await measure(options, image, client, state));
        const { pairs } = results.at(-1)!;
        const ratio = median(pairs.map(({ stowage, debian }) => stowage / debian));
        const what = `${client.name}, ${state}: ${image.name} pulled`;
        process.stderr.write(`${what}, median of the ratios ${ratio.toFixed(3)}\n`);
      }
    }
  }
  return results;
}
