/**
 * Shows to the holder of the `admin` right only repositories that the policies let them see, and
 * lets them change only what the policies let them change. Policies and not the scope of the token
 * are asked: a token for `/api/v1/` names the right, not the repositories.
 */
import { OciError } from '../../oci/errors.ts';
import type { Access, Action } from '../auth/types.ts';
import type { Operations, Page, RepositorySummary } from './operations.ts';

/**
 * Makes sure that a repository may be seen, and that `action` may be done to it.
 * @throws OciError as if it were missing, or `DENIED`
 */
export function requireRepository(access: Access, repository: string, action: Action): void {
  if (!access.mayEver('pull', repository)) throw new OciError('NAME_UNKNOWN');
  if (!access.mayEver(action, repository)) throw new OciError('DENIED');
}

/**
 * Whether files of a repository may be shown: to whom may pull from it with this credential, and by the
 * policies alone to the holder of the `admin` right.
 */
export function mayPull(access: Access, repository: string): boolean {
  if (access.can('pull', repository)) return true;
  return access.has('admin') && access.mayEver('pull', repository);
}

/** What part of the list is wanted. */
export interface VisiblePageRequest {
  readonly limit: number;
  readonly last: string | undefined;
}

/** A page of the repositories that may be seen; full, however many may not. */
export async function visibleRepositories(
  operations: Operations,
  access: Access,
  { limit, last }: VisiblePageRequest,
): Promise<Page<RepositorySummary>> {
  const items: RepositorySummary[] = [];
  let from = last;
  for (;;) {
    const page = await operations.repositories({ limit, last: from });
    for (const item of page.items) {
      if (!access.mayEver('pull', item.name)) continue;
      if (items.length === limit) return { items, next: items.at(-1)!.name };
      items.push(item);
    }
    if (page.next === null) return { items, next: null };
    from = page.next;
  }
}
