/**
 * Digests are kept as the strings clients send (`sha256:<hex>`), because that is what goes back on
 * the wire and into keys; this module is the only judge of which strings are digests.
 */
import { createHash, type Hash, hash } from 'node:crypto';

/** Algorithms registered by the OCI image specification, "Digests". */
export type DigestAlgorithm = 'sha256' | 'sha512';

/** `sha256:` or `sha512:` followed by lower-case hex of the right length. */
export type Digest = string;

const HEX_LENGTH = { sha256: 64, sha512: 128 } as const;

/** True when every character of `text` from `start` on is a lower-case hex digit. */
function isLowerHex(text: string, start: number): boolean {
  for (let i = start; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (!((c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66))) return false;
  }
  return true;
}

/** True when `text` is a well-formed digest of a supported algorithm. Allocates nothing. */
export function isDigest(text: string): boolean {
  if (text.length === 71) return text.startsWith('sha256:') && isLowerHex(text, 7);
  if (text.length === 135) return text.startsWith('sha512:') && isLowerHex(text, 7);
  return false;
}

/** The algorithm of a digest that {@link isDigest} accepted. */
export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.charCodeAt(3) === 0x32 ? 'sha256' : 'sha512';
}

/** True for the names of the algorithms that blobs and manifests may be addressed by. */
export function isDigestAlgorithm(name: string): name is DigestAlgorithm {
  return Object.hasOwn(HEX_LENGTH, name);
}

/** Digest of bytes held in memory. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${hash(algorithm, bytes, 'hex')}`;
}

/** An incremental hash; finish it with {@link finishDigest}. */
export function startDigest(algorithm: DigestAlgorithm): Hash {
  return createHash(algorithm);
}

/** Ends an incremental hash. The hash object is used up. */
export function finishDigest(algorithm: DigestAlgorithm, running: Hash): Digest {
  return `${algorithm}:${running.digest('hex')}`;
}
