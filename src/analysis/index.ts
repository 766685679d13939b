/**
 * Image analysis as a library, `stowage/analysis`: from sources to a report, and the steps in between
 * for who wants to ask the records something else.
 *
 *     const sources = await openSources(['layout/'], { folder }, signal);
 *     try {
 *       const report = await analyze({ sources, folder, version: 'mine', signal });
 *       await writeFile('report.html', htmlReport(report));
 *     } finally {
 *       for (const source of sources) await source.close();
 *     }
 *
 * docs/analysis-api.md has the rest. Whatever is thrown is a SourceError, ScanError, DatasetError, JournalError,
 * WrongBytesError or ReportFormatError, what Node throws of files and folders that cannot be read or
 * written, or what the signal was aborted with.
 */
import type { Digest } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import type { AnalysisReport, Figures } from './metrics/schema.ts';

export type {
  Database,
  DatabaseLimits,
  Row,
  Value,
} from './dataset/database.ts';
export {
  type Dataset,
  type DatasetOptions,
  type FileType as DatasetFileType,
  type LayerWriter,
  openDataset,
} from './dataset/dataset.ts';
export { DatasetError } from './dataset/errors.ts';
export type { SourceRecord } from './dataset/records.ts';
export { diffJsonSchema, jsonDiff } from './diff/json.ts';
export type {
  Difference,
  DiffTotals,
  FileChange,
  FileState,
  ImageDiff,
} from './diff/schema.ts';
export { JournalError } from './journal.ts';
export type { Steps } from './metrics/figures.ts';
export { buildReport, computeMetrics, type ReportContext } from './metrics/report.ts';
export type { AnalysisReport, Distribution, Figures } from './metrics/schema.ts';
export { enterMode, leaveMode, type Mode, openTables } from './metrics/tables.ts';
export { query } from './queries/load.ts';
export type { BaselineMark, BaselineValue } from './report/baseline.ts';
export {
  type ComparisonRow,
  compare as compareWithStudy,
} from './report/comparison.ts';
export { csvReport } from './report/csv.ts';
export {
  checkGate,
  type GateCheck,
  type GateImage,
  type GateLimits,
  type GateResult,
  gateText,
  type ImageWaste,
} from './report/gate.ts';
export { htmlReport } from './report/html.ts';
export {
  analysisJsonSchema,
  jsonReport,
  ReportFormatError,
  readJsonReport,
} from './report/json.ts';
export { gateJUnit } from './report/junit.ts';
export type { Population } from './report/metric.ts';
export { type Paint, terminalReport } from './report/terminal.ts';
export type { Unit } from './report/units.ts';
export { type AnalysisPhase, type AnalyzeOptions, analyze } from './run/analyze.ts';
export {
  type Collected,
  type CollectOptions,
  type CollectProgress,
  collect,
} from './run/collect.ts';
export { diffImages, type OpenImage, onlyImage } from './run/diff.ts';
export { WrongBytesError } from './run/errors.ts';
export { type KeptBytes, LayerFolder } from './run/layer-folder.ts';
export { CHUNK_METHODS, type ChunkMethod } from './scan/chunks/cutter.ts';
export { ScanError } from './scan/errors.ts';
export type { LayerHints } from './scan/scan-layer.ts';
export { createScanner, type Scanner, type ScannerOptions } from './scan/scanner.ts';
export {
  type ChunkSet,
  ENTRY_KINDS,
  type EntryBatch,
  type EntryKind,
  type LayerCompression,
  type LayerRemark,
  type LayerScan,
} from './scan/types.ts';
export type { SampleOptions } from './sources/docker-hub/sample.ts';
export { SourceError, type SourceErrorOptions } from './sources/errors.ts';
export type { WantedImage } from './sources/local/image-choice.ts';
export type { LocalForm, LocalPlace } from './sources/local/open.ts';
export { type OpenOptions, openSources, readSourceName, type SourceName } from './sources/open.ts';
export type { Budget } from './sources/registry/client.ts';
export type { Credentials, FoundCredentials } from './sources/registry/credentials.ts';
export type {
  Fact,
  ImageSource,
  SourceImage,
  SourceItem,
  SourceKind,
  SourceLayer,
  SourceProblem,
} from './sources/types.ts';
export { FILE_GROUPS, type FileGroup, type FileType, TYPES } from './types/taxonomy.ts';
export type { Digest, Platform };

/** Of layers: sizes, ratios, files, references, as distributions. */
export type LayerFigures = Figures['layers'];
/** Of images: the same over the distinct layers of each. */
export type ImageFigures = NonNullable<Figures['images']>;
/** How many images hold a layer, and what that saves. */
export type SharingFigures = NonNullable<Figures['sharing']>;
/** Of one type of files, or of one group of types. */
export type TypeFigures = Figures['types'][number];
/** Deduplication of whole files. */
export type FileDedup = Figures['dedup'];
/** Shares of what is duplicate, from 0 to 1, as distributions over layers, images or directories. */
export type DuplicateShares = FileDedup['layers'];
/** Deduplication of random samples of some number of layers. */
export type GrowthPoint = FileDedup['growth'][number];
/** Deduplication of parts of files, by the way they were cut. */
export type ChunkFigures = AnalysisReport['chunks'][number];
/** One of the largest files, rewrites or deleted files; bytes. */
export type Offender = AnalysisReport['waste']['largestFiles'][number];
/** What Stowage would store for the set; bytes. */
export type StorageEstimate = AnalysisReport['estimate'];
