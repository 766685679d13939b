/** What the sources of a dataset can tell, and why not the rest. */
import type { Dataset } from '../dataset/dataset.ts';
import type { Fact } from '../sources/types.ts';

/** Reasons by the fact that is missing. A figure is known only if all that it is made of is. */
export type Missing = ReadonlyMap<Fact, string>;

/** Figures that are null without a fact, by their path in a report. */
const NEEDS: Readonly<Record<Fact, readonly string[]>> = {
  'compressed-size': [
    'layers.compressedSize',
    'layers.filesRatio',
    'layers.archiveRatio',
    'layers.compressions',
    'images.compressedSize',
    'estimate.off',
    'estimate.dedup',
  ],
  images: [
    'images',
    'sharing',
    'layers.references',
    'layers.pulls',
    'dedup.images',
    'dedup.sharedLayers',
    'dedup.privateLayers',
  ],
  'pull-counts': ['layers.pulls', 'images.pulls', 'images.pullSkew'],
};

const USED: Readonly<Record<Fact, string>> = {
  'compressed-size':
    'SELECT DISTINCT source FROM layers WHERE stored_size IS NULL AND layer IN (SELECT layer FROM chosen)',
  images: 'SELECT DISTINCT source FROM layers',
  'pull-counts': 'SELECT DISTINCT source FROM images WHERE pulls IS NULL',
};

const NOT_COUNTED = 'not counted for every image';

/** Names of some sources, for people. */
function namesOf([first, ...others]: readonly string[]): string {
  return others.length === 0 ? first! : `${first} and ${others.length} more`;
}

/** Facts that some layer or image lacks. Needs the table `chosen`. @throws DatasetError */
export async function missingFacts({ database, sources }: Dataset): Promise<Missing> {
  const missing = new Map<Fact, string>();
  for (const fact of Object.keys(NEEDS) as Fact[]) {
    const used = new Set((await database.rows(USED[fact])).map(({ source }) => Number(source)));
    const titles = new Map<string, string[]>();
    for (const { source, unknown, title } of sources) {
      const reason = unknown[fact] ?? (fact === 'pull-counts' ? NOT_COUNTED : undefined);
      if (!used.has(source) || reason === undefined) continue;
      titles.set(reason, [...(titles.get(reason) ?? []), title]);
    }
    const reasons = [...titles].map(([reason, of]) => `${namesOf(of)}: ${reason}`);
    if (reasons.length > 0) missing.set(fact, reasons.join('; '));
  }
  return missing;
}

/** The figures that are null, each with the reason. */
function nullFigures(missing: Missing): Map<string, string> {
  const figures = new Map<string, string>();
  // Without images nothing else about them matters.
  for (const fact of ['images', 'compressed-size', 'pull-counts'] as const) {
    const reason = missing.get(fact);
    if (reason === undefined) continue;
    for (const figure of NEEDS[fact]) {
      if (figures.has(figure) || (figures.has('images') && figure.startsWith('images.'))) continue;
      figures.set(figure, reason);
    }
  }
  return figures;
}

/**
 * The list of a report: each figure that is null with the reason. One that only the mode `paper` lacks,
 * which counts layers of the same tar for themselves, is named with its mode.
 */
export function unknownFigures(
  correct: Missing,
  paper: Missing,
): { figure: string; reason: string }[] {
  const figures = nullFigures(correct);
  for (const [figure, reason] of nullFigures(paper)) {
    if (!figure.startsWith('estimate.') && !figures.has(figure)) {
      figures.set(`paper.${figure}`, reason);
    }
  }
  return [...figures].map(([figure, reason]) => ({ figure, reason }));
}
