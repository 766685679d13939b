/**
 * Identifiers of uploads: UUIDs (RFC 9562, version 8) that carry their own proof.
 *
 * An opening POST writes nothing to disk, and yet its Location must work after a restart. So the id
 * holds the time, some randomness, and a MAC over both, the repository and the principal, made with
 * a secret of the data directory: an id that checks out was handed out here, to that principal, for
 * that repository.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** To whom and for what an id is given. */
export interface SessionOwner {
  readonly repository: string;
  readonly subject: string;
}

/**
 * Bytes 0-5 hold milliseconds, 6-7 random bits behind the version, 8-15 the MAC behind the variant.
 * Two ids of one owner and one millisecond may be the same; whoever makes them has to look.
 */
function seal(bytes: Buffer, secret: Uint8Array, owner: SessionOwner): void {
  const mac = createHmac('sha256', secret)
    .update(bytes.subarray(0, 8))
    .update(`${owner.repository}\n${owner.subject}`)
    .digest();
  mac.copy(bytes, 8, 0, 8);
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
}

function format(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `${parts.join('-')}-${hex.slice(20)}`;
}

/**
 * Makes an id.
 * @param now - milliseconds since 1970
 */
export function makeSessionId(secret: Uint8Array, owner: SessionOwner, now: number): string {
  const bytes = Buffer.alloc(16);
  randomBytes(2).copy(bytes, 6);
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  seal(bytes, secret, owner);
  return format(bytes);
}

/** When an id was handed out to this owner, in milliseconds since 1970; undefined: never. */
export function sessionTime(
  secret: Uint8Array,
  owner: SessionOwner,
  id: string,
): number | undefined {
  if (id.length !== 36) return undefined;
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
  if (bytes.length !== 16 || format(bytes) !== id) return undefined;
  const expected = Buffer.from(bytes);
  seal(expected, secret, owner);
  return timingSafeEqual(expected, bytes) ? bytes.readUIntBE(0, 6) : undefined;
}
