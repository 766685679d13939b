/**
 * Patterns of names that have components: of repositories in policies, of paths of files. They are matched by walking all states of the pattern at
 * once, never by regular expressions or backtracking, so that no pattern can be made slow.
 */

/** Tells whether a name fits a pattern. */
export type Glob = (name: string) => boolean;

const STAR = 0x2a;
const SLASH = 0x2f;

/** A pattern as a row of code units; the two kinds of star get values outside of that range. */
const ANY_IN_COMPONENT = -1;
const ANY = -2;

function tokens(pattern: string): Int32Array {
  const out: number[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern.charCodeAt(i);
    if (c !== STAR) {
      out.push(c);
      continue;
    }
    let stars = 1;
    while (pattern.charCodeAt(i + 1) === STAR) {
      stars++;
      i++;
    }
    out.push(stars > 1 ? ANY : ANY_IN_COMPONENT);
  }
  return Int32Array.from(out);
}

/** Lets every state that stands before a star also stand behind it: a star may match nothing. */
function skipStars(pattern: Int32Array, states: Uint8Array): void {
  for (let i = 0; i < pattern.length; i++) {
    if (states[i] === 1 && pattern[i]! < 0) states[i + 1] = 1;
  }
}

function matches(pattern: Int32Array, name: string): boolean {
  let states = new Uint8Array(pattern.length + 1);
  let next = new Uint8Array(pattern.length + 1);
  states[0] = 1;
  skipStars(pattern, states);
  for (let at = 0; at < name.length; at++) {
    const c = name.charCodeAt(at);
    next.fill(0);
    for (let i = 0; i < pattern.length; i++) {
      if (states[i] === 0) continue;
      const want = pattern[i]!;
      if (want === c) next[i + 1] = 1;
      else if (want === ANY || (want === ANY_IN_COMPONENT && c !== SLASH)) next[i] = 1;
    }
    skipStars(pattern, next);
    [states, next] = [next, states];
  }
  return states[pattern.length] === 1;
}

/**
 * Compiles a pattern: `*` stands for any text without a slash, `**` (or more stars) for any text,
 * both also for none; everything else stands for itself. Takes time in proportion to the length of
 * the pattern times the length of the name, whatever they hold.
 */
export function compileGlob(pattern: string): Glob {
  if (!pattern.includes('*')) return (name) => name === pattern;
  const compiled = tokens(pattern);
  if (compiled.length === 1 && compiled[0] === ANY) return () => true;
  return (name) => matches(compiled, name);
}
