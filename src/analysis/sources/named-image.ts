/** Sources that are called by what is wanted of them, and then have to have it. */
import { SourceError } from './errors.ts';
import type { ImageSource, SourceItem } from './types.ts';

type Problem = Extract<SourceItem, { kind: 'problem' }>;

/** That a source has no image. @param problem - the first one that it told of */
export function noImage({ title }: ImageSource, problem: Problem | undefined): SourceError {
  if (problem === undefined) return new SourceError(`${title}: it has no image`);
  const { what, reason } = problem.problem;
  const where = title.endsWith(what) ? title : `${title}: ${what}`;
  return new SourceError(`${where}: ${reason}`, { hint: problem.hint });
}

/** The same source, except that listing it ends with a SourceError when it gave no image. */
export function requireImage(source: ImageSource): ImageSource {
  return {
    ...source,
    async *items(signal) {
      let isFound = false;
      let problem: Problem | undefined;
      for await (const item of source.items(signal)) {
        isFound ||= item.kind === 'image';
        if (item.kind === 'problem') problem ??= item;
        yield item;
      }
      if (!isFound) throw noImage(source, problem);
    },
  };
}
