import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MAX_CREDENTIAL_LENGTH,
  parseAuthorization,
  passwordCredential,
} from '../../../src/registry/auth/credentials.ts';
import { AuthenticationError } from '../../../src/registry/auth/errors.ts';
import { basic } from './support.ts';

const raw = (bytes: Uint8Array | string): string =>
  `Basic ${Buffer.from(bytes as string, 'latin1').toString('base64')}`;

describe('decisions 5: the Authorization header', () => {
  it('reads names and passwords, the password with colons, spaces and any script', () => {
    expect(parseAuthorization(basic('ann', 'a:b :c'))).toEqual({
      scheme: 'basic',
      user: 'ann',
      password: 'a:b :c',
    });
    expect(parseAuthorization(basic('änn', 'пароль 🔑'))).toMatchObject({ password: 'пароль 🔑' });
  });

  it('reads tokens, and schemes in any case', () => {
    expect(parseAuthorization('Bearer a.b.c')).toEqual({ scheme: 'bearer', token: 'a.b.c' });
    expect(parseAuthorization('bEARER  a.b.c ')).toEqual({ scheme: 'bearer', token: 'a.b.c' });
    expect(parseAuthorization(basic('a', 'b').replace('Basic', 'BASIC'))).toMatchObject({
      user: 'a',
    });
  });

  it.each([
    ['nothing', ''],
    ['a scheme alone', 'Basic'],
    ['an unknown scheme', 'Digest username="ann"'],
    ['a token without a scheme', 'YW5uOmI='],
    ['text that is not base64', 'Basic ann:secret'],
    ['base64 without padding', basic('ann', 'b').replace(/=+$/, '')],
    ['base64 with text behind it', `${basic('ann', 'b')} x`],
    ['base64 for URLs', 'Basic YW5uOl__'],
    ['base64 with bits set that do not count', 'Basic YTpiYh=='],
    ['no colon', raw('ann')],
    ['no name', raw(':secret')],
    ['no password', raw('ann:')],
    ['neither', raw(':')],
    ['bytes that are not UTF-8', raw('ann:\xff\xfe')],
    ['Latin-1', raw('ann:p\xe4ss')],
    ['an overlong UTF-8 form', raw('ann:\xc0\xae')],
    ['a name with a control character', basic('an\nn', 'b')],
    ['a name with DEL', basic('an\x7fn', 'b')],
    ['a password with NUL', basic('ann', 'a\0b')],
    ['a name that is too long', basic('a'.repeat(256), 'b')],
    ['a password that is too long', basic('ann', 'b'.repeat(1025))],
    ['a header that is too long', `Bearer ${'a'.repeat(MAX_CREDENTIAL_LENGTH)}`],
  ])('refuses %s', (_, header) => {
    expect(() => parseAuthorization(header)).toThrow(AuthenticationError);
  });

  it('refuses a form with a colon in the name, which no header could hold', () => {
    expect(() => passwordCredential('a:b', 'c')).toThrow(AuthenticationError);
    expect(passwordCredential('a', 'b:c')).toEqual({ user: 'a', password: 'b:c' });
  });

  it('gives back every credential that it takes, and throws nothing but its own error', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        (user, password) => {
          let read: unknown;
          try {
            read = parseAuthorization(basic(user, password));
          } catch (error) {
            expect(error).toBeInstanceOf(AuthenticationError);
            return;
          }
          expect(read).toEqual({ scheme: 'basic', user, password });
        },
      ),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        for (const header of [text, `Basic ${text}`]) {
          try {
            parseAuthorization(header);
          } catch (error) {
            expect(error).toBeInstanceOf(AuthenticationError);
          }
        }
      }),
    );
  });
});
