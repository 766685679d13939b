/** Who rebuilds sections. */
import type { RebuildJob } from './rebuild-job.ts';

/** Rebuilds sections, some at once. */
export interface Rebuilders {
  /** Sections that are worked on at once. */
  readonly count: number;
  /**
   * The bytes of the job are empty afterwards, those of the section belong to who asked.
   * @throws RecipeError when the section, or a group that it needs, is damaged; any other error says
   *   nothing about what is stored
   */
  rebuild(job: RebuildJob): Promise<Uint8Array>;
  close(): Promise<void>;
}
