/**
 * Under what files are found. A key is 72 bits of a SHA-256: that of a file's bytes, or that of its name.
 * It says in which pieces of trees to look, not that something is there, so a short one will do and
 * the two kinds need not be told apart.
 */
import { hash } from 'node:crypto';
import type { TreeEntry } from './model.ts';
import { nameOf } from './paths.ts';

/** Characters of a key. */
const KEY_LENGTH = 12;

/** The key of files with some bytes. @param digest - their SHA-256 in base64url */
export function contentKey(digest: string): string {
  return digest.slice(0, KEY_LENGTH);
}

/** The key of entries with a name. */
export function nameKey(name: string): string {
  return hash('sha256', name, 'base64url').slice(0, KEY_LENGTH);
}

/** Whether an entry is one that is found; what covers others is not. */
export function isFound({ type }: TreeEntry): boolean {
  return type !== 'whiteout' && type !== 'opaque';
}

/** The keys of some entries, each once. */
export function keysOf(entries: Iterable<TreeEntry>): string[] {
  const keys = new Set<string>();
  for (const entry of entries) {
    if (!isFound(entry)) continue;
    keys.add(nameKey(nameOf(entry.path)));
    if (entry.content !== undefined) keys.add(contentKey(entry.content.digest));
  }
  return [...keys];
}
