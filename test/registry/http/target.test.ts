import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRepositoryName } from '../../../src/oci/name.ts';
import {
  parseTarget,
  queryValue,
  queryValues,
  requireName,
} from '../../../src/registry/http/target.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** Components that stand in paths for something else too, and any other ones. */
const component = fc.oneof(
  fc.constantFrom('blobs', 'manifests', 'uploads', 'tags', 'list', 'referrers', 'v2', 'token'),
  fc.stringMatching(/^[a-z0-9]{1,5}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}$/),
);
const repository = fc
  .array(component, { minLength: 1, maxLength: 6 })
  .map((components) => components.join('/'));
const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,12}$/);
const reference = fc.oneof(tag, fc.constantFrom(DIGEST, 'list', 'uploads', 'blobs', 'tags'));
const query = fc.constantFrom('', '?', '?n=1', '?a=/v2/x/blobs/uploads/&b=%2F', '?x=?');

describe('GEN-11 the target of a request', () => {
  it('is found from the right, whatever the repository is called', () => {
    fc.assert(
      fc.property(repository, reference, query, (name, ref, search) => {
        fc.pre(name.length <= 255);
        const targets = [
          ['manifest', `/v2/${name}/manifests/${ref}`, ref],
          ['blob', `/v2/${name}/blobs/${DIGEST}`, DIGEST],
          ['referrers', `/v2/${name}/referrers/${DIGEST}`, DIGEST],
          ['tags', `/v2/${name}/tags/list`, ''],
          ['uploads', `/v2/${name}/blobs/uploads/`, ''],
          ['uploads', `/v2/${name}/blobs/uploads`, ''],
          ['upload', `/v2/${name}/blobs/uploads/${ref}`, ref],
        ] as const;
        for (const [kind, path, expected] of targets) {
          const target = parseTarget(path + search);
          expect(target).toEqual({
            kind,
            name,
            reference: expected,
            path,
            query: search.slice(1),
          });
          expect(requireName(target)).toBe(name);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['blobs', '/v2/blobs/blobs/uploads/', 'uploads', ''],
    ['blobs', '/v2/blobs/tags/list', 'tags', ''],
    ['manifests/x', '/v2/manifests/x/manifests/latest', 'manifest', 'latest'],
    ['manifests/x', `/v2/manifests/x/blobs/${DIGEST}`, 'blob', DIGEST],
    ['a/blobs/uploads', '/v2/a/blobs/uploads/blobs/uploads/', 'uploads', ''],
    ['a/blobs/uploads', '/v2/a/blobs/uploads/blobs/uploads/id', 'upload', 'id'],
    ['a/blobs/uploads', '/v2/a/blobs/uploads/tags/list', 'tags', ''],
    ['a/blobs/uploads', '/v2/a/blobs/uploads/manifests/uploads', 'manifest', 'uploads'],
  ])('of the repository %s is found in %s', (name, path, kind, ref) => {
    expect(parseTarget(path)).toMatchObject({ kind, name, reference: ref });
  });

  it('has no name where the path has none, and no name is no repository', () => {
    for (const path of ['/v2/manifests/x', '/v2/blobs/uploads/', '/v2/tags/list', '/v2//blobs/x']) {
      const target = parseTarget(path);
      expect(target.name, path).toBe('');
      expect(() => requireName(target)).toThrowError(expect.objectContaining({ status: 400 }));
    }
  });

  it.each([
    ['/v2', 'ping'],
    ['/v2/', 'ping'],
    ['/v2/?x', 'ping'],
    ['/v2/_catalog?n=5', 'catalog'],
    ['/v2/_oci/ext/discover', 'extensions'],
    ['/token?scope=a', 'token'],
    ['/metrics', 'metrics'],
    ['/livez', 'live'],
    ['/readyz', 'ready'],
    ['/api/v1/status', 'admin'],
    ['/api/v1', 'unknown'],
    ['/api/v2/status', 'unknown'],
    ['/metrics/', 'unknown'],
    ['/', 'unknown'],
    ['', 'unknown'],
    ['*', 'unknown'],
    ['/v2/a', 'unknown'],
    ['/v2/a/tags/other', 'unknown'],
    ['/v2/a/uploads/x', 'unknown'],
    ['/v2x/a/tags/list', 'unknown'],
  ])('%s is %s', (url, kind) => {
    expect(parseTarget(url).kind).toBe(kind);
  });

  it('may be sent in absolute form (RFC 9112, 3.2.2)', () => {
    const target = parseTarget('http://registry.example.com:5000/v2/a/b/tags/list?n=1');
    expect(target).toMatchObject({ kind: 'tags', name: 'a/b', query: 'n=1' });
    expect(parseTarget('https://registry.example.com').kind).toBe('unknown');
  });

  it('has its reference decoded once, or left as it is', () => {
    const of = (text: string) => parseTarget(`/v2/a/blobs/${text}`).reference;
    expect(of(`sha256%3A${'a'.repeat(64)}`)).toBe(DIGEST);
    expect(of('a%252fb')).toBe('a%2fb');
    expect(of('a%zz')).toBe('a%zz');
    expect(of('%ff')).toBe('%ff');
  });

  it('can be read from any text, and never gives a name that is not in it', () => {
    const piece = fc.constantFrom('/', '//', '..', '%2e', '?', 'v2', 'blobs', 'uploads', 'tags');
    const text = fc.oneof(
      fc.string(),
      fc
        .array(fc.oneof(piece, fc.string({ maxLength: 3 })))
        .map((parts) => `/v2/${parts.join('/')}`),
    );
    fc.assert(
      fc.property(text, (url) => {
        const target = parseTarget(url);
        expect(url).toContain(target.path);
        expect(target.path).toContain(target.name);
        try {
          expect(isRepositoryName(requireName(target))).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: 'NAME_INVALID', status: 400 });
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('has query values, the first of them and all', () => {
    const target = parseTarget('/v2/a/manifests/b?tag=x&tag=y%20z&empty=&digest=sha256%3Aabc');
    expect(queryValue(target, 'tag')).toBe('x');
    expect(queryValues(target, 'tag')).toEqual(['x', 'y z']);
    expect(queryValue(target, 'empty')).toBe('');
    expect(queryValue(target, 'digest')).toBe('sha256:abc');
    expect(queryValue(target, 'other')).toBeUndefined();
    const bare = parseTarget('/v2/a/manifests/b');
    expect([queryValue(bare, 'tag'), queryValues(bare, 'tag')]).toEqual([undefined, []]);
  });
});
