/** Who rebuilds sections. */
import type { RebuildJob } from './rebuild-job.ts';

/** Rebuilds sections, some at once. */
export interface Rebuilders {
  /** Sections that are worked on at once. */
  readonly count: number;
  /** @throws RecipeError when the section, or a group that it needs, is damaged */
  rebuild(job: RebuildJob): Promise<Uint8Array>;
  close(): Promise<void>;
}
