import { validateHeaderValue } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  basicChallenge,
  type ChallengeSettings,
  formatChallenge,
  quote,
} from '../../../src/registry/auth/challenge.ts';
import { parseChallenge } from '../../conformance/challenge.ts';

const OWN: ChallengeSettings = { kind: 'own', service: 'stowage' };
const ORIGIN = { host: 'registry.example.com:5000', secure: true };

describe('registry-protocol 13: WWW-Authenticate', () => {
  it('names realm, service and scope for Bearer', () => {
    const scopes = [{ repository: 'team/app', actions: ['pull', 'push'] as const }];
    expect(formatChallenge(OWN, scopes, ORIGIN)).toBe(
      'Bearer realm="https://registry.example.com:5000/token",service="stowage",' +
        'scope="repository:team/app:pull,push"',
    );
  });

  it('MNT-4 names both repositories of a mount in one scope', () => {
    const scopes = [
      { repository: 'to', actions: ['pull', 'push'] as const },
      { repository: 'from/x', actions: ['pull'] as const },
    ];
    const challenge = parseChallenge([formatChallenge(OWN, scopes, ORIGIN, 'insufficient_scope')]);
    expect(challenge?.parameters.scope).toBe('repository:to:pull,push repository:from/x:pull');
    expect(challenge?.parameters.error).toBe('insufficient_scope');
  });

  it('names a right, so that a token for the catalogue can be asked for', () => {
    const challenge = parseChallenge([formatChallenge(OWN, [{ right: 'catalog' }], ORIGIN)]);
    expect(challenge?.parameters.scope).toBe('registry:catalog:*');
  });

  it('has no scope when none is known', () => {
    expect(formatChallenge(OWN, [], { host: '127.0.0.1:5000', secure: false })).toBe(
      'Bearer realm="http://127.0.0.1:5000/token",service="stowage"',
    );
  });

  it.each(['https://r.example.com', 'https://r.example.com/', 'https://r.example.com/base//'])(
    'builds the realm from the external URL %s before the host of the request',
    (externalUrl) => {
      const challenge = formatChallenge({ ...OWN, externalUrl }, [], ORIGIN);
      const base = externalUrl.replace(/\/+$/, '');
      expect(parseChallenge([challenge])?.parameters.realm).toBe(`${base}/token`);
    },
  );

  it('names the outside token server, or none', () => {
    const outside: ChallengeSettings = { kind: 'outside', service: 's' };
    const realm = 'https://auth.example.com/token?x=1';
    const named = parseChallenge([formatChallenge({ ...outside, realm }, [], ORIGIN)]);
    expect(named).toEqual({ scheme: 'bearer', parameters: { realm, service: 's' } });
    expect(formatChallenge(outside, [], ORIGIN)).toBe('Bearer service="s"');
  });

  it('is Basic where there are no tokens', () => {
    const basic: ChallengeSettings = { kind: 'basic', service: 'stowage' };
    const value = formatChallenge(basic, [{ right: 'admin' }], ORIGIN, 'invalid_token');
    expect(value).toBe('Basic realm="stowage", charset="UTF-8"');
    expect(value).toBe(basicChallenge('stowage'));
  });

  it.each([
    'a"b',
    'a\\b',
    'a\r\nSet-Cookie: x=1',
    'evil.example.com/path?',
    'user@evil.example.com',
    'a b',
    'a,b',
    '',
    'x'.repeat(261),
    'ä.example.com',
  ])('does not repeat the host %j', (host) => {
    const challenge = formatChallenge(OWN, [], { host, secure: true });
    expect(parseChallenge([challenge])?.parameters.realm).toBe('https://localhost/token');
  });

  it('repeats hosts of all kinds that there are', () => {
    for (const host of ['a.b-c_d:1', '[::1]:5000', '127.0.0.1']) {
      const challenge = formatChallenge(OWN, [], { host, secure: true });
      expect(parseChallenge([challenge])?.parameters.realm).toBe(`https://${host}/token`);
    }
  });

  it('quotes any text so that it can neither end the string nor the header', () => {
    const special = fc.constantFrom(
      '"',
      '\\',
      '\r',
      '\n',
      '\0',
      '\x7f',
      ' ',
      ',',
      '=',
      'a',
      'é',
      '💥',
    );
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: special }));
    fc.assert(
      fc.property(anything, (text) => {
        const quoted = quote(text);
        expect(quoted).toMatch(/^"(?:[^"\\]|\\["\\])*"$/);
        validateHeaderValue('WWW-Authenticate', quoted);
        const visible = [...text].filter((c) => c >= ' ' && c <= '~').join('');
        expect(quoted.slice(1, -1).replace(/\\(.)/g, '$1')).toBe(visible);
      }),
    );
    fc.assert(
      fc.property(anything, anything, (service, host) => {
        const value = formatChallenge({ ...OWN, service }, [], { host, secure: false });
        validateHeaderValue('WWW-Authenticate', value);
        expect(Object.keys(parseChallenge([value])!.parameters)).toEqual(['realm', 'service']);
      }),
    );
  });
});
