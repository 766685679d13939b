/**
 * Names of repositories and tags, judged character by character: these run on every request, and a
 * hand-written scan costs a fraction of a regular expression and cannot backtrack.
 */

/** Longest repository name taken; many clients limit host and name together to 255 (GEN-2). */
export const MAX_REPOSITORY_LENGTH = 255;

const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const UNDERSCORE = 0x5f;

function isLowerAlphanumeric(c: number): boolean {
  return (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39);
}

/** Length of the separator that starts at `at` (`.`, `_`, `__` or dashes), or 0 when malformed. */
function separatorLength(name: string, at: number): number {
  const c = name.charCodeAt(at);
  if (c === DOT) return 1;
  if (c === UNDERSCORE) return name.charCodeAt(at + 1) === UNDERSCORE ? 2 : 1;
  if (c !== DASH) return 0;
  let end = at + 1;
  while (name.charCodeAt(end) === DASH) end++;
  return end - at;
}

/**
 * True when `name` matches the grammar of the OCI distribution specification, "Pulling manifests":
 * path components of lower-case letters and digits, joined inside by `.`, `_`, `__` or dashes.
 */
export function isRepositoryName(name: string): boolean {
  if (name.length === 0 || name.length > MAX_REPOSITORY_LENGTH) return false;
  // Every separator, the slash among them, must stand between two letters or digits.
  let needsAlphanumeric = true;
  for (let i = 0; i < name.length; ) {
    const c = name.charCodeAt(i);
    if (isLowerAlphanumeric(c)) {
      needsAlphanumeric = false;
      i++;
      continue;
    }
    if (needsAlphanumeric) return false;
    const length = c === SLASH ? 1 : separatorLength(name, i);
    if (length === 0) return false;
    needsAlphanumeric = true;
    i += length;
  }
  return !needsAlphanumeric;
}

/** True when `tag` matches `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (same section). */
export function isTag(tag: string): boolean {
  if (tag.length === 0 || tag.length > 128) return false;
  for (let i = 0; i < tag.length; i++) {
    const c = tag.charCodeAt(i);
    const word = isLowerAlphanumeric(c) || (c >= 0x41 && c <= 0x5a) || c === UNDERSCORE;
    if (!word && (i === 0 || (c !== DOT && c !== DASH))) return false;
  }
  return true;
}
