/** What is compared with the study. */
import type { Figures } from '../metrics/schema.ts';
import type { Unit } from './units.ts';

/** What a figure is a statistic over: its n. */
export type Population = 'images' | 'layers' | 'files';

/** Ours of a metric; null or undefined when it is not known. */
export type Figure = number | null | undefined;

/** A figure of the study, and how to read ours. */
export interface Metric {
  /** Path in the figures of the report, as far as they have it as such. */
  readonly key: string;
  readonly section: string;
  readonly label: string;
  readonly unit: Unit;
  readonly over: Population;
  readonly read: (figures: Figures) => Figure;
  /** Where n is not the number of all images, layers or files. */
  readonly n?: (figures: Figures) => Figure;
}
