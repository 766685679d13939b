import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anonymousAccess,
  LOCAL_ACCESS,
  OPEN_ACCESS,
  outsideAccess,
  tokenAccess,
  userAccess,
  worthAsking,
} from '../../../src/registry/auth/access.ts';
import { ALL_ACTIONS, bitOf, maskOf } from '../../../src/registry/auth/actions.ts';
import { compilePolicies, type SubjectRules } from '../../../src/registry/auth/policies.ts';
import { parseScopes } from '../../../src/registry/auth/scopes.ts';
import type { Access, Action } from '../../../src/registry/auth/types.ts';

const policies = compilePolicies({
  policies: [
    { repositories: ['public'], anonymous: true, actions: ['pull'] },
    { repositories: ['team/**'], users: ['ann'], actions: ['pull', 'push'] },
  ],
  rights: { admin: ['ann'] },
});
const ann = policies.forUser('ann');

describe('decisions 5: what a request may do', () => {
  it('allows everything without authentication and by the token of the address file', () => {
    for (const [access, subject] of [
      [OPEN_ACCESS, ''],
      [LOCAL_ACCESS, 'local'],
    ] as const) {
      expect(access.subject).toBe(subject);
      expect(access.can('delete', 'any/thing')).toBe(true);
      expect(access.mayEver('push', 'any/thing')).toBe(true);
      expect(access.has('admin')).toBe(true);
    }
  });

  it('gives a user that sends a password all that the policies give', () => {
    const access = userAccess('user:ann', ann);
    expect(access.can('push', 'team/a')).toBe(true);
    expect(access.can('delete', 'team/a')).toBe(false);
    expect(access.can('pull', 'public')).toBe(true);
    expect(access.has('admin')).toBe(true);
  });

  it('narrows a token to its scope, while mayEver looks at the policies alone', () => {
    const access = tokenAccess('user:ann', ann, parseScopes(['repository:team/a:pull']));
    expect(access.can('pull', 'team/a')).toBe(true);
    expect(access.can('push', 'team/a')).toBe(false);
    expect(access.can('pull', 'team/b')).toBe(false);
    expect(access.mayEver('push', 'team/a')).toBe(true);
    expect(access.mayEver('pull', 'team/b')).toBe(true);
    expect(access.mayEver('delete', 'team/b')).toBe(false);
    expect(access.has('admin')).toBe(false);
  });

  it('grants no more by * than the policy grants', () => {
    const access = tokenAccess('user:ann', ann, parseScopes(['repository:team/a:*']));
    expect(access.can('push', 'team/a')).toBe(true);
    expect(access.can('delete', 'team/a')).toBe(false);
  });

  it('gives a right by token when it was asked for and is held', () => {
    const scopes = parseScopes(['registry:admin:* registry:catalog:*']);
    expect(tokenAccess('user:ann', ann, scopes).has('admin')).toBe(true);
    const eve = policies.forUser('eve');
    expect(tokenAccess('user:eve', eve, scopes).has('admin')).toBe(false);
    expect(tokenAccess('user:eve', eve, scopes).has('catalog')).toBe(true);
  });

  it('takes an outside token at its word', () => {
    const scopes = parseScopes(['repository:x:pull registry:metrics:*']);
    const access = outsideAccess('issuer:i:s', scopes);
    expect(access.can('pull', 'x')).toBe(true);
    expect(access.can('push', 'x')).toBe(false);
    expect(access.mayEver('pull', 'x')).toBe(true);
    expect(access.mayEver('pull', 'y')).toBe(false);
    expect(access.has('metrics')).toBe(true);
    expect(access.has('admin')).toBe(false);
  });

  it('cannot be changed afterwards', () => {
    for (const access of [OPEN_ACCESS, LOCAL_ACCESS, userAccess('user:ann', ann)]) {
      expect(() => Object.assign(access, { subject: 'user:root' })).toThrow(TypeError);
    }
  });

  it('grants by token exactly the intersection of scope and policy', () => {
    const mask = fc.integer({ min: 0, max: ALL_ACTIONS });
    const actions: Action[] = ['pull', 'push', 'delete'];
    fc.assert(
      fc.property(mask, mask, (asked, allowed) => {
        const rules: SubjectRules = { allowed: () => allowed, has: () => false };
        const scopes = { repositories: new Map([['a', asked]]), rights: new Set<never>() };
        const access = tokenAccess('user:u', rules, scopes);
        for (const action of actions) {
          expect(access.can(action, 'a')).toBe((asked & allowed & bitOf(action)) !== 0);
          expect(access.mayEver(action, 'a')).toBe((allowed & bitOf(action)) !== 0);
          expect(access.can(action, 'b')).toBe(false);
        }
      }),
    );
  });
});

describe('decisions 4 and 5: when a challenge could help', () => {
  it.each([
    ['anonymous', anonymousAccess(policies.anonymous), 'team/a', true],
    ['anonymous token', tokenAccess('', policies.anonymous, parseScopes([])), 'team/a', true],
    ['user by password', userAccess('user:ann', ann), 'other', false],
    ['token that could be wider', tokenAccess('user:ann', ann, parseScopes([])), 'team/a', true],
    ['token that could not', tokenAccess('user:ann', ann, parseScopes([])), 'other', false],
    ['outside token', outsideAccess('issuer:i:s', parseScopes([])), 'other', true],
    ['open', OPEN_ACCESS, 'other', false],
  ] as const)('%s: %s', (_, access, repository, worth) => {
    expect(worthAsking(access, 'push', repository)).toBe(worth);
  });

  it('goes by mayEver for access objects of another make', () => {
    const access: Access = {
      subject: 'x',
      can: () => false,
      mayEver: (action) => maskOf([action]) === bitOf('pull'),
      has: () => false,
    };
    expect(worthAsking(access, 'pull', 'a')).toBe(true);
    expect(worthAsking(access, 'push', 'a')).toBe(false);
  });
});
