/** Distributions of columns. */
import type { Database } from '../dataset/database.ts';
import { query } from '../queries/load.ts';
import type { Distribution, Figures } from './schema.ts';

/** What the names of groups of types have before them in queries/file-sizes.sql. */
const GROUP = 'group ';

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

/** The distributions of the view `sample` (queries/distribution.sql), by name. @throws DatasetError */
async function distributionsOfSample(
  database: Database,
): Promise<ReadonlyMap<string, Distribution>> {
  const rows = await database.rows(query('distribution'));
  return new Map(
    rows.map(({ name, cdf, ...figures }) => [
      String(name),
      { ...figures, cdf: JSON.parse(String(cdf)) } as Distribution,
    ]),
  );
}

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
    (name) => `SELECT '${name}' AS name, (${columns[name]})::DOUBLE AS v, 1 AS n FROM ${table}`,
  );
  await database.run(`CREATE OR REPLACE TEMP VIEW sample AS ${samples.join(' UNION ALL ')}`);
  const found = await distributionsOfSample(database);
  const all = names.map((name) => [name, found.get(name) ?? NONE] as const);
  return Object.fromEntries(all) as Record<K, Distribution>;
}

/** Sizes of files. Needs the tables of contents and of their types. @throws DatasetError */
export async function fileSizesOf(database: Database): Promise<Figures['fileSizes']> {
  await database.run(query('file-sizes'));
  const found = await distributionsOfSample(database);
  const groups = [...found].flatMap(([name, sizes]) =>
    name.startsWith(GROUP) ? [[name.slice(GROUP.length), sizes] as const] : [],
  );
  return {
    all: found.get('all') ?? NONE,
    distinct: found.get('distinct') ?? NONE,
    byGroup: Object.fromEntries(groups.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}
