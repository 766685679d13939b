import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob } from '../../src/lib/glob.ts';

/** What the pattern means, by a regular expression: the oracle. */
function oracle(pattern: string): RegExp {
  const source = pattern.replace(/\*+|[^*]/g, (part) => {
    if (part === '*') return '[^/]*';
    if (part.startsWith('*')) return '[^]*';
    return part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  });
  return new RegExp(`^${source}$`);
}

describe('decisions 5: patterns of repository names', () => {
  it.each([
    ['team/app', 'team/app', true],
    ['team/app', 'team/app2', false],
    ['team/*', 'team/app', true],
    ['team/*', 'team', false],
    ['team/*', 'team/app/sub', false],
    ['team/**', 'team/app/sub', true],
    ['team/**', 'team', false],
    ['team/**', 'teams/app', false],
    ['**', 'anything/at/all', true],
    ['*', 'one', true],
    ['*', 'one/two', false],
    ['**/base', 'a/b/base', true],
    ['**/base', 'base', false],
    ['*-dev/**', 'web-dev/x/y', true],
    ['a.c', 'abc', false],
    ['', '', true],
    ['', 'a', false],
  ])('%s on %s: %s', (pattern, name, fits) => {
    expect(compileGlob(pattern)(name)).toBe(fits);
  });

  it('agrees with a regular expression on any pattern and name', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '-'), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '.'), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (glob, name) => {
        expect(compileGlob(glob)(name)).toBe(oracle(glob).test(name));
      }),
      { numRuns: 3000 },
    );
  });

  it('takes no longer for a pattern that makes backtracking explode', () => {
    const fits = compileGlob(`${'*a'.repeat(60)}b`);
    const started = performance.now();
    expect(fits('a'.repeat(255))).toBe(false);
    expect(performance.now() - started).toBeLessThan(500);
  });
});
