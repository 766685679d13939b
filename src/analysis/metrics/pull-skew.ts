/** How unevenly pulls are spread over repositories. */
import type { Database } from '../dataset/database.ts';
import { query } from '../queries/load.ts';
import type { Figures } from './schema.ts';

type PullSkew = NonNullable<NonNullable<Figures['images']>['pullSkew']>;

/** Needs the table of images. @throws DatasetError */
export async function pullSkewOf(database: Database): Promise<PullSkew> {
  const [row] = await database.rows(query('pull-skew'));
  const share = (value: unknown): number | null => (value === null ? null : Number(value));
  const mostPulled = JSON.parse(String(row!.most_pulled)) as [string, string][];
  return {
    repositories: Number(row!.repositories),
    pulls: Number(row!.pulls),
    topPercent: share(row!.top_percent),
    topTenPercent: share(row!.top_ten_percent),
    gini: share(row!.gini),
    mostPulled: mostPulled.map(([repository, pulls]) => ({ repository, pulls: Number(pulls) })),
  };
}
