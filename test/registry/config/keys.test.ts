import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Config } from '../../../src/registry/config/config.ts';
import { KEYS } from '../../../src/registry/config/keys.ts';
import { loadText, problemsOf, withKey } from './support.ts';

interface Case {
  /** Written in the file. */
  readonly value: unknown;
  readonly read: (config: Config) => unknown;
  readonly expected: unknown;
  /** Written in an environment variable to the same effect, where String() does not do it. */
  readonly variable?: string;
  readonly refused: readonly unknown[];
  /** Other keys without which the value is refused for another reason. */
  readonly beside?: Readonly<Record<string, unknown>>;
}

const POLICY = { repositories: ['a/**'], users: ['ann'], actions: ['pull', 'push'] };
const ISSUER = { issuer: 'https://a.example', jwks: 'https://a.example/jwks' };
const TTL = ['5', 5, 'off', '1h30m', true];

/** One entry for every key of the schema. */
const CASES: Readonly<Record<string, Case>> = {
  'http.listen': {
    value: '[::1]:80',
    read: (c) => c.http.listen,
    expected: { host: '::1', port: 80 },
    refused: ['80', 80, 'a:b'],
  },
  'http.tls.cert': {
    value: '/a/cert.pem',
    read: (c) => c.http.tls?.cert,
    expected: '/a/cert.pem',
    refused: ['', 5],
    beside: { 'http.tls.key': '/a/key.pem' },
  },
  'http.tls.key': {
    value: '/a/key.pem',
    read: (c) => c.http.tls?.key,
    expected: '/a/key.pem',
    refused: ['', []],
    beside: { 'http.tls.cert': '/a/cert.pem' },
  },
  'http.external_url': {
    value: 'https://r.example/',
    read: (c) => c.http.externalUrl,
    expected: 'https://r.example',
    refused: ['r.example', 'ftp://r.example', 'https://r.example/x', 'https://u@r.example', 5],
  },
  'http.trusted_proxies': {
    value: ['10.0.0.0/8', '::1'],
    read: (c) => c.http.trustedProxies,
    expected: ['10.0.0.0/8', '::1'],
    variable: '10.0.0.0/8, ::1',
    refused: [['proxy'], 'proxy', [5]],
  },
  'http.open_access': {
    value: true,
    read: (c) => c.http.openAccess,
    expected: true,
    refused: ['yes', 1],
  },
  'http.max_connections': {
    value: 7,
    read: (c) => c.http.maxConnections,
    expected: 7,
    refused: [0, -1, 1.5, 'many'],
  },
  'http.max_connections_per_client': {
    value: 'off',
    read: (c) => c.http.maxConnectionsPerClient,
    expected: Number.POSITIVE_INFINITY,
    refused: [0, '1x'],
  },
  'http.timeouts.headers': {
    value: '5s',
    read: (c) => c.http.timeouts.headers,
    expected: 5000,
    refused: [...TTL, '1ms', '2d'],
  },
  'http.timeouts.body': {
    value: '1m',
    read: (c) => c.http.timeouts.body,
    expected: 60_000,
    refused: TTL,
  },
  'http.timeouts.idle': {
    value: '500ms',
    read: (c) => c.http.timeouts.idle,
    expected: 500,
    refused: TTL,
  },
  'data.dir': {
    value: '/var/lib/stowage',
    read: (c) => c.data.dir,
    expected: '/var/lib/stowage',
    refused: ['', 5, ['a']],
  },
  'data.reserve': {
    value: '2GiB',
    read: (c) => c.data.reserve,
    expected: 2_147_483_648,
    refused: ['2GB', -1, 'much', true],
  },
  'auth.htpasswd': {
    value: '/etc/htpasswd',
    read: (c) => c.auth.htpasswd,
    expected: '/etc/htpasswd',
    refused: ['', 5],
  },
  'auth.token.enabled': {
    value: true,
    read: (c) => c.auth.token?.enabled,
    expected: true,
    refused: ['on', 0],
  },
  'auth.token.issuer': {
    value: 'me',
    read: (c) => c.auth.token?.issuer,
    expected: 'me',
    refused: ['', 5],
  },
  'auth.token.service': {
    value: 'r.example',
    read: (c) => c.auth.token?.service,
    expected: 'r.example',
    refused: ['', 5],
  },
  'auth.token.access_ttl': {
    value: '10m',
    read: (c) => c.auth.token?.accessTtl,
    expected: 600_000,
    refused: [...TTL, '2d'],
  },
  'auth.token.refresh_ttl': {
    value: '7d',
    read: (c) => c.auth.token?.refreshTtl,
    expected: 604_800_000,
    refused: [...TTL, '1s'],
  },
  'auth.token.realm': {
    value: 'https://a.example/token',
    read: (c) => c.auth.token?.realm,
    expected: 'https://a.example/token',
    refused: ['a.example', 'ftp://a.example/'],
    beside: { 'auth.token.enabled': false, 'auth.token.trusted': [ISSUER] },
  },
  'auth.token.trusted': {
    value: [ISSUER],
    read: (c) => c.auth.token?.trusted,
    expected: [ISSUER],
    variable: JSON.stringify([ISSUER]),
    refused: ['x', [{ issuer: 'a' }], [{ jwks: 'a' }], [{ ...ISSUER, x: 1 }]],
  },
  'auth.policies': {
    value: [POLICY],
    read: (c) => c.auth.policies,
    expected: [POLICY],
    variable: JSON.stringify([POLICY]),
    refused: [
      'x',
      [{ ...POLICY, actions: ['write'] }],
      [{ ...POLICY, repositories: [] }],
      [{ ...POLICY, users: [] }],
      [{ ...POLICY, user: 'ann' }],
    ],
  },
  'auth.rights.admin': {
    value: ['ann'],
    read: (c) => c.auth.rights?.admin,
    expected: ['ann'],
    variable: 'ann',
    refused: ['ann', [''], [5]],
  },
  'auth.rights.metrics': {
    value: ['ann', 'prometheus'],
    read: (c) => c.auth.rights?.metrics,
    expected: ['ann', 'prometheus'],
    variable: 'ann,prometheus',
    refused: [{ ann: true }],
  },
  'auth.rights.catalog': {
    value: ['*'],
    read: (c) => c.auth.rights?.catalog,
    expected: ['*'],
    variable: '["*"]',
    refused: ['*'],
  },
  'auth.rights.anonymous': {
    value: ['metrics'],
    read: (c) => c.auth.rights?.anonymous,
    expected: ['metrics'],
    variable: 'metrics',
    refused: [['admin'], 'metrics'],
  },
  'manifests.max_size': {
    value: '8MiB',
    read: (c) => c.manifests.maxSize,
    expected: 8_388_608,
    refused: [1, 'off', '8MB'],
  },
  'manifests.allow_sparse': {
    value: true,
    read: (c) => c.manifests.allowSparse,
    expected: true,
    refused: ['true'],
  },
  'uploads.expire': {
    value: '2h',
    read: (c) => c.uploads.expire,
    expected: 7_200_000,
    refused: [...TTL, '5ms'],
  },
  'uploads.max_size': {
    value: 1000,
    read: (c) => c.uploads.maxSize,
    expected: 1000,
    refused: [0, -5, '10 GiB'],
  },
  'uploads.max_sessions': {
    value: 3,
    read: (c) => c.uploads.maxSessions,
    expected: 3,
    refused: [0, 'none'],
  },
  'deletes.enabled': {
    value: false,
    read: (c) => c.deletes.enabled,
    expected: false,
    refused: ['off'],
  },
  'deletes.undo': {
    value: 0,
    read: (c) => c.deletes.undo,
    expected: 0,
    refused: [5, '5', 'never'],
  },
  'deletes.protect_referenced': {
    value: true,
    read: (c) => c.deletes.protectReferenced,
    expected: true,
    refused: [1],
  },
  'gc.interval': {
    value: 'off',
    read: (c) => c.gc.interval,
    expected: undefined,
    refused: [5, '8d', '99ms'],
  },
  'gc.lease': {
    value: '1s',
    read: (c) => c.gc.lease,
    expected: 1000,
    refused: TTL,
  },
  'gc.untagged_after': {
    value: '30d',
    read: (c) => c.gc.untaggedAfter,
    expected: 2_592_000_000,
    refused: ['5ms', 1],
  },
  'scrub.period': {
    value: '7d',
    read: (c) => c.scrub.period,
    expected: 604_800_000,
    refused: ['1s', 'weekly'],
  },
  'dedup.policy': {
    value: 'off',
    read: (c) => c.dedup.policy,
    expected: 'off',
    refused: ['on', true, ''],
  },
  'dedup.repositories': {
    value: [{ pattern: 'mirror/**', policy: 'off' }],
    read: (c) => c.dedup.repositories,
    expected: [{ pattern: 'mirror/**', policy: 'off' }],
    variable: '[{"pattern":"mirror/**","policy":"off"}]',
    refused: ['mirror', [{ pattern: 'a' }], [{ pattern: '', policy: 'off' }], [{ policy: 'off' }]],
  },
  'dedup.min_size': {
    value: '1MiB',
    read: (c) => c.dedup.minSize,
    expected: 1_048_576,
    refused: ['1MB', -1, 'off'],
  },
  'dedup.min_age': {
    value: '5m',
    read: (c) => c.dedup.minAge,
    expected: 300_000,
    refused: TTL,
  },
  'dedup.intact_budget': {
    value: '0',
    read: (c) => c.dedup.intactBudget,
    expected: 0,
    refused: ['much', -1],
  },
  'dedup.restore_cache': {
    value: '0',
    read: (c) => c.dedup.restoreCache,
    expected: 0,
    refused: ['much', -1],
  },
  verify_reads: {
    value: 'always',
    read: (c) => c.verifyReads,
    expected: 'always',
    refused: ['on', true],
  },
  'log.level': {
    value: 'debug',
    read: (c) => c.log.level,
    expected: 'debug',
    refused: ['verbose', 3],
  },
  'log.requests': {
    value: 'all',
    read: (c) => c.log.requests,
    expected: 'all',
    refused: ['none', true],
  },
  'admin.listen': {
    value: 'localhost:9000',
    read: (c) => c.admin.listen,
    expected: { host: 'localhost', port: 9000 },
    refused: ['9000', '127.0.0.1:5000'],
  },
};

describe('decisions 9: every key', () => {
  it('has a case here', () => {
    expect(Object.keys(CASES).sort()).toEqual(KEYS.map(({ path }) => path.join('.')).sort());
  });

  describe.each(KEYS.map((key) => [key.path.join('.'), key] as const))('%s', (name, key) => {
    const { value, read, expected, variable, refused, beside = {} } = CASES[name]!;
    let base: Record<string, unknown> = {};
    for (const [other, its] of Object.entries(beside)) base = withKey(base, other.split('.'), its);

    it('is read from the file', async () => {
      const { config } = await loadText(stringify(withKey(base, key.path, value)));
      expect(read(config)).toEqual(expected);
    });

    it('is read from the environment, which wins', async () => {
      const other = key.defaultValue === undefined ? {} : withKey(base, key.path, key.defaultValue);
      const file = stringify({ ...base, ...other });
      const environment = { [key.variable]: variable ?? String(value) };
      const { config } = await loadText(file, environment);
      expect(read(config)).toEqual(expected);
    });

    it.each(refused.map((bad) => [JSON.stringify(bad), bad]))('refuses %s', async (_, bad) => {
      const problems = await problemsOf(loadText(stringify(withKey(base, key.path, bad))));
      expect(problems).toHaveLength(1);
      expect(problems[0]!.key.startsWith(name)).toBe(true);
      expect(problems[0]!.line).toBeGreaterThan(0);
    });
  });
});
