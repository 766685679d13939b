/** Reads `REPOSITORY:TAG` and `REPOSITORY@DIGEST`. */
import { isDigest } from '../oci/digest.ts';
import { isRepositoryName, isTag } from '../oci/name.ts';
import { CliError } from './errors.ts';
import { EXIT } from './exit-codes.ts';

/** One manifest of a repository, named by a tag or by its digest. */
export interface Reference {
  readonly repository: string;
  readonly kind: 'tag' | 'digest';
  readonly reference: string;
}

/**
 * Reads a reference.
 * @throws CliError when it is none
 */
export function parseReference(text: string): Reference {
  const at = text.indexOf('@');
  const mark = at >= 0 ? at : text.lastIndexOf(':');
  const repository = text.slice(0, Math.max(mark, 0));
  const reference = text.slice(mark + 1);
  const fits = at >= 0 ? isDigest(reference) : isTag(reference);
  if (!isRepositoryName(repository) || !fits) {
    const hint = 'it looks like team/app:v1 or team/app@sha256:..., without the name of a server';
    throw new CliError(`${text} names no tag or manifest`, EXIT.usage, hint);
  }
  return { repository, kind: at >= 0 ? 'digest' : 'tag', reference };
}
