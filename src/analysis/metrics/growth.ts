/** How deduplication grows with the number of layers: random orders of them, and their samples. */
import type { Database } from '../dataset/database.ts';
import { query } from '../queries/load.ts';
import type { Figures } from './schema.ts';

type GrowthPoint = Figures['dedup']['growth'][number];

/** Random orders. */
const ORDERS = 20;
/** Layers for one insert. */
const ROWS_OF_INSERT = 2000;

/** Sizes of samples: 10, 20, 50, 100 and so on, and all. */
export function sampleSizes(layers: number): number[] {
  const sizes: number[] = [];
  for (let power = 10; power < layers; power *= 10) {
    sizes.push(...[power, 2 * power, 5 * power].filter((size) => size < layers));
  }
  return layers === 0 ? [] : [...sizes, layers];
}

/** Numbers from 0 to 2^32 - 1: mulberry32, by T. Ettinger, public domain. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** The numbers below `count` in a random order, the same for the same seed (Fisher and Yates). */
export function permutation(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const random = randomNumbers(seed);
  for (let i = count - 1; i > 0; i--) {
    const other = Math.floor((random() / 2 ** 32) * (i + 1));
    const kept = order[i]!;
    order[i] = order[other]!;
    order[other] = kept;
  }
  return order;
}

/** The value of a rank, 0 to 1, by nearest rank. */
function rank(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!;
}

function band(values: number[]): [number, number, number] {
  const sorted = values.sort((a, b) => a - b);
  return [rank(sorted, 0.05), rank(sorted, 0.5), rank(sorted, 0.95)];
}

/** Writes which sample each layer comes into, in each of the orders. */
async function writeOrders(
  database: Database,
  layers: readonly number[],
  sizes: readonly number[],
): Promise<void> {
  const orders = Array.from({ length: ORDERS }, (_, run) => {
    const samples = new Uint8Array(layers.length);
    let sample = 0;
    for (const [place, index] of permutation(layers.length, run + 1).entries()) {
      if (place === sizes[sample]) sample++;
      samples[index] = sample;
    }
    return samples;
  });
  const columns = orders.map((_, run) => `run${run} UTINYINT`);
  await database.run(`CREATE OR REPLACE TEMP TABLE orders (layer INTEGER, ${columns.join(', ')})`);
  for (let from = 0; from < layers.length; from += ROWS_OF_INSERT) {
    const rows = layers
      .slice(from, from + ROWS_OF_INSERT)
      .map((layer, i) => `(${layer}, ${orders.map((samples) => samples[from + i]).join(', ')})`);
    await database.run(`INSERT INTO orders VALUES ${rows.join(', ')}`);
  }
}

/**
 * Growth over the distinct layers, by tables that queries/shares-layers.sql and contents.sql have
 * made. A sample without a file, or without a byte, has the ratio 1.
 * @throws DatasetError
 */
export async function growthOf(
  database: Database,
  layers: readonly number[],
): Promise<GrowthPoint[]> {
  const sizes = sampleSizes(layers.length);
  if (sizes.length === 0) return [];
  const counts = sizes.map((): number[] => []);
  const bytes = sizes.map((): number[] => []);
  await writeOrders(database, layers, sizes);
  const none = { files: 0, bytes: 0, distinctFiles: 0, distinctBytes: 0 };
  let sum = { run: '', ...none };
  for (const row of await database.rows(query('growth'))) {
    if (row.run !== sum.run) sum = { run: String(row.run), ...none };
    sum.files += Number(row.files);
    sum.bytes += Number(row.bytes);
    sum.distinctFiles += Number(row.distinct_files);
    sum.distinctBytes += Number(row.distinct_bytes);
    const at = Number(row.sample);
    counts[at]!.push(sum.distinctFiles === 0 ? 1 : sum.files / sum.distinctFiles);
    bytes[at]!.push(sum.distinctBytes === 0 ? 1 : sum.bytes / sum.distinctBytes);
  }
  return sizes.map((size, i) => ({
    layers: size,
    countRatio: band(counts[i]!),
    byteRatio: band(bytes[i]!),
  }));
}
