/** Distributions of columns. */
import type { Database } from '../dataset/database.ts';
import { query } from '../queries/load.ts';
import type { Distribution } from './schema.ts';

/** Of nothing. */
const NONE: Distribution = {
  count: 0,
  sum: null,
  mean: null,
  min: null,
  p10: null,
  p25: null,
  p50: null,
  p75: null,
  p90: null,
  p95: null,
  p99: null,
  max: null,
  cdf: [],
};

/**
 * Distributions over the rows of a table, all in one query. Nulls are left out.
 * @param columns - SQL of the value by the name of the distribution
 * @throws DatasetError
 */
export async function distributionsOf<K extends string>(
  database: Database,
  table: string,
  columns: Readonly<Record<K, string>>,
): Promise<Record<K, Distribution>> {
  const names = Object.keys(columns) as K[];
  const samples = names.map(
    (name) => `SELECT '${name}' AS name, (${columns[name]})::DOUBLE AS v FROM ${table}`,
  );
  await database.run(`CREATE OR REPLACE TEMP VIEW sample AS ${samples.join(' UNION ALL ')}`);
  const found = new Map(
    (await database.rows(query('distribution'))).map(({ name, cdf, ...figures }) => [
      name,
      { ...figures, cdf: JSON.parse(String(cdf)) } as Distribution,
    ]),
  );
  const all = names.map((name) => [name, found.get(name) ?? NONE] as const);
  return Object.fromEntries(all) as Record<K, Distribution>;
}
