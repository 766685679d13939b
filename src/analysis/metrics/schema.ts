/**
 * The figures of an analysis as a schema: what the JSON report holds, and all that other reports are
 * made of. A figure that the sources cannot tell is null, and `unknown` says why.
 */
import { z } from 'zod';

const count = z.int().min(0);
const bytes = z.int().min(0);
const ratio = z.number().min(0);

/** A distribution. Percentiles are by nearest rank: values that occur. All null when count is 0. */
export const distribution = z.object({
  count,
  sum: z.number().nullable(),
  mean: z.number().nullable(),
  min: z.number().nullable(),
  p10: z.number().nullable(),
  p25: z.number().nullable(),
  p50: z.number().nullable(),
  p75: z.number().nullable(),
  p90: z.number().nullable(),
  p95: z.number().nullable(),
  p99: z.number().nullable(),
  max: z.number().nullable(),
  /** Points of the cumulative distribution, ascending, 200 at most: value, and share of values <= it. */
  cdf: z.array(z.tuple([z.number(), z.number().min(0).max(1)])),
});

/** Total and distinct things by count and bytes. */
const dedup = z.object({
  files: count,
  bytes,
  distinctFiles: count,
  distinctBytes: bytes,
  /** Distinct contents that occur once. */
  singletons: count,
  /** files / distinctFiles; null without files. */
  countRatio: ratio.nullable(),
  /** bytes / distinctBytes. */
  byteRatio: ratio.nullable(),
});

const layerFigures = z.object({
  count,
  /** Layers without a file, and with just one. */
  withoutFiles: count,
  withOneFile: count,
  /** CLS: bytes as stored. */
  compressedSize: distribution.nullable(),
  /** FLS: sum of the sizes of files. */
  filesSize: distribution,
  /** Size of the uncompressed tar. */
  archiveSize: distribution,
  /** FLS / CLS and archive / CLS. */
  filesRatio: distribution.nullable(),
  archiveRatio: distribution.nullable(),
  files: distribution,
  directories: distribution,
  /** Depth of the deepest directory, and of all of a layer: their mean and median. Layers without any have none. */
  maxDepth: distribution,
  meanDepth: distribution,
  medianDepth: distribution,
  /** Entries of each layer by kind, over all layers; `sum` is how many there are in all. */
  symlinks: distribution,
  hardLinks: distribution,
  /** Of one path, and of all that lower layers have in a directory. */
  whiteouts: distribution,
  opaqueWhiteouts: distribution,
  /** Regular files with set-user-ID or set-group-ID. */
  setIdFiles: distribution,
  /** Distinct images that hold the layer. */
  references: distribution.nullable(),
  /** Sum of the pulls of the repositories of those images. */
  pulls: distribution.nullable(),
  /** By compression, as layers are stored: how many. */
  compressions: z.record(z.string(), count).nullable(),
});

/** How unevenly pulls are spread over repositories. */
const pullSkew = z.object({
  repositories: count,
  pulls: count,
  /** Share of all pulls that go to the 1 % and 10 % of repositories that are pulled most, rounded up. */
  topPercent: ratio.nullable(),
  topTenPercent: ratio.nullable(),
  /** Gini coefficient: 0 when all are pulled alike, towards 1 when one takes all. */
  gini: ratio.nullable(),
  mostPulled: z.array(z.object({ repository: z.string(), pulls: count })),
});

const imageFigures = z.object({
  count,
  repositories: count,
  layers: distribution,
  /** Sums over the distinct layers of each image: CIS, FIS. */
  compressedSize: distribution.nullable(),
  filesSize: distribution,
  files: distribution,
  directories: distribution,
  /** Of each repository once. */
  pulls: distribution.nullable(),
  pullSkew: pullSkew.nullable(),
});

const sharing = z.object({
  /** Layers held by one image, by two, by more than 25. */
  byOne: count,
  byTwo: count,
  byMoreThan25: count,
  /** Bytes if each image kept its own layers / bytes of distinct layers; as stored, or of archives. */
  ratio: ratio.nullable(),
  measuredBy: z.enum(['compressed-size', 'archive-size']),
  withoutSharing: bytes,
  withSharing: bytes,
  mostReferenced: z.array(
    z.object({ layer: z.string(), references: count, archiveSize: bytes, files: count }),
  ),
});

/** Of one type or group of types. */
const typeFigures = z.object({
  group: z.string(),
  /** '' for the whole group. */
  type: z.string(),
  ...dedup.shape,
  /** Shares of all files and of all bytes. */
  countShare: ratio,
  byteShare: ratio,
  meanSize: ratio,
});

/** Sizes of files whose content is known, in bytes: those that `dedup.overall` counts. */
const fileSizes = z.object({
  all: distribution,
  /** Of each content once. */
  distinct: distribution,
  /** Of all files of each group of types. */
  byGroup: z.record(z.string(), distribution),
});

/** How much of layers or images is duplicate, as distributions over them of shares from 0 to 1. */
const duplicateShares = z.object({
  /** Within the one itself. */
  intraByCount: distribution,
  intraByBytes: distribution,
  /** What occurs elsewhere too (paper mode: anywhere more than once, and only those with any). */
  interByCount: distribution,
  interByBytes: distribution,
});

const growthPoint = z.object({
  layers: count,
  /** Over the random orders: 5th, 50th and 95th percentile. */
  countRatio: z.tuple([ratio, ratio, ratio]),
  byteRatio: z.tuple([ratio, ratio, ratio]),
});

const fileDedup = z.object({
  overall: dedup,
  copies: distribution,
  mostRepeated: z.array(
    z.object({ sha256: z.string(), copies: count, size: bytes, path: z.string() }),
  ),
  mostBytes: z.array(
    z.object({ sha256: z.string(), copies: count, size: bytes, path: z.string() }),
  ),
  layers: duplicateShares,
  images: duplicateShares.nullable(),
  /** Layers held by several images against those held by one. */
  sharedLayers: duplicateShares.nullable(),
  privateLayers: duplicateShares.nullable(),
  directories: duplicateShares.nullable(),
  growth: z.array(growthPoint),
});

/** All figures under one set of definitions. */
export const figures = z.object({
  layers: layerFigures,
  images: imageFigures.nullable(),
  sharing: sharing.nullable(),
  types: z.array(typeFigures),
  fileSizes,
  dedup: fileDedup,
});

/** Deduplication of parts of files. */
const chunkFigures = z.object({
  method: z.string(),
  bytes,
  distinctBytes: bytes,
  chunks: count,
  distinctChunks: count,
  byteRatio: ratio.nullable(),
});

const offender = z.object({
  image: z.string(),
  layer: z.string(),
  path: z.string(),
  bytes,
});

/** What could be saved in one image. Sizes of files; as in an image that engines would mount. */
const imageWaste = z.object({
  image: z.string(),
  /** Of all files in all of its layers. */
  bytes,
  /** Of the files that one sees when it is mounted. */
  visibleBytes: bytes,
  /** Copies of a path that a higher layer replaces or hides: all but the one seen. */
  wastedBytes: bytes,
  /** Of those: replaced by the same content, so that mode, owner or time changed at most. */
  metadataOnlyBytes: bytes,
  /** Of those: in the end deleted, and shipped all the same. */
  deletedBytes: bytes,
  /**
   * dive's formula: smallest size of each path / all sizes of each path; 1 when nothing is wasted. What a
   * higher layer takes away has size 0 there. Unlike in dive that holds for each file of a directory that
   * is taken away, too: dive adds the size of a deleted directory once more to both sides.
   */
  efficiency: z.number().min(0).max(1),
  /** Stored (compressed, else archive) bytes of layers that only this image holds, and of the others. */
  uniqueBytes: bytes,
  sharedBytes: bytes,
  /** The five that waste most: bytes and copies that do not show; deleted in the end, or replaced. */
  worstPaths: z.array(z.object({ path: z.string(), bytes, copies: count, isDeleted: z.boolean() })),
});

/** What Stowage would store. */
const estimate = z.object({
  /** Registry that stores each blob once. */
  off: bytes.nullable(),
  /** With every layer taken apart. */
  dedup: bytes.nullable(),
  /** With n replicas intact and R-n taken apart, R = 3: n from 0 to 3. */
  replicas: z.array(z.object({ intact: count, taken: count, bytes: bytes.nullable() })),
  method: z.string(),
});

/** An analysis. */
export const analysisReport = z.object({
  format: z.literal('stowage-analysis/1'),
  version: z.string(),
  createdAt: z.string(),
  /** The note tells what a sample was drawn from, for example. */
  sources: z.array(z.object({ kind: z.string(), title: z.string(), note: z.string().nullable() })),
  /**
   * Figures that are null, or without chunks, by their path with the reason: `layers.compressedSize` in
   * both modes, for example, `paper.layers.compressedSize` in that one only.
   */
  unknown: z.array(z.object({ figure: z.string(), reason: z.string() })),
  /** What could not be read: the figures are without it. */
  problems: z.array(z.object({ what: z.string(), reason: z.string() })),
  /** What there was besides and was not asked for, such as artifacts: nothing is missing. */
  leftOut: z.array(z.object({ what: z.string(), reason: z.string() })),
  remarks: z.array(z.object({ layer: z.string(), code: z.string(), message: z.string(), count })),
  /** What the words mean in practice: with the definitions of this tool, and with the study's own. */
  correct: figures,
  paper: figures,
  chunks: z.array(chunkFigures),
  waste: z.object({
    /** Copies of contents beyond the first, over all distinct layers. */
    duplicateBytes: bytes,
    images: z.array(imageWaste),
    repositories: z.array(
      z.object({ repository: z.string(), images: count, uniqueBytes: bytes, sharedBytes: bytes }),
    ),
    largestFiles: z.array(offender),
    largestRewrites: z.array(offender),
    largestDeleted: z.array(offender),
  }),
  estimate,
  timings: z.object({
    scanSeconds: ratio,
    scanCpuSeconds: ratio,
    querySeconds: ratio,
    bytesRead: bytes,
    bytesUnpacked: bytes,
    files: count,
  }),
});

export type Distribution = z.infer<typeof distribution>;
export type Figures = z.infer<typeof figures>;
export type AnalysisReport = z.infer<typeof analysisReport>;
