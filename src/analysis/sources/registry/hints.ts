/** What helps when a registry cannot be reached, or refuses: what is wrong seldom says what to do. */
import type { FoundCredentials } from './credentials.ts';

/** Codes of Node for certificates that are not trusted. */
const CERTIFICATES: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** What helps when a repository or a tag is not there. */
export const CHECK_NAMES =
  'are the names of repository and tag right? docker://HOST/NAME takes all tags that there are';

/** True when TLS was spoken to what does not know it. */
export function isNoTls({ code, message }: NodeJS.ErrnoException): boolean {
  return code === 'ERR_SSL_WRONG_VERSION_NUMBER' || message.includes('wrong version number');
}

/** What helps against a connection that failed; undefined when nothing is known to. */
export function connectionHint(
  error: NodeJS.ErrnoException,
  { protocol, host, hostname }: URL,
): string | undefined {
  const isTls = protocol === 'https:';
  const plain = `without TLS it is reached by docker://${host} and --plain-http`;
  const { code } = error;
  if (isTls && isNoTls(error)) return plain;
  if (CERTIFICATES.has(code)) {
    return `if ${host} has a certificate of your own authority, give that by NODE_EXTRA_CA_CERTS=FILE`;
  }
  if (code === 'ECONNREFUSED') {
    const question = 'does the registry run, and is the port right?';
    return isTls ? `${question} ${plain}` : question;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `is the name of the host right, and can this machine look up ${hostname}?`;
  }
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    return `is there a way from this machine to ${host}, past firewalls?`;
  }
  // Some answer to HTTP with a record of TLS, some hang up.
  if (!isTls && (code === 'ECONNRESET' || code?.startsWith('HPE_'))) {
    return `if it speaks TLS, it is https://${host}`;
  }
  return undefined;
}

/** What helps when access is denied. */
export function accessHint(host: string, { credentials, note }: FoundCredentials): string {
  const given = '--username NAME --password-stdin';
  if (note !== undefined) return given;
  if (credentials === undefined) return `docker login ${host}, or ${given}`;
  return `is the account allowed to pull there? another one is given by ${given}`;
}
