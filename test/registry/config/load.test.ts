import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOpen } from '../../../src/registry/auth/is-open.ts';
import { loadConfig } from '../../../src/registry/config/load.ts';
import { formatProblem } from '../../../src/registry/config/problems.ts';
import { loadText, problemsOf, withFile } from './support.ts';

describe('decisions 9: where the configuration comes from', () => {
  it('uses the built-in defaults without any file', async () => {
    await withFile('other.yaml', '', async (_, directory) => {
      const { config, file } = await loadConfig({ environment: {}, directory });
      expect(file).toBeUndefined();
      expect(config.http.listen).toEqual({ host: '127.0.0.1', port: 5000 });
      expect(config.data).toEqual({ dir: join(directory, 'data'), reserve: 'auto' });
      expect(config.manifests).toEqual({ maxSize: 4 * 2 ** 20, allowSparse: false });
      expect(config.uploads.expire).toBe(86_400_000);
      expect(config.deletes).toEqual({
        enabled: true,
        undo: 86_400_000,
        protectReferenced: false,
      });
      expect(config.gc).toEqual({ interval: 900_000, lease: 86_400_000, untaggedAfter: undefined });
      expect(config.scrub.period).toBe(14 * 86_400_000);
      expect(config.verifyReads).toBe('off');
      expect(config.auth.htpasswd).toBeUndefined();
    });
  });

  it('takes --config before STOWAGE_CONFIG before ./stowage.yaml', async () => {
    await withFile('stowage.yaml', 'log: {level: warn}', async (usual, directory) => {
      await writeFile(join(directory, 'env.yaml'), 'log: {level: error}');
      await writeFile(join(directory, 'option.yaml'), 'log: {level: fatal}');
      const environment = { STOWAGE_CONFIG: 'env.yaml' };
      const byOption = await loadConfig({ file: 'option.yaml', environment, directory });
      const byVariable = await loadConfig({ environment, directory });
      const byName = await loadConfig({ environment: { STOWAGE_CONFIG: '' }, directory });
      expect(byOption.config.log.level).toBe('fatal');
      expect(byVariable.config.log.level).toBe('error');
      expect(byName.config.log.level).toBe('warn');
      expect(byName.file).toBe(usual);
    });
  });

  it('counts paths in a file from its folder, others from the working directory', async () => {
    await withFile('stowage.yaml', '', async (_, directory) => {
      const folder = join(directory, 'etc');
      await mkdir(folder);
      const text = [
        'data: {dir: ../store}',
        'http: {tls: {cert: tls/cert.pem}}',
        'auth: {token: {trusted: [{issuer: a, jwks: keys.json}, {issuer: b, jwks: "https://b/k"}]}}',
      ];
      await writeFile(join(folder, 's.yaml'), text.join('\n'));
      const environment = { STOWAGE_HTTP__TLS__KEY: 'key.pem' };
      const { config } = await loadConfig({ file: 'etc/s.yaml', environment, directory });
      expect(config.data.dir).toBe(join(directory, 'store'));
      expect(config.http.tls).toEqual({
        cert: join(folder, 'tls/cert.pem'),
        key: join(directory, 'key.pem'),
      });
      const [first, second] = config.auth.token!.trusted!;
      expect(first!.jwks).toBe(join(folder, 'keys.json'));
      expect(second!.jwks).toBe('https://b/k');
    });
  });

  it('takes groups and keys without a value as not set', async () => {
    const { config } = await loadText('http:\ndata:\n  dir:\nlog: {level: }\n');
    expect(config.log.level).toBe('info');
    expect(config.data.dir.endsWith('/data')).toBe(true);
  });

  it('hands the external URL to the access code', async () => {
    const { config } = await loadText('http: {external_url: "https://r.example:8443"}');
    expect(config.auth.externalUrl).toBe('https://r.example:8443');
  });
});

describe('decisions 9: what is wrong is told at once, with its place and a hint', () => {
  it('reports every problem with line and column, in the order of the file', async () => {
    const text = [
      'http:',
      '  lisen: 127.0.0.1:1',
      '  timeouts:',
      '    headers: soon',
      'manifest: {}',
      'auth:',
      '  policies:',
      '    - repositories: ["**"]',
      '      actions: [pull, write]',
      '      anonymous: true',
    ];
    const problems = await problemsOf(loadText(text.join('\n')));
    expect(problems.map(({ key, line, column }) => [key, line, column])).toEqual([
      ['http.lisen', 2, 3],
      ['http.timeouts.headers', 4, 5],
      ['manifest', 5, 1],
      ['auth.policies[0].actions[1]', 9, 23],
    ]);
    expect(problems[0]!.hint).toBe('did you mean http.listen?');
    expect(problems[2]!.hint).toBe('did you mean manifests?');
    expect(formatProblem(problems[2]!)).toMatch(
      /test\.yaml:5:1: manifest: unknown key \(did you mean manifests\?\)$/,
    );
  });

  it('lists the keys of the group where no name is near', async () => {
    const [problem] = await problemsOf(loadText('gc: {colour: red}'));
    expect(problem!.hint).toBe('the keys here are interval, lease, untagged_after');
  });

  it('names the variable that a bad value comes from', async () => {
    const problems = await problemsOf(
      loadText('gc: {lease: 1h}', {
        STOWAGE_GC__LEASE: 'long',
        STOWAGE_AUTH__POLICIES: '{',
        STOWAGE_HTTP__OPEN_ACCESS: 'yes',
      }),
    );
    expect(problems.map(({ key, source, line }) => [key, source, line])).toEqual([
      ['http.open_access', 'STOWAGE_HTTP__OPEN_ACCESS', undefined],
      ['gc.lease', 'STOWAGE_GC__LEASE', undefined],
      ['auth.policies', 'STOWAGE_AUTH__POLICIES', undefined],
    ]);
  });

  it('refuses variables that are meant for a key but name none', async () => {
    const problems = await problemsOf(
      loadText('', { STOWAGE_HTTP__LISTN: 'x', STOWAGE_HTTP_LISTEN: 'x' }),
    );
    expect(problems.map(({ source, hint }) => [source, hint])).toEqual([
      ['STOWAGE_HTTP__LISTN', 'did you mean STOWAGE_HTTP__LISTEN?'],
      ['STOWAGE_HTTP_LISTEN', 'did you mean STOWAGE_HTTP__LISTEN?'],
    ]);
  });

  it('leaves variables alone that are not meant for it', async () => {
    const environment = {
      STOWAGE_PORT: 'tcp://10.0.0.1:5000',
      STOWAGE_SERVICE_HOST: '10.0.0.1',
      STOWAGE_SERVER: 'http://127.0.0.1:5000',
      STOWAGE_HTTP__LISTEN: '',
      OTHER__KEY: '1',
    };
    const { config } = await loadText('', environment);
    expect(config.http.listen.port).toBe(5000);
  });

  it('tells of a file that is missing, no YAML, or no group of keys', async () => {
    const missing = await problemsOf(loadConfig({ file: '/no/such.yaml', environment: {} }));
    expect(missing[0]).toMatchObject({
      source: '/no/such.yaml',
      message: 'there is no such file',
    });
    const broken = await problemsOf(loadText('http:\n  listen: "a\n'));
    expect(broken[0]!.line).toBe(3);
    const list = await problemsOf(loadText('- http\n'));
    expect(list[0]).toMatchObject({ message: 'expected a group of keys', line: 1, column: 1 });
    const twice = await problemsOf(loadText('log: {level: warn}\nlog: {level: info}\n'));
    expect(twice[0]!.line).toBe(2);
  });

  it('refuses a file that blows up by its anchors', async () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++) {
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    }
    const [problem] = await problemsOf(loadText(lines.join('\n')));
    expect(problem!.message).toMatch(/alias/i);
  });

  it('takes no key from the prototype of objects', async () => {
    const problems = await problemsOf(loadText('"__proto__": {level: warn}\nconstructor: {}\n'));
    expect(problems.map(({ key }) => key)).toEqual(['__proto__', 'constructor']);
  });
});

describe('decisions 9: combinations', () => {
  const EXPOSED = 'http: {listen: "0.0.0.0:5000"';

  it('refuses to listen beyond this machine without auth', async () => {
    const [problem] = await problemsOf(loadText(`${EXPOSED}}`));
    expect(problem).toMatchObject({ key: 'http.listen', line: 1 });
    expect(problem!.hint).toContain('http.open_access');
    const [admin] = await problemsOf(loadText('admin: {listen: ":9000"}'));
    expect(admin!.key).toBe('admin.listen');
  });

  it.each([
    `${EXPOSED}, open_access: true}`,
    `${EXPOSED}}\nauth: {htpasswd: users}`,
    `${EXPOSED}}\nauth: {policies: [{repositories: ["**"], anonymous: true, actions: [pull]}]}`,
    `${EXPOSED}}\nauth: {token: {enabled: true}}`,
  ])('allows it with %s', async (text) => {
    const { config } = await loadText(text);
    expect(config.http.listen.host).toBe('0.0.0.0');
  });

  it('takes for auth what the access code takes for auth', async () => {
    const policy = { repositories: ['**'], anonymous: true, actions: ['pull'] };
    const issuer = { issuer: 'a', jwks: '/keys.json' };
    const parts = {
      htpasswd: [undefined, '/users'],
      token: [undefined, {}, { enabled: false, trusted: [issuer] }],
      policies: [undefined, [], [policy]],
      rights: [undefined, { admin: ['ann'] }],
    };
    for (const htpasswd of parts.htpasswd) {
      for (const token of parts.token) {
        for (const policies of parts.policies) {
          for (const rights of parts.rights) {
            const auth = { htpasswd, token, policies, rights };
            const text = JSON.stringify({ auth });
            const { config } = await loadText(text);
            const exposed = JSON.stringify({ auth, http: { listen: '0.0.0.0:1' } });
            const taken = await loadText(exposed).then(
              () => true,
              () => false,
            );
            expect(taken, text).toBe(!isOpen(config.auth));
          }
        }
      }
    }
  });

  it('does not take rights alone for auth', async () => {
    const problems = await problemsOf(loadText(`${EXPOSED}}\nauth: {rights: {admin: [ann]}}`));
    expect(problems).toHaveLength(1);
  });

  it.each([
    ['cert', 'key'],
    ['key', 'cert'],
  ])('refuses tls.%s without tls.%s', async (given, missing) => {
    const [problem] = await problemsOf(loadText(`http:\n  tls:\n    ${given}: a.pem`));
    expect(problem).toMatchObject({ key: `http.tls.${missing}`, line: 2 });
  });

  it('refuses an outside realm beside the built-in token service', async () => {
    const [problem] = await problemsOf(loadText('auth: {token: {realm: "https://a.example/t"}}'));
    expect(problem).toMatchObject({ key: 'auth.token.realm' });
  });

  it('refuses tokens that nobody can issue', async () => {
    const [problem] = await problemsOf(loadText('auth: {token: {enabled: false}}'));
    expect(problem).toMatchObject({ key: 'auth.token.trusted' });
  });
});
