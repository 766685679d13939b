import { describe, expect, it } from 'vitest';
import type { LogLevel } from '../../../src/registry/config/config.ts';
import { createAuditLog } from '../../../src/registry/observe/audit.ts';
import { createLogger } from '../../../src/registry/observe/logger.ts';
import { createRequestIds } from '../../../src/registry/observe/request-id.ts';
import {
  createRequestLog,
  type FinishedRequest,
} from '../../../src/registry/observe/request-log.ts';
import { ROUTE } from '../../../src/registry/observe/routes.ts';

function capture(level: LogLevel = 'info') {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({ level }, { write: (line) => lines.push(JSON.parse(line)) });
  return { logger, lines };
}

const REQUEST: FinishedRequest = {
  id: 'r-1',
  route: ROUTE.blob,
  method: 'GET',
  url: '/v2/a/blobs/sha256:0?account=ann',
  status: 200,
  nanoseconds: 1_234_567,
  bytesIn: 0,
  bytesOut: 12,
  client: '127.0.0.1',
  subject: 'user:ann',
  userAgent: 'skopeo/1',
};

describe('the log', () => {
  it('writes JSON lines with a word for the level and a time', () => {
    const { logger, lines } = capture();
    logger.debug('not this');
    logger.warn({ port: 5000 }, 'that');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 'warn', port: 5000, msg: 'that' });
    expect(new Date(lines[0]!.time as string).toISOString()).toBe(lines[0]!.time);
  });

  it('tells of an error with its stack', () => {
    const { logger, lines } = capture();
    logger.error({ err: new RangeError('too far') }, 'failed');
    expect(lines[0]!.err).toMatchObject({ type: 'RangeError', message: 'too far' });
  });
});

describe('request ids', () => {
  it('takes a sane one from the client', () => {
    const next = createRequestIds();
    for (const id of ['abc', 'Root=1-67891233-abcdef012345678912345678', 'a/b:c+d@e._-']) {
      expect(next(id)).toBe(id);
    }
  });

  it('makes one where there is none, or none that a log can bear', () => {
    const next = createRequestIds();
    const odd = [undefined, '', 'a b', 'a\nb', '"', 'é', '{}', 'a,b', 'x'.repeat(129), ['a', 'b']];
    const ids = odd.map((incoming) => next(incoming));
    expect(new Set(ids).size).toBe(odd.length);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
  });

  it('differs between processes', () => {
    expect(createRequestIds()(undefined)).not.toBe(createRequestIds()(undefined));
  });
});

describe('the log of requests', () => {
  it.each([
    ['errors', 'blob', 'GET', 200, false],
    ['errors', 'manifest', 'PUT', 201, false],
    ['errors', 'blob', 'GET', 404, true],
    ['errors', 'blob', 'GET', 500, true],
    ['errors', 'blob', 'GET', 0, true],
    ['errors', 'ping', 'GET', 401, false],
    // A push asks first.
    ['errors', 'blob', 'HEAD', 404, false],
    ['errors', 'manifest', 'HEAD', 404, false],
    ['errors', 'manifest', 'GET', 404, true],
    ['errors', 'manifest', 'DELETE', 404, true],
    ['errors', 'blob', 'HEAD', 403, true],
    ['errors', 'blob', 'HEAD', 500, true],
    ['errors', 'tags', 'HEAD', 404, true],
    ['errors', 'other', 'HEAD', 404, true],
    ['writes', 'manifest', 'PUT', 201, true],
    ['writes', 'blob', 'HEAD', 200, false],
    ['writes', 'blob', 'HEAD', 404, false],
    ['writes', 'upload', 'GET', 404, true],
    ['all', 'blob', 'GET', 200, true],
    ['all', 'blob', 'HEAD', 404, true],
    ['all', 'ping', 'GET', 401, true],
  ] as const)('with %s: %s %s answered %i: %s', (mode, route, method, status, wanted) => {
    const log = createRequestLog(capture().logger, mode);
    expect(log.wants(ROUTE[route], method, status)).toBe(wanted);
  });

  it('says what was asked, by whom, and how it went', () => {
    const { logger, lines } = capture();
    createRequestLog(logger, 'all').write(REQUEST);
    expect(lines[0]).toMatchObject({
      level: 'info',
      msg: 'request',
      id: 'r-1',
      route: 'blob',
      method: 'GET',
      path: '/v2/a/blobs/sha256:0',
      status: 200,
      ms: 1.23,
      bytesOut: 12,
      client: '127.0.0.1',
      subject: 'user:ann',
    });
    expect(JSON.stringify(lines[0])).not.toContain('account');
  });

  it.each([
    [404, 'warn'],
    [503, 'error'],
    [0, 'warn'],
  ])('gives a status of %i the level %s', (status, level) => {
    const { logger, lines } = capture();
    createRequestLog(logger, 'errors').write({ ...REQUEST, status });
    expect(lines[0]!.level).toBe(level);
  });

  it('a blob that is not there yet is no reason to warn', () => {
    const { logger, lines } = capture();
    createRequestLog(logger, 'all').write({ ...REQUEST, method: 'HEAD', status: 404 });
    expect(lines[0]!.level).toBe('info');
  });

  it('wants nothing when the log is silent', () => {
    const log = createRequestLog(capture('silent').logger, 'all');
    expect(log.wants(ROUTE.blob, 'GET', 500)).toBe(false);
  });
});

describe('the audit log', () => {
  const EVENT = {
    action: 'tag.delete',
    subject: 'user:ann',
    repository: 'team/app',
    reference: 'v1',
    digest: 'sha256:00',
    status: 202,
    client: '10.0.0.9',
    requestId: 'r-2',
  } as const;

  it('says who did what to what, from where', () => {
    const { logger, lines } = capture();
    createAuditLog(logger).record(EVENT);
    expect(lines[0]).toMatchObject({ audit: true, level: 'info', msg: 'tag.delete', ...EVENT });
  });

  it('is written whatever the level of the log', () => {
    const { logger, lines } = capture('fatal');
    createAuditLog(logger).record({
      action: 'login.refused',
      subject: 'ann',
      status: 401,
      client: '10.0.0.9',
      requestId: 'r-3',
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toHaveProperty('repository');
  });

  it('decisions 5: is not flooded by refused log-ins, and keeps everything else', () => {
    const { logger, lines } = capture();
    const audit = createAuditLog(logger);
    const refused = { ...EVENT, action: 'login.refused', status: 401 } as const;
    for (let i = 0; i < 1000; i++) {
      audit.record(refused);
      if (i % 10 === 0) audit.record(EVENT);
    }
    const count = (action: string) => lines.filter((line) => line.action === action).length;
    expect(count('tag.delete')).toBe(100);
    expect(count('login.refused')).toBeGreaterThanOrEqual(60);
    expect(count('login.refused')).toBeLessThan(70);
  });

  it('is off when the log is silent', () => {
    const { logger, lines } = capture('silent');
    createAuditLog(logger).record(EVENT);
    expect(lines).toEqual([]);
  });
});
