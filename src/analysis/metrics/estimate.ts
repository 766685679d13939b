/**
 * What Stowage would store for a set of images: everything on disk, its database included. The model has
 * five constants here and one in queries/holdings.sql, all from one corpus (docs/analysis-dataset.md,
 * "The estimate", with how near it comes).
 */
import type { Database } from '../dataset/database.ts';
import { query } from '../queries/load.ts';
import type { Missing } from './knowledge.ts';
import type { AnalysisReport } from './schema.ts';

/** Replicas of each blob in a cluster. */
const REPLICAS = 3;
/** Configuration and manifest of an image, bytes. */
const PER_IMAGE = 1900;
/**
 * Bytes that distinct files take, as a share of what they took in the streams of their layers. A little is
 * saved because variants of a file that hardly differ are kept as patches.
 */
const DISTINCT = 0.98;
/** The same of further copies: a patch, where the bits of the stream differ from those that are kept. */
const REPEATED = 0.01;
/** Recipe, bytes of the archive between files, and tree of directories, for each entry: bytes. */
const PER_ENTRY = 99;
/** Records of a distinct file in the database, bytes. */
const PER_CONTENT = 1040;

const METHOD =
  'Everything on disk, database included. off: each blob once. dedup: each file once in the bits of its ' +
  'layer, patches for further copies, recipes, records; layers below 64 KiB and in zstd as they are. ' +
  'Constants from one corpus of 219 MB';

/** @throws DatasetError */
export async function computeEstimate(
  database: Database,
  missing: Missing,
): Promise<AnalysisReport['estimate']> {
  const [row] = await database.rows(query('estimate'));
  const of = (name: string) => Number(row![name]);
  // Of nothing that was read there is nothing to tell.
  const known = !missing.has('compressed-size') && of('layers') > 0;
  const small = of('images') * PER_IMAGE;
  const off = known ? of('stored') + small : null;
  const segments =
    of('intact') +
    of('distinct_packed') * DISTINCT +
    of('repeated_packed') * REPEATED +
    of('entries') * PER_ENTRY;
  const dedup = known ? Math.round(segments + of('contents') * PER_CONTENT) + small : null;
  return {
    off,
    dedup,
    replicas: Array.from({ length: REPLICAS + 1 }, (_, intact) => ({
      intact,
      taken: REPLICAS - intact,
      bytes: off === null || dedup === null ? null : intact * off + (REPLICAS - intact) * dedup,
    })),
    method: METHOD,
  };
}
