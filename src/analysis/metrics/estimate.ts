/**
 * What Stowage would store for a set of images. The constants are from the corpus of bench/corpus
 * (docs/analysis-dataset.md tells how they were found, and how near the estimate comes).
 */
import type { Database } from '../dataset/database.ts';
import { query } from '../queries/load.ts';
import type { Missing } from './knowledge.ts';
import type { AnalysisReport } from './schema.ts';

/** Replicas of each blob in a cluster. */
const REPLICAS = 3;
/** Configuration and manifest of an image, bytes. */
const PER_IMAGE = 1900;
/** Records of a blob in the database, bytes. */
const PER_BLOB = 2048;
/** Bits that a file takes alone, to those that it took in the stream of its layer. */
const DISTINCT = 1;
/** What a file that is there already takes where it is not in the same bits: a patch, as a share of them. */
const PATCH = 0.0075;
/** Recipe, tar header and directory tree of an entry, bytes. */
const PER_ENTRY = 33;
/** Records of a distinct file in the database, bytes. */
const PER_CONTENT = 200;

/** @throws DatasetError */
export async function computeEstimate(
  database: Database,
  missing: Missing,
): Promise<AnalysisReport['estimate']> {
  const [row] = await database.rows(query('estimate'));
  const of = (name: string) => Number(row![name]);
  const known = !missing.has('compressed-size') && of('unknown') === 0;
  const small = of('images') * PER_IMAGE;
  const off = known ? of('stored') + small + of('blobs') * PER_BLOB : null;
  const dedup = known
    ? Math.round(
        of('distinct_packed') * DISTINCT +
          of('repeated_packed') * PATCH +
          of('entries') * PER_ENTRY +
          of('contents') * PER_CONTENT +
          of('blobs') * PER_BLOB +
          small,
      )
    : null;
  return {
    off,
    dedup,
    replicas: Array.from({ length: REPLICAS + 1 }, (_, intact) => ({
      intact,
      taken: REPLICAS - intact,
      bytes: off === null || dedup === null ? null : intact * off + (REPLICAS - intact) * dedup,
    })),
    method: 'everything on disk, database included',
  };
}
