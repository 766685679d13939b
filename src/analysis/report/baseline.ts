/**
 * What was published about Docker Hub of May 2017: N. Zhao and others, "Large-Scale Analysis of the
 * Docker Hub Dataset" (IEEE CLUSTER 2019) and "Large-Scale Analysis of Docker Images and Performance
 * Implications for Container Storage Systems" (IEEE TPDS 32(4), 2021).
 */
import { show, trimZeros, type Unit } from './units.ts';

/**
 * Where a value is from. `P`: the abstracts, or constants in the authors' code. `S`: independent notes
 * that quote the paper and agree. `R+`: recalled, and one of the former agrees. `R`: recalled only.
 */
export type BaselineMark = 'P' | 'S' | 'R+' | 'R';

/** A published value. */
export interface BaselineValue {
  /** In the unit of the metric that it stands beside: bytes, counts, ratios, shares from 0 to 1. */
  readonly value: number;
  /** What the paper says about it where it gives no exact value. */
  readonly is: 'exact' | 'about' | 'below' | 'at most' | 'above';
  readonly mark: BaselineMark;
  /** False for what was not checked against a source: to be shown as such. */
  readonly verified: boolean;
  readonly note: string;
}

function value(
  mark: BaselineMark,
  number: number,
  is: BaselineValue['is'] = 'exact',
  note = '',
): BaselineValue {
  return { value: number, is, mark, verified: mark !== 'R', note };
}

const kB = 1e3;
const MB = 1e6;
const GB = 1e9;
const TB = 1e12;

const PLAIN_TEXT = 'ours with JSON, YAML, Markdown, reStructuredText and CSV';

/** Published values by the key of the metric (comparison.ts) that they stand beside. */
export const ZHAO_2019: Readonly<Record<string, BaselineValue>> = {
  'images.repositories': value('S', 457_627),
  'images.count': value('R+', 355_319, 'exact', 'tag latest only'),
  'layers.count': value('S', 1_792_609),
  'dedup.overall.files': value('S', 5.28e9, 'about'),
  'layers.compressedSize.sum': value('P', 47 * TB, 'about'),
  'layers.filesSize.sum': value('P', 167 * TB, 'about'),
  'dedup.overall.meanSize': value('S', 31.6 * kB, 'about', 'computed: 167 TB, 5.28 billion files'),

  'layers.compressedSize.p50': value('S', 4 * MB, 'below'),
  'layers.compressedSize.p90': value('S', 63 * MB),
  'layers.filesSize.p50': value('S', 4 * MB, 'below'),
  'layers.filesSize.p90': value('S', 177 * MB),
  'layers.filesRatio.p50': value('S', 2.6),
  'layers.filesRatio.p90': value('R', 4, 'below', '80 to 90 % of layers'),
  'layers.filesRatio.max': value('R', 1026),
  'layers.filesRatio.overall': value('S', 3.55, 'about', 'computed: 167 TB / 47 TB'),
  'layers.files.mean': value('S', 2945, 'about', 'computed: files / layers'),
  'layers.files.p50': value('R', 30),
  'layers.files.p90': value('R', 7410),
  'layers.files.max': value('R', 826_196),
  'layers.withoutFiles': value('R', 0.07, 'about'),
  'layers.withOneFile': value('R', 0.27, 'about'),
  'layers.directories.p50': value('R', 11),
  'layers.directories.p90': value('R', 826),
  'layers.directories.max': value('R', 111_940),
  'layers.maxDepth.p50': value('R', 4, 'below'),
  'layers.maxDepth.p90': value('R', 10, 'below'),

  'images.compressedSize.p50': value('S', 17 * MB),
  'images.compressedSize.p90': value('S', 0.48 * GB),
  'images.filesSize.p50': value('S', 94 * MB),
  'images.filesSize.p90': value('S', 1.3 * GB),
  'images.filesSize.max': value('R', 498 * GB),
  'images.layers.p50': value('S', 8, 'below'),
  'images.layers.p90': value('S', 18, 'below'),
  'images.layers.max': value('S', 120),
  'images.files.p50': value('S', 1090),
  'images.files.p90': value('R', 64_780),
  'images.directories.p50': value('R', 296),
  'images.directories.p90': value('R', 7344),
  'images.pulls.p50': value('R', 40),
  'images.pulls.p90': value('R', 333),
  'images.pulls.max': value('R', 650e6, 'about', 'nginx'),

  'types.eol.countShare': value('S', 0.11),
  'types.eol.byteShare': value('S', 0.37),
  'types.eol.meanSize': value('R', 100 * kB, 'about'),
  'types.eol.duplicateBytes': value('R', 0.86, 'about'),
  'types.archives.countShare': value('R', 0.07),
  'types.archives.byteShare': value('S', 0.23),
  'types.archives.meanSize': value('R', 100 * kB, 'about'),
  'types.archives.duplicateBytes': value('R', 0.86, 'about'),
  'types.documents.countShare': value('S', 0.44),
  'types.documents.byteShare': value('S', 0.14),
  'types.documents.duplicateBytes': value('R', 0.92),
  'types.source.countShare': value('R', 0.13),
  'types.source.duplicateBytes': value('R', 0.968),
  'types.scripts.countShare': value('S', 0.09),
  'types.scripts.duplicateBytes': value('R', 0.98),
  'types.images.countShare': value('R', 0.04),
  'types.images.duplicateBytes': value('R', 0.86),
  'types.databases.meanSize': value('R', 979 * kB, 'about'),
  'types.databases.duplicateBytes': value('R', 0.76),

  'types.eol.intermediate.countOfGroup': value('R', 0.64),
  'types.eol.elf.countOfGroup': value('R', 0.3),
  'types.eol.elf.bytesOfGroup': value('R', 0.84),
  'types.source.c.countOfGroup': value('R', 0.8),
  'types.source.c.bytesOfGroup': value('R', 0.8),
  'types.source.perl.countOfGroup': value('R', 0.09),
  'types.source.perl.bytesOfGroup': value('R', 0.12),
  'types.source.ruby.countOfGroup': value('R', 0.08),
  'types.source.ruby.bytesOfGroup': value('R', 0.03),
  'types.scripts.python.countOfGroup': value('S', 0.535),
  'types.scripts.python.bytesOfGroup': value('S', 0.66),
  'types.scripts.shell.countOfGroup': value('R', 0.2),
  'types.scripts.shell.bytesOfGroup': value('R', 0.06),
  'types.scripts.ruby.countOfGroup': value('R', 0.1),
  'types.scripts.ruby.bytesOfGroup': value('R', 0.05),
  // That most documents are plain text is verified, how many is not.
  'types.documents.ascii.countOfGroup': value('R', 0.8, 'about', PLAIN_TEXT),
  'types.documents.ascii.bytesOfGroup': value('R', 0.7, 'about', PLAIN_TEXT),
  'types.documents.markup.countOfGroup': value('R', 0.13),
  'types.documents.markup.bytesOfGroup': value('R', 0.18),
  'types.documents.utf.countOfGroup': value('R', 0.05, 'about'),
  'types.archives.zip.countOfGroup': value('S', 0.96),
  'types.archives.zip.bytesOfGroup': value('S', 0.7),
  'types.databases.berkeley.countOfGroup': value('R', 0.33),
  'types.databases.mysql.countOfGroup': value('R', 0.3),
  'types.databases.sqlite.countOfGroup': value('S', 0.07),
  'types.databases.sqlite.bytesOfGroup': value('S', 0.57, 'above'),
  'types.images.png.countOfGroup': value('R', 0.67),
  'types.images.png.bytesOfGroup': value('R', 0.45),
  'types.images.jpeg.bytesOfGroup': value('R', 0.2),

  'sharing.byOne': value('R', 0.9, 'about'),
  'sharing.byTwo': value('R', 0.05, 'about'),
  'sharing.byMoreThan25': value('R', 0.01, 'below'),
  'sharing.mostReferenced': value('R+', 184_171, 'exact', 'the empty layer, 52 % of images'),
  'sharing.ratio': value('R', 1.8, 'about', '85 TB / 47 TB'),

  'dedup.overall.distinctShare': value('P', 0.032, 'about'),
  'dedup.overall.countRatio': value('R+', 31.5, 'about'),
  'dedup.overall.byteRatio': value('R+', 6.9, 'about'),
  'dedup.overall.duplicateBytes': value('S', 0.8569),
  'dedup.overall.repeatedFiles': value('R', 0.994, 'about', 'of files or of contents: not known'),
  'dedup.copies.p50': value('R', 4),
  'dedup.copies.p90': value('R', 10, 'at most'),
  'dedup.mostRepeated': value('R+', 53_654_306, 'exact', 'the empty file'),
  'dedup.mostBytes': value('P', 675_022_836_103, 'exact', 'which file it is, is not known'),
  'dedup.layers.interByCount.p10': value('R', 0.976, 'above'),
  'dedup.images.interByCount.p10': value('S', 0.994, 'above'),
  'dedup.growth.1000.countRatio': value('R', 3.6),
  'dedup.growth.1000.byteRatio': value('R', 1.9),
};

const QUALIFIERS: Readonly<Record<BaselineValue['is'], string>> = {
  exact: '',
  about: '≈ ',
  below: '< ',
  'at most': '≤ ',
  above: '> ',
};

/** A published value with the sign that it has where it is not exact: `< 4 MB`. */
export function showPublished({ value: number, is }: BaselineValue, unit: Unit): string {
  return `${QUALIFIERS[is]}${trimZeros(show(number, unit))}`;
}

/** On which side of a published bound the value lies; undefined for what is no bound. */
export function sideOf({ is }: BaselineValue): 'below' | 'above' | undefined {
  return is === 'exact' || is === 'about' ? undefined : is === 'above' ? 'above' : 'below';
}
