import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { OciError } from '../../../src/oci/errors.ts';
import {
  AuthenticationBusyError,
  AuthenticationError,
  TooManyAttemptsError,
} from '../../../src/registry/auth/errors.ts';
import type { ChallengeScope } from '../../../src/registry/auth/types.ts';
import type { Application } from '../../../src/registry/http/application.ts';
import { createClientAddresses } from '../../../src/registry/http/client-address.ts';
import type { Exchange } from '../../../src/registry/http/exchange.ts';
import { answerFor } from '../../../src/registry/http/failure.ts';
import { parseTarget, queryValue } from '../../../src/registry/http/target.ts';
import { ContentDamagedError } from '../../../src/storage/content.ts';
import { type RefusalReason, StoreRefusal } from '../../../src/storage/errors.ts';
import { CommitError } from '../../../src/storage/kv/types.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;

/** A request, and what challenges were asked for on its behalf. */
function exchange(method: string, url: string) {
  const challenges: { scopes: readonly ChallengeScope[]; error: string | undefined }[] = [];
  const target = parseTarget(url);
  const req = { headers: { host: 'h' }, socket: {} } as unknown as IncomingMessage;
  const authenticator = {
    challenge(scopes: readonly ChallengeScope[], _: unknown, error?: string) {
      challenges.push({ scopes, error });
      return 'Bearer realm="r"';
    },
  };
  const app = { authenticator, clients: createClientAddresses([]) } as unknown as Application;
  return {
    challenges,
    exchange: {
      app,
      req,
      method,
      target,
      isHead: method === 'HEAD',
      query: (name: string) => queryValue(target, name),
    } as unknown as Exchange,
  };
}

function answer(error: unknown, url = `/v2/a/blobs/${DIGEST}`): OciError | undefined {
  return answerFor(exchange('GET', url).exchange, error);
}

describe('section 11: the answer for', () => {
  const REFUSALS: Readonly<Record<RefusalReason, readonly [number, string]>> = {
    'repository-unknown': [404, 'NAME_UNKNOWN'],
    'manifest-unknown': [404, 'MANIFEST_UNKNOWN'],
    'tag-unknown': [404, 'MANIFEST_UNKNOWN'],
    'blob-unknown': [404, 'BLOB_UNKNOWN'],
    'in-use': [403, 'DENIED'],
    'references-missing': [400, 'MANIFEST_BLOB_UNKNOWN'],
    'digest-mismatch': [400, 'DIGEST_INVALID'],
    'upload-unknown': [404, 'BLOB_UPLOAD_UNKNOWN'],
    'upload-busy': [409, 'BLOB_UPLOAD_INVALID'],
    'upload-too-large': [413, 'SIZE_INVALID'],
    'too-many-uploads': [429, 'TOOMANYREQUESTS'],
    'nothing-to-restore': [404, 'MANIFEST_UNKNOWN'],
  };

  it.each(Object.entries(REFUSALS))('the refusal %s is %s', (reason, [status, code]) => {
    const refusal = new StoreRefusal(reason as RefusalReason, 'because', [DIGEST]);
    expect(answer(refusal)).toMatchObject({ status, code });
  });

  it('missing references names each of them', () => {
    const refusal = new StoreRefusal('references-missing', 'because', [DIGEST, OTHER]);
    const { errors } = JSON.parse(answer(refusal)!.toJson());
    expect(errors).toMatchObject([
      { code: 'MANIFEST_BLOB_UNKNOWN', detail: { digest: DIGEST } },
      { code: 'MANIFEST_BLOB_UNKNOWN', detail: { digest: OTHER } },
    ]);
  });

  it('what is in use names what uses it', () => {
    const refusal = new StoreRefusal('in-use', 'because', [DIGEST]);
    expect(answer(refusal)).toMatchObject({ detail: { manifests: [DIGEST] } });
  });

  it('decisions 2: a full disk is 503 with Retry-After', () => {
    for (const code of ['ENOSPC', 'EDQUOT']) {
      const { status, headers } = answer(Object.assign(new Error(code), { code }))!;
      expect([status, headers['Retry-After']]).toEqual([503, '60']);
    }
  });

  it('decisions 2: metadata that cannot be written is 503 with Retry-After', () => {
    const { status, code, headers } = answer(new CommitError(new Error('EIO')))!;
    expect([status, code, headers['Retry-After']]).toEqual([503, 'UNAVAILABLE', '60']);
  });

  it('GEN-6 what has to wait says for how long', () => {
    const refusal = answer(new StoreRefusal('too-many-uploads', 'many'))!;
    expect(Number(refusal.headers['Retry-After'])).toBeGreaterThan(0);
    for (const error of [new TooManyAttemptsError(7), new AuthenticationBusyError(7)]) {
      expect(answer(error)).toBe(error);
      expect(error.headers['Retry-After']).toBe('7');
    }
  });

  it('decisions 1: damaged content is that of something unknown', () => {
    const damaged = new ContentDamagedError(DIGEST, 'its file is short');
    expect(answer(damaged)).toMatchObject({ status: 404, code: 'BLOB_UNKNOWN' });
    expect(answer(damaged, '/v2/a/manifests/latest')).toMatchObject({
      status: 404,
      code: 'MANIFEST_UNKNOWN',
    });
  });

  it('an error of the protocol is itself', () => {
    const error = new OciError('NAME_INVALID');
    expect(answer(error)).toBe(error);
  });

  it('anything else is none: it is our fault', () => {
    for (const error of [new Error('bug'), new TypeError('x'), undefined, null, 'text', 5]) {
      expect(answer(error)).toBeUndefined();
    }
  });
});

describe('decisions 5: the answer for a credential that is no good', () => {
  const mount = `/v2/a/blobs/uploads/?mount=${DIGEST}&from=b/c`;
  const pull = { repository: 'a', actions: ['pull'] };
  const push = { repository: 'a', actions: ['pull', 'push'] };
  const remove = { repository: 'a', actions: ['delete'] };

  it.each([
    ['GET', `/v2/a/blobs/${DIGEST}`, [pull]],
    ['HEAD', '/v2/a/manifests/latest', [pull]],
    ['GET', '/v2/a/tags/list', [pull]],
    ['GET', `/v2/a/referrers/${DIGEST}`, [pull]],
    ['PUT', '/v2/a/manifests/latest', [push]],
    ['DELETE', '/v2/a/manifests/latest', [remove]],
    ['DELETE', `/v2/a/blobs/${DIGEST}`, [remove]],
    ['POST', '/v2/a/blobs/uploads/', [push]],
    ['POST', mount, [push, { repository: 'b/c', actions: ['pull'] }]],
    ['POST', `/v2/a/blobs/uploads/?mount=${DIGEST}`, [push]],
    ['POST', `/v2/a/blobs/uploads/?mount=${DIGEST}&from=a`, [push]],
    ['POST', `/v2/a/blobs/uploads/?mount=${DIGEST}&from=B"`, [push]],
    ['GET', '/v2/a/blobs/uploads/x', [push]],
    ['PATCH', '/v2/a/blobs/uploads/x', [push]],
    ['DELETE', '/v2/a/blobs/uploads/x', [push]],
    ['GET', '/v2/_catalog', [{ right: 'catalog' }]],
    ['GET', '/metrics', [{ right: 'metrics' }]],
    ['GET', '/api/v1/status', [{ right: 'admin' }]],
    ['GET', '/v2/', []],
    ['GET', '/v2/A/tags/list', []],
  ])('names what %s %s needs', (method, url, scopes) => {
    const { challenges, exchange: request } = exchange(method, url);
    const error = new AuthenticationError('expired', 'invalid_token');
    const refusal = answerFor(request, error)!;
    expect(refusal).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
    expect(refusal.headers['WWW-Authenticate']).toBe('Bearer realm="r"');
    expect(challenges).toEqual([{ scopes, error: 'invalid_token' }]);
  });
});
