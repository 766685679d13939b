/**
 * Ids that tie the log lines of one request together. They have to be unique, not secret, so a
 * random start-up value and a counter do: no random bytes for each request.
 */
import { randomBytes } from 'node:crypto';

const MAX_LENGTH = 128;

/** True for letters, digits, `-`, `_`, `.`, `:`, `/`, `+`, `=`, `@`: nothing that could break a log. */
function isSane(id: string): boolean {
  if (id.length === 0 || id.length > MAX_LENGTH) return false;
  for (let i = 0; i < id.length; i++) {
    const c = id.charCodeAt(i);
    const letter = (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a;
    // '+' is 0x2b, then comes ',', and "-./0123456789:" are neighbours.
    const other = c === 0x2b || (c >= 0x2d && c <= 0x3a) || c === 0x3d || c === 0x40 || c === 0x5f;
    if (!letter && !other) return false;
  }
  return true;
}

/** Gives the id of a request: that of its X-Request-Id header if it is a sane one, else a new one. */
export type RequestIds = (incoming: string | readonly string[] | undefined) => string;

/** Starts a series of ids that no other series has. */
export function createRequestIds(): RequestIds {
  const prefix = `${randomBytes(6).toString('hex')}-`;
  let last = 0;
  return (incoming) => {
    if (typeof incoming === 'string' && isSane(incoming)) return incoming;
    return prefix + (++last).toString(36);
  };
}
