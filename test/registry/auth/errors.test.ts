import { describe, expect, it } from 'vitest';
import { OciError } from '../../../src/oci/errors.ts';
import {
  AuthenticationBusyError,
  AuthenticationError,
  TooManyAttemptsError,
} from '../../../src/registry/auth/errors.ts';

describe('registry-protocol 11: errors of access control', () => {
  it.each([
    [new AuthenticationError('wrong', 'invalid_token'), 401, 'UNAUTHORIZED', undefined],
    [new TooManyAttemptsError(7), 429, 'TOOMANYREQUESTS', '7'],
    [new AuthenticationBusyError(2), 503, 'UNAVAILABLE', '2'],
  ])('%s answers %i %s', (error, status, code, retryAfter) => {
    expect(error).toBeInstanceOf(OciError);
    expect(error.status).toBe(status);
    expect(error.headers['Retry-After']).toBe(retryAfter);
    expect(JSON.parse(error.toJson())).toMatchObject({ errors: [{ code }] });
  });

  it('says what the challenge should say', () => {
    expect(new AuthenticationError('a', 'invalid_token').challengeError).toBe('invalid_token');
    expect(new AuthenticationError('a').challengeError).toBeUndefined();
  });
});
