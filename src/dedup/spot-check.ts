/**
 * Rebuilds some layers whole, chosen anew each time. A scrub reads every group and compares its
 * checksum; that they still make the layers that they should is seen by doing it.
 */
import type { Digest } from '../oci/digest.ts';
import type { KeyValueStore } from '../storage/kv/types.ts';
import { lastPart, ranges } from '../storage/metadata/keys.ts';
import { startPace } from '../storage/pace.ts';
import { keySteps } from '../storage/steps.ts';
import { LayerUnknownError } from './errors.ts';
import type { Layers } from './layers.ts';

/** Of so many layers one is rebuilt, one at least and never more than `MOST`. */
const ONE_IN = 100;
const MOST = 500;

/** How many are chosen. */
export interface LayerChoice {
  readonly count: number;
  /** Numbers from 0 up to 1, not included. */
  readonly random: () => number;
}

/**
 * Chooses layers, each as likely as any other. Memory: what is chosen. Algorithm R of J. S. Vitter,
 * Random Sampling with a Reservoir, 1985.
 */
export async function chooseLayers(
  kv: KeyValueStore,
  { count, random }: LayerChoice,
  signal: AbortSignal,
): Promise<Digest[]> {
  const chosen: Digest[] = [];
  let seen = 0;
  for await (const found of keySteps(kv, ranges.recipes(), { pace: startPace(signal), signal })) {
    for (const key of found) {
      const place = Math.floor(random() * ++seen);
      if (chosen.length < count) chosen.push(lastPart(key));
      else if (place < count) chosen[place] = lastPart(key);
    }
  }
  return chosen;
}

/**
 * Rebuilds layers one after the other, at the pace of the collector.
 * @returns how many were damaged; each was told of as by a pull
 * @throws the signal's reason, errors of the system that say nothing about the layers
 */
export async function spotCheck(
  kv: KeyValueStore,
  layers: Pick<Layers, 'isSound' | 'figures'>,
  signal: AbortSignal,
): Promise<number> {
  const pace = startPace(signal);
  const count = Math.min(MOST, Math.ceil(layers.figures().layers / ONE_IN));
  let damaged = 0;
  for (const digest of await chooseLayers(kv, { count, random: Math.random }, signal)) {
    try {
      if (!(await layers.isSound(digest, pace, signal))) damaged++;
    } catch (error) {
      // It may go at any time.
      if (!(error instanceof LayerUnknownError)) throw error;
    }
  }
  return damaged;
}
