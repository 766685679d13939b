import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob } from '../../../src/lib/glob.ts';
import { ALL_ACTIONS, maskOf, NO_ACTIONS } from '../../../src/registry/auth/actions.ts';
import type { PolicyConfig } from '../../../src/registry/auth/config-types.ts';
import { compilePolicies, UNLIMITED } from '../../../src/registry/auth/policies.ts';

const POLICIES: readonly PolicyConfig[] = [
  { repositories: ['public/**'], anonymous: true, actions: ['pull'] },
  { repositories: ['team/**', 'shared'], users: ['ann', 'bob'], actions: ['pull', 'push'] },
  { repositories: ['team/**'], users: ['ann'], actions: ['delete'] },
  { repositories: ['common/*'], users: ['*'], actions: ['*'] },
];

describe('decisions 5: policies', () => {
  const policies = compilePolicies({ policies: POLICIES });

  it.each([
    ['ann', 'team/app', ['pull', 'push', 'delete']],
    ['bob', 'team/app', ['pull', 'push']],
    ['bob', 'shared', ['pull', 'push']],
    ['carol', 'team/app', []],
    ['carol', 'common/x', ['*']],
    ['carol', 'common/x/y', []],
    ['carol', 'public/x', ['pull']],
    ['ann', 'public/x', ['pull']],
  ])('%s on %s: %j', (user, repository, actions) => {
    expect(policies.forUser(user).allowed(repository)).toBe(maskOf(actions));
  });

  it('grants to everybody only what is anonymous, and * in users does not mean everybody', () => {
    expect(policies.anonymous.allowed('public/x')).toBe(maskOf(['pull']));
    expect(policies.anonymous.allowed('common/x')).toBe(NO_ACTIONS);
    expect(policies.anonymous.allowed('team/app')).toBe(NO_ACTIONS);
  });

  it('lets no action imply another', () => {
    const pushOnly = compilePolicies({
      policies: [{ repositories: ['**'], users: ['ci'], actions: ['push'] }],
    });
    expect(pushOnly.forUser('ci').allowed('a')).toBe(maskOf(['push']));
  });

  it('grants everything to users and nothing to others when there is no policy', () => {
    for (const given of [undefined, []]) {
      const none = compilePolicies({ policies: given });
      expect(none.forUser('ann').allowed('any/thing')).toBe(ALL_ACTIONS);
      expect(none.anonymous.allowed('any/thing')).toBe(NO_ACTIONS);
    }
  });

  it('answers the same when asked again, also beyond what it remembers', () => {
    const rules = policies.forUser('bob');
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 1000; i++) {
        expect(rules.allowed(`team/${i}`)).toBe(maskOf(['pull', 'push']));
        expect(rules.allowed(`other/${i}`)).toBe(NO_ACTIONS);
      }
    }
    for (let i = 0; i < 1000; i++) policies.forUser(`user${i}`);
    expect(policies.forUser('bob').allowed('team/app')).toBe(maskOf(['pull', 'push']));
  });

  it('is the union of the policies that apply, whatever they are', () => {
    const pattern = fc.constantFrom('**', '*', 'a/*', 'a/**', 'b', 'a/b');
    const policy: fc.Arbitrary<PolicyConfig> = fc.record({
      repositories: fc.array(pattern, { minLength: 1, maxLength: 3 }),
      users: fc.array(fc.constantFrom('ann', 'bob', '*'), { maxLength: 2 }),
      anonymous: fc.boolean(),
      actions: fc.array(fc.constantFrom('pull', 'push', 'delete', '*'), { maxLength: 2 }),
    });
    const names = ['a', 'b', 'a/b', 'a/b/c', 'c/d'];
    fc.assert(
      fc.property(fc.array(policy, { minLength: 1, maxLength: 6 }), (list) => {
        const compiled = compilePolicies({ policies: list });
        for (const user of [undefined, 'ann', 'eve']) {
          const rules = user === undefined ? compiled.anonymous : compiled.forUser(user);
          for (const name of names) {
            let expected = NO_ACTIONS;
            for (const { repositories, users = [], anonymous, actions } of list) {
              const forUser = user !== undefined && (users.includes(user) || users.includes('*'));
              if (!anonymous && !forUser) continue;
              if (repositories.some((p) => compileGlob(p)(name))) expected |= maskOf(actions);
            }
            expect(rules.allowed(name)).toBe(expected);
          }
        }
      }),
    );
  });
});

describe('decisions 9: rights', () => {
  it('gives the catalogue to every user and the rest to nobody by default', () => {
    const { anonymous, forUser } = compilePolicies({});
    expect(forUser('ann').has('catalog')).toBe(true);
    expect(forUser('ann').has('metrics')).toBe(false);
    expect(forUser('ann').has('admin')).toBe(false);
    for (const right of ['admin', 'metrics', 'catalog'] as const) {
      expect(anonymous.has(right)).toBe(false);
    }
  });

  it('lets admin imply the others, and no other right imply admin', () => {
    const { forUser } = compilePolicies({
      rights: { admin: ['root'], metrics: ['prometheus'], catalog: [] },
    });
    for (const right of ['admin', 'metrics', 'catalog'] as const) {
      expect(forUser('root').has(right)).toBe(true);
    }
    expect(forUser('prometheus').has('metrics')).toBe(true);
    expect(forUser('prometheus').has('catalog')).toBe(false);
    expect(forUser('prometheus').has('admin')).toBe(false);
    expect(forUser('ann').has('catalog')).toBe(false);
  });

  it('gives anonymous rights to everybody', () => {
    const { anonymous, forUser } = compilePolicies({
      rights: { anonymous: ['metrics'], catalog: ['*'] },
    });
    expect(anonymous.has('metrics')).toBe(true);
    expect(anonymous.has('catalog')).toBe(false);
    expect(forUser('ann').has('metrics')).toBe(true);
    expect(forUser('ann').has('catalog')).toBe(true);
  });

  it('limits nothing where there is no authentication', () => {
    expect(UNLIMITED.allowed('a/b')).toBe(ALL_ACTIONS);
    expect(UNLIMITED.has('admin')).toBe(true);
  });
});
