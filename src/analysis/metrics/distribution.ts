/** Distributions of columns. */
import type { Database } from '../dataset/database.ts';
import { query } from '../queries/load.ts';
import type { Distribution } from './schema.ts';

const text = query('distribution');

function numbersOf(list: unknown): number[] {
  return list === null ? [] : (JSON.parse(list as string) as number[]);
}

/**
 * Distribution of a column, its nulls left out.
 * @param select - SQL that gives one column named `v`
 * @throws DatasetError
 */
export async function distributionOf(database: Database, select: string): Promise<Distribution> {
  await database.run(`CREATE OR REPLACE TEMP VIEW sample AS ${select}`);
  const [row] = await database.rows(text);
  const { count, cdf_values, cdf_shares, ...figures } = row!;
  const shares = numbersOf(cdf_shares);
  return {
    ...(figures as Omit<Distribution, 'count' | 'cdf'>),
    count: Number(count),
    cdf: numbersOf(cdf_values).map((value, i) => [value, shares[i]!]),
  };
}
