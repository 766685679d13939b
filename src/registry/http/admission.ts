/** Whether the registry takes a push at all at the moment (decisions 2). */
import { OciError } from '../../oci/errors.ts';
import type { Exchange } from './exchange.ts';

/** Seconds after which a client may try again when the disk is full. */
const RETRY_AFTER = '60';

/** The answer when there is no room: the client should come back, the request was fine. */
export function noSpace(): OciError {
  return new OciError('UNAVAILABLE', {
    message: 'the registry is short of disk space and takes no pushes',
    headers: { 'Retry-After': RETRY_AFTER },
  });
}

/**
 * Makes sure that `bytes` fit above the reserve of free space.
 * @throws OciError UNAVAILABLE
 */
export async function requireSpace(exchange: Exchange, bytes: number): Promise<void> {
  const allowed = exchange.app.store.space.allows(bytes);
  if (!(typeof allowed === 'boolean' ? allowed : await allowed)) throw noSpace();
}
