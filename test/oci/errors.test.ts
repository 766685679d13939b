import { describe, expect, it } from 'vitest';
import { type ErrorCode, manifestInvalid, OciError } from '../../src/oci/errors.ts';

/** OCI distribution specification, "Error Codes", with the statuses of the checklist. */
const STATUSES: Readonly<Record<ErrorCode, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  UNAVAILABLE: 503,
  UNKNOWN: 500,
};

describe('the error catalogue', () => {
  it.each(Object.entries(STATUSES))('%s is answered with %d', (code, status) => {
    const error = new OciError(code as ErrorCode);
    expect(error.status).toBe(status);
    const body = JSON.parse(error.toJson());
    expect(body).toEqual({ errors: [{ code, message: error.message }] });
    expect(error.message).not.toBe('');
  });

  it('carries what the case adds', () => {
    const cause = new Error('inner');
    const error = new OciError('MANIFEST_BLOB_UNKNOWN', {
      status: 422,
      message: 'gone',
      detail: { digest: 'a' },
      headers: { 'Retry-After': '1' },
      others: [{ code: 'MANIFEST_BLOB_UNKNOWN', message: 'gone too', detail: { digest: 'b' } }],
      cause,
    });
    expect(error).toMatchObject({ status: 422, headers: { 'Retry-After': '1' }, cause });
    expect(JSON.parse(error.toJson())).toEqual({
      errors: [
        { code: 'MANIFEST_BLOB_UNKNOWN', message: 'gone', detail: { digest: 'a' } },
        { code: 'MANIFEST_BLOB_UNKNOWN', message: 'gone too', detail: { digest: 'b' } },
      ],
    });
  });

  it('has a short form for manifests', () => {
    expect(manifestInvalid('no', 1)).toMatchObject({
      code: 'MANIFEST_INVALID',
      status: 400,
      message: 'no',
      detail: 1,
    });
  });
});
