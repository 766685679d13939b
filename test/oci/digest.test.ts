import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  algorithmOf,
  digestOf,
  finishDigest,
  isDigest,
  isDigestAlgorithm,
  startDigest,
} from '../../src/oci/digest.ts';

/** OCI image specification, "Digests": the two registered algorithms. */
const DIGEST = /^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

describe('digests', () => {
  it.each([
    [`sha256:${'a'.repeat(64)}`, true],
    [`sha512:${'0'.repeat(128)}`, true],
    [`sha256:${'a'.repeat(63)}`, false],
    [`sha256:${'a'.repeat(65)}`, false],
    [`sha512:${'a'.repeat(64)}`, false],
    [`sha256:${'A'.repeat(64)}`, false],
    [`sha256:${'g'.repeat(64)}`, false],
    [`sha256:${'a'.repeat(63)}\n`, false],
    [`sha384:${'a'.repeat(96)}`, false],
    [`sha256-${'a'.repeat(64)}`, false],
    [`SHA256:${'a'.repeat(64)}`, false],
    ['sha256:baddigeststring', false],
    ['', false],
  ])('%s: %s', (text, good) => {
    expect(isDigest(text)).toBe(good);
  });

  it('agrees with the expressions of the specification', () => {
    const algorithm = fc.constantFrom('sha256', 'sha512', 'sha1', 'Sha256');
    const length = fc.constantFrom(63, 64, 65, 127, 128, 129);
    const wrong = fc.option(
      fc.tuple(fc.nat(130), fc.constantFrom('A', 'g', '/', ':', '`', '\u0660')),
    );
    fc.assert(
      fc.property(
        algorithm,
        length,
        fc.infiniteStream(fc.nat(15)),
        wrong,
        (name, size, hex, at) => {
          let body = [...hex.take(size)].map((digit) => digit.toString(16)).join('');
          if (at !== null) body = body.slice(0, at[0]) + at[1] + body.slice(at[0] + 1);
          const text = `${name}:${body}`;
          expect(isDigest(text)).toBe(DIGEST.test(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each(['sha256', 'sha512'] as const)('%s: of bytes at once and of pieces', (algorithm) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (pieces) => {
        const all = Buffer.concat(pieces);
        const running = startDigest(algorithm);
        for (const piece of pieces) running.update(piece);
        const digest = finishDigest(algorithm, running);
        expect(digest).toBe(`${algorithm}:${createHash(algorithm).update(all).digest('hex')}`);
        expect(digestOf(all, algorithm)).toBe(digest);
        expect(isDigest(digest)).toBe(true);
        expect(algorithmOf(digest)).toBe(algorithm);
      }),
      { numRuns: 50 },
    );
  });

  it('knows its algorithms by name', () => {
    expect(digestOf(Buffer.alloc(0))).toMatch(/^sha256:e3b0c442/);
    expect(isDigestAlgorithm('sha256')).toBe(true);
    expect(isDigestAlgorithm('sha512')).toBe(true);
    for (const name of ['sha1', 'SHA256', '', 'toString', '__proto__']) {
      expect(isDigestAlgorithm(name)).toBe(false);
    }
  });
});
