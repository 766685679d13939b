import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALL_ACTIONS, maskOf } from '../../../src/registry/auth/actions.ts';
import {
  collectAccess,
  formatScopes,
  MAX_SCOPES,
  parseScope,
  parseScopes,
  toAccessEntries,
} from '../../../src/registry/auth/scopes.ts';

function repositoriesOf(...values: string[]): Record<string, number> {
  return Object.fromEntries(parseScopes(values).repositories);
}

describe('registry-protocol 13, decisions 5: scopes of token requests', () => {
  it('reads repeated and space-separated scopes alike', () => {
    const both = { a: maskOf(['pull', 'push']), 'b/c': maskOf(['pull']) };
    expect(repositoriesOf('repository:a:pull,push', 'repository:b/c:pull')).toEqual(both);
    expect(repositoriesOf('repository:a:pull,push repository:b/c:pull')).toEqual(both);
    expect(repositoriesOf('  repository:a:pull,push   repository:b/c:pull ')).toEqual(both);
  });

  it('adds up scopes of one repository', () => {
    expect(repositoriesOf('repository:a:pull', 'repository:a:delete')).toEqual({
      a: maskOf(['pull', 'delete']),
    });
  });

  it('reads * as every action', () => {
    expect(repositoriesOf('repository:a:*')).toEqual({ a: ALL_ACTIONS });
    expect(repositoriesOf('repository:a:pull,*')).toEqual({ a: ALL_ACTIONS });
  });

  it('takes a class of repositories for a repository', () => {
    expect(repositoriesOf('repository(plugin):a:pull')).toEqual({ a: maskOf(['pull']) });
  });

  it('reads rights, and only whole ones', () => {
    const { rights } = parseScopes(['registry:catalog:* registry:admin:read registry:root:*']);
    expect([...rights]).toEqual(['catalog']);
  });

  it.each([
    '',
    'repository',
    'repository:a',
    'repository::pull',
    ':a:pull',
    'repository:a:',
    'repository:a:fly',
    'repository:A:pull',
    'repository:../a:pull',
    'repository:host:5000/a:pull',
    'repository:__proto__:pull',
    'image:a:pull',
    'repository(:a:pull',
    'registry:catalog:pull',
    'registry:constructor:*',
    '::',
    ':::::',
  ])('takes %j for nothing asked', (scope) => {
    const { repositories, rights } = parseScopes([scope]);
    expect(repositories.size + rights.size).toBe(0);
  });

  it('splits at the first and the last colon', () => {
    expect(parseScope('repository:host:5000/a:pull,push')).toEqual({
      type: 'repository',
      name: 'host:5000/a',
      actions: ['pull', 'push'],
    });
  });

  it('looks at a bounded number of scopes', () => {
    const many = Array.from({ length: MAX_SCOPES + 10 }, (_, i) => `repository:r${i}:pull`);
    expect(parseScopes(many).repositories.size).toBe(MAX_SCOPES);
    expect(parseScopes([many.join(' ')]).repositories.size).toBe(MAX_SCOPES);
  });

  it('never fails, and gives back what it wrote', () => {
    const action = fc.constantFrom('pull', 'push', 'delete', '*', 'x', '');
    const scope = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom('repository', 'registry', 'x'), fc.string(), fc.array(action))
        .map(([type, name, actions]) => `${type}:${name}:${actions.join(',')}`),
      fc.constantFrom('repository:a:pull', 'repository:a/b:*', 'registry:metrics:*'),
    );
    fc.assert(
      fc.property(fc.array(scope, { maxLength: 20 }), (values) => {
        const asked = parseScopes(values);
        expect(collectAccess(toAccessEntries(asked))).toEqual(asked);
        expect(parseScopes([formatScopes(toAccessEntries(asked))])).toEqual(asked);
      }),
    );
  });
});
