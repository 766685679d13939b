/** What could be saved in images, and the largest of it. */
import { type Database, quote } from '../dataset/database.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { query } from '../queries/load.ts';
import type { AnalysisReport } from './schema.ts';

type Waste = AnalysisReport['waste'];
type Offender = Waste['largestFiles'][number];

/** Entries of images that are looked at in one go; an image with more of them comes alone. */
const BATCH_ENTRIES = 4_000_000;

/** Images whose layers were all read, in batches of a bounded number of entries. */
async function batchesOf(database: Database): Promise<number[][]> {
  const rows = await database.rows(
    `SELECT image, sum(entries) AS entries
     FROM complete_images JOIN holds USING (image) JOIN layers USING (layer)
     GROUP BY image ORDER BY image`,
  );
  const batches: number[][] = [];
  let room = 0;
  for (const row of rows) {
    const entries = Number(row.entries);
    if (batches.length === 0 || room < entries) {
      batches.push([]);
      room = BATCH_ENTRIES;
    }
    batches.at(-1)!.push(Number(row.image));
    room -= entries;
  }
  return batches;
}

async function lookAt(
  { database, entriesPath }: Dataset,
  images: readonly number[],
): Promise<void> {
  await database.run(
    `CREATE OR REPLACE TEMP TABLE batch AS SELECT unnest([${images.join(', ')}])::INTEGER AS image`,
  );
  const layers = await database.rows(
    'SELECT DISTINCT layer FROM holds JOIN batch USING (image) ORDER BY layer',
  );
  // The files by name: with a pattern all files there are would be opened for each batch.
  const files = layers.map(({ layer }) => quote(entriesPath(Number(layer))));
  await database.run(
    `CREATE OR REPLACE TEMP VIEW batch_entries AS FROM read_parquet([${files.join(', ')}])`,
  );
  await database.run(query('waste'));
}

/** The paths that waste most, by the number of the image. */
async function wastedPaths(
  database: Database,
): Promise<ReadonlyMap<number, Waste['images'][number]['worstPaths']>> {
  const rows = await database.rows('FROM wasted_paths ORDER BY image, bytes DESC, path');
  const byImage = Map.groupBy(rows, ({ image }) => Number(image));
  return new Map(
    [...byImage].map(([image, paths]) => [
      image,
      paths.map(({ path, bytes, copies, gone }) => ({
        path: String(path),
        bytes: Number(bytes),
        copies: Number(copies),
        isDeleted: Boolean(gone),
      })),
    ]),
  );
}

/** Waste of all complete images, in the mode that was entered. @throws DatasetError, or what the signal was aborted with */
export async function computeWaste(
  dataset: Dataset,
  duplicateBytes: number,
  signal: AbortSignal,
): Promise<Waste> {
  const { database } = dataset;
  await database.run(
    `CREATE OR REPLACE TABLE image_waste (image INTEGER, bytes BIGINT, visible_bytes BIGINT,
       metadata_only_bytes BIGINT, deleted_bytes BIGINT, efficiency DOUBLE, unique_bytes BIGINT,
       shared_bytes BIGINT);
     CREATE OR REPLACE TABLE wasted_paths (image INTEGER, path VARCHAR, bytes BIGINT, copies BIGINT, gone BOOLEAN);
     CREATE OR REPLACE TABLE offenders (what VARCHAR, image VARCHAR, layer INTEGER, path VARCHAR, size BIGINT)`,
  );
  for (const images of await batchesOf(database)) {
    signal.throwIfAborted();
    await lookAt(dataset, images);
  }
  await database.run(query('largest-files'));
  const images = await database.rows(
    `SELECT images.name, images.image, image_waste.* EXCLUDE (image) FROM complete_images AS images
     LEFT JOIN image_waste USING (image)
     ORDER BY bytes - visible_bytes DESC NULLS LAST, images.name, images.image`,
  );
  const wasted = await wastedPaths(database);
  const repositories = await database.rows(query('repositories'));
  const offenders = await database.rows(query('offenders'));
  const largest = (what: string): Offender[] =>
    offenders
      .filter((row) => row.what === what)
      .map((row) => ({
        image: String(row.image),
        layer: String(row.layer),
        path: String(row.path),
        bytes: Number(row.size),
      }));
  return {
    duplicateBytes,
    // An image without a layer has nothing, and wastes nothing.
    images: images.map((row) => ({
      image: String(row.name),
      bytes: Number(row.bytes ?? 0),
      visibleBytes: Number(row.visible_bytes ?? 0),
      wastedBytes: Number(row.bytes ?? 0) - Number(row.visible_bytes ?? 0),
      metadataOnlyBytes: Number(row.metadata_only_bytes ?? 0),
      deletedBytes: Number(row.deleted_bytes ?? 0),
      efficiency: Number(row.efficiency ?? 1),
      uniqueBytes: Number(row.unique_bytes ?? 0),
      sharedBytes: Number(row.shared_bytes ?? 0),
      worstPaths: wasted.get(Number(row.image)) ?? [],
    })),
    repositories: repositories.map((row) => ({
      repository: String(row.repository),
      images: Number(row.images),
      uniqueBytes: Number(row.unique_bytes),
      sharedBytes: Number(row.shared_bytes),
    })),
    largestFiles: largest('file'),
    largestRewrites: largest('rewrite'),
    largestDeleted: largest('deleted'),
  };
}
