/** Reads WWW-Authenticate (RFC 9110, 11.6.1), which may hold several challenges. */

/** One way to log in. */
export interface Challenge {
  /** In lower case, for example `bearer`. */
  readonly scheme: string;
  /** By name in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const SEPARATORS = /[\s,]*/y;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const EQUALS = /\s*=\s*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;

/** Parses a header; what cannot be understood ends the list. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  while (at < header.length) {
    take(SEPARATORS);
    const token = take(TOKEN)?.[0];
    if (token === undefined) break;
    if (take(EQUALS) === null) {
      challenges.push({ scheme: token.toLowerCase(), parameters: new Map() });
      continue;
    }
    const quoted = take(QUOTED)?.[1]?.replace(/\\(.)/g, '$1');
    const value = quoted ?? take(TOKEN)?.[0];
    if (value === undefined) break;
    challenges.at(-1)?.parameters.set(token.toLowerCase(), value);
  }
  return challenges;
}
