/** How layers are taken apart. */
import { MAX_VARIANTS } from '../catalog/part-index.ts';
import type { TakeApartOptions } from './take-apart.ts';

/** What all ingests use. */
export const TAKE_APART: TakeApartOptions = { maxVariants: MAX_VARIANTS, level: 1 };
