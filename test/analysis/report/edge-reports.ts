/** Reports at the edges: of nothing, of little, of sources that cannot tell. */
import type { AnalysisReport, Figures } from '../../../src/analysis/metrics/schema.ts';
import { distributionOf, sampleReport } from './sample.ts';

type Overall = Figures['dedup']['overall'];
type Shares = Figures['dedup']['layers'];

const NOTHING = distributionOf([]);

function emptyFigures(): Figures {
  const none: Overall = {
    files: 0,
    bytes: 0,
    distinctFiles: 0,
    distinctBytes: 0,
    singletons: 0,
    countRatio: null,
    byteRatio: null,
  };
  const noShares: Shares = {
    intraByCount: NOTHING,
    intraByBytes: NOTHING,
    interByCount: NOTHING,
    interByBytes: NOTHING,
  };
  return {
    layers: {
      count: 0,
      withoutFiles: 0,
      withOneFile: 0,
      compressedSize: NOTHING,
      filesSize: NOTHING,
      archiveSize: NOTHING,
      filesRatio: NOTHING,
      archiveRatio: NOTHING,
      files: NOTHING,
      directories: NOTHING,
      maxDepth: NOTHING,
      meanDepth: NOTHING,
      medianDepth: NOTHING,
      symlinks: NOTHING,
      hardLinks: NOTHING,
      whiteouts: NOTHING,
      opaqueWhiteouts: NOTHING,
      setIdFiles: NOTHING,
      references: null,
      pulls: null,
      compressions: {},
    },
    images: null,
    sharing: null,
    types: [],
    fileSizes: { all: NOTHING, distinct: NOTHING, byGroup: {} },
    dedup: {
      overall: none,
      copies: NOTHING,
      mostRepeated: [],
      mostBytes: [],
      layers: noShares,
      images: null,
      sharedLayers: null,
      privateLayers: null,
      directories: null,
      growth: [],
    },
  };
}

/** Of a source in which there was nothing. */
export function emptyReport(): AnalysisReport {
  return {
    format: 'stowage-analysis/1',
    version: '0.1.0',
    createdAt: '2026-11-30T21:04:05.000Z',
    sources: [],
    unknown: [],
    problems: [],
    leftOut: [],
    remarks: [],
    correct: emptyFigures(),
    paper: emptyFigures(),
    chunks: [],
    waste: {
      duplicateBytes: 0,
      images: [],
      repositories: [],
      largestFiles: [],
      largestRewrites: [],
      largestDeleted: [],
    },
    estimate: { off: null, dedup: null, replicas: [], method: '' },
    timings: {
      scanSeconds: 0,
      scanCpuSeconds: 0,
      querySeconds: 0,
      bytesRead: 0,
      bytesUnpacked: 0,
      files: 0,
    },
  };
}

/** Of one image with one layer, with two lines at most in each list. */
export function tinyReport(): AnalysisReport {
  const report = sampleReport({ seed: 7, layers: 1, images: 1 });
  const two = <T>(value: T): T =>
    Object.fromEntries(
      Object.entries(value as object).map(([name, inner]) => [
        name,
        Array.isArray(inner) ? inner.slice(0, 2) : inner,
      ]),
    ) as T;
  const few = (figures: Figures): Figures => ({
    ...figures,
    sharing: two(figures.sharing),
    dedup: two(figures.dedup),
    types: figures.types.filter(({ group }) => group === 'EOL' || group === 'scripts'),
  });
  return {
    ...report,
    correct: few(report.correct),
    paper: few(report.paper),
    waste: two(report.waste),
  };
}

/** Of lone tars: what only images and blobs can tell is null, with the reason. */
export function reportWithUnknowns(): AnalysisReport {
  const report = sampleReport({ seed: 3, layers: 40, images: 5 });
  const strip = (figures: Figures): Figures => ({
    ...figures,
    layers: {
      ...figures.layers,
      compressedSize: null,
      filesRatio: null,
      archiveRatio: null,
      compressions: null,
      references: null,
      pulls: null,
    },
    images: null,
    sharing: null,
    dedup: { ...figures.dedup, images: null, sharedLayers: null, privateLayers: null },
  });
  return {
    ...report,
    sources: [{ kind: 'tar', title: 'tars in ./layers', note: null }],
    unknown: [
      { figure: 'images', reason: 'a tar belongs to no image' },
      { figure: 'sharing', reason: 'a tar belongs to no image' },
      { figure: 'layers.compressedSize', reason: 'the tars are not compressed' },
      { figure: 'layers.filesRatio', reason: 'the tars are not compressed' },
    ],
    correct: strip(report.correct),
    paper: strip(report.paper),
    waste: { ...report.waste, images: [], repositories: [] },
    estimate: { ...report.estimate, off: null, dedup: null, replicas: [] },
  };
}
