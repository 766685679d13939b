/** From a dataset to the figures of a report. */
import type { Dataset } from '../dataset/dataset.ts';
import { query } from '../queries/load.ts';
import type { SourceProblem } from '../sources/types.ts';
import { computeEstimate } from './estimate.ts';
import { computeFigures, type Steps } from './figures.ts';
import { type Missing, missingFacts, unknownFigures } from './knowledge.ts';
import type { AnalysisReport, Figures } from './schema.ts';
import { enterMode, leaveMode, type Mode, openTables } from './tables.ts';
import { computeWaste } from './waste.ts';

/** What a report says besides what the dataset holds. */
export interface ReportContext {
  /** Of this tool. */
  readonly version: string;
  readonly createdAt: Date;
  readonly problems: readonly SourceProblem[];
  /** What there was besides, and was not asked for. */
  readonly leftOut: readonly SourceProblem[];
  /** Of the run; the time of queries is added here. */
  readonly timings: Omit<AnalysisReport['timings'], 'querySeconds'>;
  readonly signal: AbortSignal;
  /** Called after each step of the queries. */
  readonly steps?: Steps;
}

const NOTHING_TO_ESTIMATE = ['estimate.off', 'estimate.dedup'].map((figure) => ({
  figure,
  reason: 'no layer was read',
}));

/** Chunks of all layers; none, and why, when some were read by an earlier run that cut nothing. */
async function chunkFigures({
  database,
}: Dataset): Promise<{ chunks: AnalysisReport['chunks']; whole: string | undefined }> {
  const rows = await database.rows(query('chunks'));
  const [layers] = await database.rows(
    'SELECT count(*) AS count, count(*) FILTER (NOT has_chunks) AS whole FROM layers SEMI JOIN chosen USING (layer)',
  );
  const { count, whole } = layers!;
  if (rows.length > 0 && Number(whole) > 0) {
    const hint = 'start a new dataset with --chunks';
    return { chunks: [], whole: `${whole} of ${count} layers were read without chunks; ${hint}` };
  }
  const chunks = rows.map((row) => {
    const bytes = Number(row.bytes);
    const distinctBytes = Number(row.distinct_bytes);
    return {
      method: String(row.method),
      bytes,
      distinctBytes,
      chunks: Number(row.chunks),
      distinctChunks: Number(row.distinct_chunks),
      byteRatio: distinctBytes === 0 ? null : bytes / distinctBytes,
    };
  });
  return { chunks, whole: undefined };
}

/** What was odd about layers, and images that are left out. */
async function oddities({ database }: Dataset) {
  const remarks = await database.rows(
    `SELECT id, remark.code, remark.message, remark.count
     FROM (SELECT id, diff_id, unnest(remarks) AS remark FROM layers) ORDER BY diff_id, id, remark.code`,
  );
  const incomplete = await database.rows(
    `SELECT images.name, string_agg(image_layers.id, ', ' ORDER BY position) AS layers
     FROM images JOIN image_layers USING (image)
     WHERE image_layers.layer IS NULL GROUP BY images.image, images.name ORDER BY images.image`,
  );
  return {
    remarks: remarks.map((row) => ({
      layer: String(row.id),
      code: String(row.code),
      message: String(row.message),
      count: Number(row.count),
    })),
    problems: incomplete.map((row) => ({
      what: String(row.name),
      reason: `left out of the figures of images: not all of its layers could be read (${row.layers})`,
    })),
  };
}

async function figuresOf(
  dataset: Dataset,
  mode: Mode,
  signal: AbortSignal,
  steps: Steps | undefined,
): Promise<{ figures: Figures; missing: Missing }> {
  await enterMode(dataset, mode);
  const missing = await missingFacts(dataset);
  return { figures: await computeFigures(dataset, { mode, missing, signal, steps }), missing };
}

/** The figures of one mode alone. @throws DatasetError, or what the signal was aborted with */
export async function computeMetrics(
  dataset: Dataset,
  { mode, signal }: { readonly mode: Mode; readonly signal: AbortSignal },
): Promise<Figures> {
  await openTables(dataset);
  try {
    return (await figuresOf(dataset, mode, signal, undefined)).figures;
  } finally {
    await leaveMode(dataset.database);
  }
}

/** All figures of a dataset. @throws DatasetError, or what the signal was aborted with */
export async function buildReport(
  dataset: Dataset,
  context: ReportContext,
): Promise<AnalysisReport> {
  const { signal, steps } = context;
  const start = performance.now();
  const { database } = dataset;
  await openTables(dataset);
  try {
    const paper = await figuresOf(dataset, 'paper', signal, steps);
    await leaveMode(database);
    const correct = await figuresOf(dataset, 'correct', signal, steps);
    // What follows goes by the definitions of `correct`, whose tables are there now.
    const timed = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
      signal.throwIfAborted();
      const begin = performance.now();
      const result = await run();
      steps?.(name, (performance.now() - begin) / 1000);
      return result;
    };
    const { chunks, whole } = await timed('chunks', () => chunkFigures(dataset));
    const { overall } = correct.figures.dedup;
    const estimate = await timed('estimate', () => computeEstimate(database, correct.missing));
    await leaveMode(database);
    const waste = await timed('waste', () =>
      computeWaste(dataset, overall.bytes - overall.distinctBytes, signal),
    );
    const { remarks, problems } = await oddities(dataset);
    return {
      format: 'stowage-analysis/1',
      version: context.version,
      createdAt: context.createdAt.toISOString(),
      sources: dataset.sources.map(({ kind, title, note = null }) => ({ kind, title, note })),
      unknown: [
        ...unknownFigures(correct.missing, paper.missing),
        ...(whole === undefined ? [] : [{ figure: 'chunks', reason: whole }]),
        ...(correct.figures.layers.count > 0 ? [] : NOTHING_TO_ESTIMATE),
      ],
      problems: [...context.problems, ...problems],
      leftOut: context.leftOut.map(({ what, reason }) => ({ what, reason })),
      remarks,
      correct: correct.figures,
      paper: paper.figures,
      chunks,
      waste,
      estimate,
      timings: { ...context.timings, querySeconds: (performance.now() - start) / 1000 },
    };
  } finally {
    await leaveMode(database);
  }
}
