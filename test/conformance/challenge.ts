/** Reads WWW-Authenticate, which tells a client how to log in (RFC 9110, 11.6.1). */

/** One challenge, names in lower case. */
export interface Challenge {
  readonly scheme: 'basic' | 'bearer';
  readonly parameters: Readonly<Record<string, string>>;
}

/** The first Bearer challenge, else the first Basic one, else undefined. */
export function parseChallenge(headers: readonly string[]): Challenge | undefined {
  const challenges = headers.map((header): Challenge | undefined => {
    const scheme = /^\s*(bearer|basic)\b/i.exec(header)?.[1]?.toLowerCase();
    if (scheme !== 'basic' && scheme !== 'bearer') return undefined;
    const parameters: Record<string, string> = {};
    for (const match of header.matchAll(/([a-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi)) {
      parameters[match[1]!.toLowerCase()] = (match[2] ?? match[3] ?? '').replace(/\\(.)/g, '$1');
    }
    return { scheme, parameters };
  });
  return challenges.find((one) => one?.scheme === 'bearer') ?? challenges.find(Boolean);
}
