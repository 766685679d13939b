/**
 * Image analysis as a library, `stowage/analysis`: from sources to a report, and the steps in between
 * for who wants to ask the records something else.
 *
 *     const sources = await openSources(['layout/'], { folder }, signal);
 *     const report = await analyze({ sources, folder, version: 'mine', signal });
 *     for (const source of sources) await source.close();
 *
 * Whatever is thrown is a SourceError, ScanError, DatasetError, JournalError or WrongBytesError, or what the signal
 * was aborted with.
 */
export { type Dataset, type DatasetOptions, openDataset } from './dataset/dataset.ts';
export { DatasetError } from './dataset/errors.ts';
export type { FileChange, FileState, ImageDiff } from './diff/compare.ts';
export { JournalError } from './journal.ts';
export { buildReport, computeMetrics, type ReportContext } from './metrics/report.ts';
export type { AnalysisReport, Distribution, Figures } from './metrics/schema.ts';
export { type ComparisonRow, compare as compareWithStudy } from './report/comparison.ts';
export { csvReport } from './report/csv.ts';
export { checkGate, type GateLimits, type GateResult, gateText } from './report/gate.ts';
export { htmlReport } from './report/html.ts';
export { analysisJsonSchema, jsonReport, readJsonReport } from './report/json.ts';
export { gateJUnit } from './report/junit.ts';
export { terminalReport } from './report/terminal.ts';
export { type AnalysisPhase, type AnalyzeOptions, analyze } from './run/analyze.ts';
export {
  type Collected,
  type CollectOptions,
  type CollectProgress,
  collect,
} from './run/collect.ts';
export { diffImages, type OpenImage, onlyImage } from './run/diff.ts';
export { WrongBytesError } from './run/errors.ts';
export { ScanError } from './scan/errors.ts';
export { createScanner, type Scanner, type ScannerOptions } from './scan/scanner.ts';
export type { EntryBatch, LayerScan } from './scan/types.ts';
export { SourceError } from './sources/errors.ts';
export { type OpenOptions, openSources } from './sources/open.ts';
export type {
  ImageSource,
  SourceImage,
  SourceItem,
  SourceLayer,
  SourceProblem,
} from './sources/types.ts';
export { type FileType, TYPES } from './types/taxonomy.ts';
