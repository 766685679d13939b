/** An analysis from its sources to its report. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { QUERY_MEMORY, WRITE_MEMORY } from '../dataset/database.ts';
import { openDataset } from '../dataset/dataset.ts';
import { buildReport } from '../metrics/report.ts';
import type { AnalysisReport } from '../metrics/schema.ts';
import type { ChunkMethod } from '../scan/chunks/cutter.ts';
import { createScanner } from '../scan/scanner.ts';
import type { ImageSource } from '../sources/types.ts';
import { TYPES } from '../types/taxonomy.ts';
import { type Collected, type CollectProgress, collect } from './collect.ts';
import { LayerFolder } from './layer-folder.ts';

/** What an analysis is at. */
export type AnalysisPhase = 'collecting' | 'computing';

/** What to analyse, and how. */
export interface AnalyzeOptions {
  readonly sources: readonly ImageSource[];
  /**
   * Folder of the dataset. What is there from a run before is not read again, so a run that was broken
   * off goes on. Whoever has the records can ask further questions of them.
   */
  readonly folder: string;
  /** Version of this tool, for the report. */
  readonly version: string;
  /** Layers that are scanned at a time. Default: one for each processor. */
  readonly threads?: number | undefined;
  /** Ways of cutting files into chunks, to see what that would save. Default: none. */
  readonly chunks?: readonly ChunkMethod[] | undefined;
  /** Folder in which layers are kept as they were fetched. Default: they are not. */
  readonly keepLayers?: string | undefined;
  /** Bytes that queries may take. Default: see `openDataset`. */
  readonly memory?: number | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?:
    | ((phase: AnalysisPhase, progress: Readonly<CollectProgress>) => void)
    | undefined;
}

/** Layers that are fetched for each that is scanned, so that threads need not wait for the network. */
const FETCHED_PER_THREAD = 2;

/** CPU seconds of the process. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/**
 * Analyses. What cannot be had of single images and layers stands in the report.
 * @throws DatasetError, SourceError when a source gives nothing at all, the signal's reason
 */
export async function analyze(options: AnalyzeOptions): Promise<AnalysisReport> {
  const { folder, signal, chunks = [], threads = availableParallelism(), keepLayers } = options;
  const { memory = QUERY_MEMORY } = options;
  const dataset = await openDataset(folder, {
    types: TYPES,
    scratch: join(folder, 'scratch'),
    memory: Math.min(WRITE_MEMORY, memory),
  });
  try {
    const began = { at: performance.now(), cpu: cpuSeconds() };
    const scanner = createScanner({ threads, chunks, signal });
    let collected: Collected;
    try {
      collected = await collect(options.sources, {
        dataset,
        scanner,
        atOnce: threads * FETCHED_PER_THREAD,
        kept: keepLayers === undefined ? undefined : new LayerFolder(keepLayers),
        signal,
        onProgress: (progress) => options.onProgress?.('collecting', progress),
      });
    } finally {
      await scanner.close();
    }
    const { progress, problems, leftOut } = collected;
    const timings = {
      scanSeconds: (performance.now() - began.at) / 1000,
      scanCpuSeconds: cpuSeconds() - began.cpu,
      bytesRead: progress.bytesRead,
      bytesUnpacked: progress.bytesUnpacked,
      files: progress.entries,
    };
    await dataset.database.setMemory(memory);
    await dataset.publish();
    options.onProgress?.('computing', progress);
    return await buildReport(dataset, {
      version: options.version,
      createdAt: new Date(),
      problems,
      leftOut,
      timings,
      signal,
    });
  } finally {
    await dataset.close();
  }
}
