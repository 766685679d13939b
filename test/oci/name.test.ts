import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRepositoryName, isTag, MAX_REPOSITORY_LENGTH } from '../../src/oci/name.ts';

/** The expressions of the OCI distribution specification, "Pulling manifests", anchored. */
const COMPONENT = '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*';
const NAME = new RegExp(`^${COMPONENT}(\\/${COMPONENT})*$`);
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** All strings over `letters` of up to `length` characters. */
function* allStrings(letters: readonly string[], length: number, prefix = ''): Iterable<string> {
  yield prefix;
  if (prefix.length === length) return;
  for (const letter of letters) yield* allStrings(letters, length, prefix + letter);
}

const characters = fc.constantFrom(...'ab09._-/AZ \n\0é~:@'.split(''));
/** Mostly good, so that long names with a single fault come up. */
const pieces = fc.constantFrom('a', 'z9', '0', '.', '_', '__', '___', '-', '---', '/', '//', '._');

describe('GEN-1 repository names', () => {
  it.each([
    ['a', true],
    ['library/debian', true],
    ['a/b/c/d/e', true],
    ['a.b-c__d/e---f', true],
    ['0', true],
    ['', false],
    ['/', false],
    ['a/', false],
    ['/a', false],
    ['a//b', false],
    ['a..b', false],
    ['a___b', false],
    ['a._b', false],
    ['a-.b', false],
    ['-a', false],
    ['a-', false],
    ['a_/b', false],
    ['A', false],
    ['a b', false],
    ['a\n', false],
    ['a/../b', false],
    ['a/./b', false],
    ['..', false],
    ['é', false],
    ['a\0', false],
  ])('%j: %s', (name, good) => {
    expect(isRepositoryName(name)).toBe(good);
    expect(NAME.test(name)).toBe(good);
  });

  it('agrees with the expression of the specification on every short string', () => {
    let count = 0;
    for (const name of allStrings(['a', '.', '_', '-', '/', 'A'], 6)) {
      if (isRepositoryName(name) !== NAME.test(name)) expect.fail(JSON.stringify(name));
      count++;
    }
    expect(count).toBe((6 ** 7 - 1) / 5);
  });

  it('agrees with the expression of the specification on any string', () => {
    const loose = fc.string({ unit: characters, maxLength: 12 });
    const nearly = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(loose, nearly), (name) => {
        expect(isRepositoryName(name)).toBe(NAME.test(name));
      }),
      { numRuns: 5000 },
    );
  });

  it('GEN-2 takes names of up to 255 characters', () => {
    expect(isRepositoryName('a'.repeat(MAX_REPOSITORY_LENGTH))).toBe(true);
    expect(isRepositoryName('a'.repeat(MAX_REPOSITORY_LENGTH + 1))).toBe(false);
  });
});

describe('TAG-1 tags', () => {
  it.each([
    ['latest', true],
    ['_', true],
    ['V1.0-rc_1', true],
    ['', false],
    ['.a', false],
    ['-a', false],
    ['a/b', false],
    ['a:b', false],
    ['a b', false],
    ['ä', false],
    ['a\n', false],
  ])('%j: %s', (tag, good) => {
    expect(isTag(tag)).toBe(good);
  });

  it('agrees with the expression of the specification on any string', () => {
    fc.assert(
      fc.property(fc.string({ unit: characters, maxLength: 8 }), (tag) => {
        expect(isTag(tag)).toBe(TAG.test(tag));
      }),
      { numRuns: 3000 },
    );
  });

  it('takes up to 128 characters', () => {
    expect(isTag('a'.repeat(128))).toBe(true);
    expect(isTag('a'.repeat(129))).toBe(false);
  });
});
