/** Puts what the store refuses into the words of the protocol, as far as operations meet it. */
import { type ErrorCode, OciError } from '../../oci/errors.ts';
import { type RefusalReason, StoreRefusal } from '../../storage/errors.ts';

const CODES: Partial<Record<RefusalReason, ErrorCode>> = {
  'repository-unknown': 'NAME_UNKNOWN',
  'manifest-unknown': 'MANIFEST_UNKNOWN',
  'tag-unknown': 'MANIFEST_UNKNOWN',
  'nothing-to-restore': 'MANIFEST_UNKNOWN',
};

/**
 * Waits for work on the store.
 * @throws OciError for what the store refuses; everything else as it is
 */
export async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof StoreRefusal)) throw error;
    const code = CODES[error.reason] ?? 'DENIED';
    throw new OciError(code, { message: error.message, cause: error });
  }
}
