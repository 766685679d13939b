import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createTokenEndpoint } from '../../../src/registry/auth/token-endpoint.ts';
import type { TokenService } from '../../../src/registry/auth/token-service.ts';
import { serveTokens } from './support.ts';

describe('decisions 5: a form that does not arrive', () => {
  const never: TokenService = {
    issueAnonymous: () => Promise.reject(new Error('not expected')),
    issue: () => Promise.reject(new Error('not expected')),
    redeem: () => Promise.reject(new Error('not expected')),
  };
  const head =
    'POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n' +
    'Content-Length: 100\r\n\r\ngrant_type=';

  it('is given up after a time', async () => {
    const tokenEndpoint = createTokenEndpoint({
      service: never,
      serviceName: 'x',
      login: undefined,
      formLimits: { maxBytes: 1000, timeout: 30 },
    });
    await using slow = await serveTokens(() => ({ tokenEndpoint }));
    const socket = connect(Number(new URL(slow.url).port), '127.0.0.1');
    socket.setEncoding('utf8').write(head);
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('Connection: close');
  });

  it('is refused before it is read when it announces too much', async () => {
    const tokenEndpoint = createTokenEndpoint({
      service: never,
      serviceName: 'x',
      login: undefined,
      formLimits: { maxBytes: 99, timeout: 3_600_000 },
    });
    await using strict = await serveTokens(() => ({ tokenEndpoint }));
    const socket = connect(Number(new URL(strict.url).port), '127.0.0.1');
    socket.setEncoding('utf8').write(head);
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('is given up when the client goes away', async () => {
    const done = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const real = createTokenEndpoint({
      service: never,
      serviceName: 'x',
      login: undefined,
      formLimits: { maxBytes: 1000, timeout: 3_600_000 },
    });
    await using cut = await serveTokens(() => ({
      tokenEndpoint: async (req, res, clientAddress) => {
        started.resolve();
        await real(req, res, clientAddress).then(done.resolve, done.reject);
      },
    }));
    const socket = connect(Number(new URL(cut.url).port), '127.0.0.1');
    socket.write(head);
    await started.promise;
    socket.resetAndDestroy();
    await done.promise;
  });

  it('leaves failures of our own to the caller', async () => {
    const tokenEndpoint = createTokenEndpoint({
      service: never,
      serviceName: 'x',
      login: undefined,
    });
    await using broken = await serveTokens(() => ({ tokenEndpoint }));
    expect((await fetch(`${broken.url}/token`)).status).toBe(500);
  });
});
