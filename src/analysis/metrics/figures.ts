/** The figures of one mode. */
import type { Database, Row } from '../dataset/database.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { query } from '../queries/load.ts';
import { distributionsOf, fileSizesOf } from './distribution.ts';
import { growthOf } from './growth.ts';
import type { Missing } from './knowledge.ts';
import { pullSkewOf } from './pull-skew.ts';
import type { Figures } from './schema.ts';
import type { Mode } from './tables.ts';

/** How long each step took, in seconds. */
export type Steps = (name: string, seconds: number) => void;

/** What the steps below share. */
interface Work {
  readonly dataset: Dataset;
  readonly database: Database;
  readonly mode: Mode;
  readonly missing: Missing;
  readonly signal: AbortSignal;
  /** Runs the statements of a SQL file. */
  readonly step: (name: string) => Promise<void>;
}

type Shares = Figures['dedup']['layers'];
type Dedup = Figures['dedup']['overall'];

/** Rows of layers with their images that one batch of images may come to. */
const BATCH_ROWS = 20_000_000;

function ratioOf(all: number, distinct: number): number | null {
  return distinct === 0 ? null : all / distinct;
}

function dedupOf(row: Row): Dedup {
  const files = Number(row.files);
  const bytes = Number(row.bytes);
  const distinctFiles = Number(row.distinct_files);
  const distinctBytes = Number(row.distinct_bytes);
  return {
    files,
    bytes,
    distinctFiles,
    distinctBytes,
    singletons: Number(row.singletons),
    countRatio: ratioOf(files, distinctFiles),
    byteRatio: ratioOf(bytes, distinctBytes),
  };
}

async function layerFigures({ database, missing, step }: Work): Promise<Figures['layers']> {
  const of = await distributionsOf(database, 'layer_figures', {
    compressedSize: 'stored_size',
    filesSize: 'files_size',
    archiveSize: 'archive_size',
    filesRatio: 'files_ratio',
    archiveRatio: 'archive_ratio',
    files: 'files',
    directories: 'directories',
    maxDepth: 'max_depth',
    meanDepth: 'mean_depth',
    medianDepth: 'median_depth',
    references: 'held_by',
    pulls: 'coalesce(pulls, 0)',
  });
  await step('layer-kinds');
  const kinds = await distributionsOf(database, 'layer_kinds', {
    symlinks: 'symlinks',
    hardLinks: 'hard_links',
    whiteouts: 'whiteouts',
    opaqueWhiteouts: 'opaque_whiteouts',
    setIdFiles: 'set_id_files',
  });
  const withSizes = !missing.has('compressed-size');
  const withImages = !missing.has('images');
  const [counts] = await database.rows(
    `SELECT count(*) AS count, count(*) FILTER (files = 0) AS none, count(*) FILTER (files = 1) AS one FROM layer_figures`,
  );
  const compressions = await database.rows(
    'SELECT compression, count(*) AS count FROM layer_figures GROUP BY compression ORDER BY compression',
  );
  return {
    count: Number(counts!.count),
    withoutFiles: Number(counts!.none),
    withOneFile: Number(counts!.one),
    ...of,
    ...kinds,
    compressedSize: withSizes ? of.compressedSize : null,
    filesRatio: withSizes ? of.filesRatio : null,
    archiveRatio: withSizes ? of.archiveRatio : null,
    references: withImages ? of.references : null,
    pulls: withImages && !missing.has('pull-counts') ? of.pulls : null,
    compressions: withSizes
      ? Object.fromEntries(compressions.map((row) => [String(row.compression), Number(row.count)]))
      : null,
  };
}

async function imageFigures({ database, missing, step }: Work): Promise<Figures['images']> {
  await step('images');
  if (missing.has('images')) return null;
  const of = await distributionsOf(database, 'image_figures', {
    layers: 'layers',
    compressedSize: 'stored_size',
    filesSize: 'files_size',
    files: 'files',
    directories: 'directories',
  });
  const { pulls } = await distributionsOf(
    database,
    '(SELECT max(pulls) AS pulls FROM image_figures GROUP BY repository)',
    { pulls: 'pulls' },
  );
  const [counts] = await database.rows(
    'SELECT count(*) AS count, count(DISTINCT repository) AS repositories FROM image_figures',
  );
  return {
    count: Number(counts!.count),
    repositories: Number(counts!.repositories),
    ...of,
    compressedSize: missing.has('compressed-size') ? null : of.compressedSize,
    pulls: missing.has('pull-counts') ? null : pulls,
    pullSkew: missing.has('pull-counts') ? null : await pullSkewOf(database),
  };
}

async function sharingFigures({ database, missing }: Work): Promise<Figures['sharing']> {
  if (missing.has('images')) return null;
  const measuredBy = missing.has('compressed-size') ? 'archive-size' : 'compressed-size';
  await database.run(`SET VARIABLE measure = '${measuredBy}'`);
  const [row] = await database.rows(query('sharing'));
  const most = await database.rows(query('most-referenced'));
  const withoutSharing = Number(row!.without_sharing);
  const withSharing = Number(row!.with_sharing);
  return {
    byOne: Number(row!.by_one),
    byTwo: Number(row!.by_two),
    byMoreThan25: Number(row!.by_more),
    ratio: ratioOf(withoutSharing, withSharing),
    measuredBy,
    withoutSharing,
    withSharing,
    mostReferenced: most.map((layer) => ({
      layer: String(layer.id),
      references: Number(layer.held_by),
      archiveSize: Number(layer.archive_size),
      files: Number(layer.files),
    })),
  };
}

async function typeFigures({ database }: Work, overall: Dedup): Promise<Figures['types']> {
  const rows = await database.rows(query('types'));
  return rows.map((row) => {
    const figures = dedupOf(row);
    return {
      group: String(row.group),
      type: String(row.type),
      ...figures,
      countShare: figures.files / overall.files,
      byteShare: overall.bytes === 0 ? 0 : figures.bytes / overall.bytes,
      meanSize: figures.bytes / figures.files,
    };
  });
}

/** Shares over the rows of a table. Ones without a file, or a byte, have no share of it. */
async function sharesOf({ database, mode }: Work, table: string, where = 'TRUE'): Promise<Shares> {
  // 6: the study's code joins all four with what shares something, and so loses what shares nothing,
  // instead of counting it as 0.
  const kept = mode === 'paper' ? `${where} AND other_files > 0` : where;
  return await distributionsOf(database, `${table} WHERE ${kept}`, {
    intraByCount: 'CASE WHEN files > 0 THEN spare_files / files END',
    intraByBytes: 'CASE WHEN bytes > 0 THEN spare_bytes / bytes END',
    interByCount: `CASE WHEN files > 0 THEN other_files / files END`,
    interByBytes: `CASE WHEN bytes > 0 THEN other_bytes / bytes END`,
  });
}

async function fillImageShares({ database, signal, step }: Work): Promise<void> {
  await database.run(
    `CREATE OR REPLACE TABLE image_shares (image INTEGER, files BIGINT, bytes BIGINT,
       spare_files BIGINT, spare_bytes BIGINT, other_files BIGINT, other_bytes BIGINT)`,
  );
  const batches = await database.rows(
    `WITH sizes AS (
       SELECT image, sum(hashed) OVER (ORDER BY image) // ${BATCH_ROWS} AS batch FROM image_figures
     )
     SELECT min(image) AS first, max(image) AS last FROM sizes GROUP BY batch ORDER BY first`,
  );
  for (const { first, last } of batches) {
    signal.throwIfAborted();
    await database.run(`SET VARIABLE first = ${first}; SET VARIABLE last = ${last}`);
    await step('shares-images');
  }
}

async function mostCopied({ database }: Work) {
  const rows = await database.rows(query('most-copied'));
  const list = (by: string) =>
    rows
      .filter((row) => row.ranked_by === by)
      .map((row) => ({
        sha256: ['hash0', 'hash1', 'hash2', 'hash3']
          .map((name) => hexOf(String(row[name])))
          .join(''),
        copies: Number(row.copies),
        size: Number(row.size),
        path: String(row.path ?? ''),
      }));
  return { mostRepeated: list('copies'), mostBytes: list('bytes') };
}

/** A quarter of a hash, from the signed integer that it is kept as. */
function hexOf(quarter: string): string {
  return BigInt.asUintN(64, BigInt(quarter)).toString(16).padStart(16, '0');
}

/** The figures of the mode that was entered. @throws DatasetError, or what the signal was aborted with */
export async function computeFigures(
  dataset: Dataset,
  options: { mode: Mode; missing: Missing; signal: AbortSignal; steps?: Steps | undefined },
): Promise<Figures> {
  const { database } = dataset;
  const { mode, missing, signal, steps } = options;
  const timed = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    const start = performance.now();
    const result = await run();
    steps?.(`${mode}: ${name}`, (performance.now() - start) / 1000);
    return result;
  };
  const step = (name: string) => timed(name, () => database.run(query(name)));
  const work: Work = { dataset, database, mode, missing, signal, step };

  await step('layers');
  const layers = await timed('distributions of layers', () => layerFigures(work));
  const images = await timed('distributions of images', () => imageFigures(work));
  const sharing = await sharingFigures(work);
  await step('contents');
  const [sums] = await database.rows(query('dedup'));
  const overall = dedupOf(sums!);
  const types = await timed('types', () => typeFigures(work, overall));
  const fileSizes = await timed('sizes of files', () => fileSizesOf(database));
  await step('shares-layers');
  const withImages = !missing.has('images');
  if (withImages) await fillImageShares(work);
  await step('shares-directories');
  const numbers = await database.rows('SELECT layer FROM chosen ORDER BY rank');
  const ids = numbers.map(({ layer }) => Number(layer));
  const copied = await timed('most-copied', () => mostCopied(work));
  return {
    layers,
    images,
    sharing,
    types,
    fileSizes,
    dedup: {
      overall,
      ...(await timed('distribution of copies', () =>
        distributionsOf(database, 'contents', { copies: 'copies' }),
      )),
      ...copied,
      layers: await sharesOf(work, 'layer_shares'),
      images: withImages ? await sharesOf(work, 'image_shares') : null,
      sharedLayers: withImages ? await sharesOf(work, 'layer_shares', 'held_by > 1') : null,
      privateLayers: withImages ? await sharesOf(work, 'layer_shares', 'held_by = 1') : null,
      directories: await timed('distributions of directories', () =>
        sharesOf(work, 'folder_shares'),
      ),
      growth: await timed('growth', () => growthOf(database, ids)),
    },
  };
}
