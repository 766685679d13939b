import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHasher, type Hasher, type ReadAt } from '../../src/lib/hashing.ts';

const MIB = 1024 * 1024;

let hasher: Hasher;
beforeEach(() => {
  hasher = createHasher();
});
afterEach(() => hasher.close());

/** Reads from memory, at most `most` bytes at a time. */
function readerOf(bytes: Uint8Array, most = Number.POSITIVE_INFINITY): ReadAt {
  return async (buffer, position) => {
    const part = bytes.subarray(position, position + Math.min(most, buffer.length));
    buffer.set(part);
    return part.length;
  };
}

const hexOf = (bytes: Uint8Array, algorithm = 'sha256'): string =>
  createHash(algorithm).update(bytes).digest('hex');

describe('hashing on a thread of its own', () => {
  it.each([0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 3 * MIB + 17])(
    '%d bytes',
    async (size) => {
      const bytes = randomBytes(size);
      for (const algorithm of ['sha256', 'sha512'] as const) {
        const hex = await hasher.hash({ algorithm, read: readerOf(bytes), size });
        expect(hex).toBe(hexOf(bytes, algorithm));
      }
    },
  );

  it('any sizes and pieces, several at once', async () => {
    const job = fc.tuple(fc.nat(600_000), fc.integer({ min: 1000, max: 300_000 }));
    await fc.assert(
      fc.asyncProperty(fc.array(job, { minLength: 1, maxLength: 8 }), async (jobs) => {
        const results = jobs.map(async ([size, most], index) => {
          const bytes = Buffer.alloc(size, `${index} ${most}`);
          const read = readerOf(bytes, most);
          expect(await hasher.hash({ algorithm: 'sha256', read, size })).toBe(hexOf(bytes));
        });
        await Promise.all(results);
      }),
      { numRuns: 15 },
    );
  });

  it('hashes no more than was asked for', async () => {
    const bytes = randomBytes(1000);
    const hex = await hasher.hash({ algorithm: 'sha256', read: readerOf(bytes), size: 600 });
    expect(hex).toBe(hexOf(bytes.subarray(0, 600)));
  });

  it('says that there are fewer bytes than there should be', async () => {
    const read = readerOf(randomBytes(MIB));
    expect(await hasher.hash({ algorithm: 'sha256', read, size: MIB + 1 })).toBeUndefined();
    expect(await hasher.hash({ algorithm: 'sha256', read: async () => 0, size: 1 })).toBe(
      undefined,
    );
  });

  it('passes on what goes wrong with reading, and goes on with other work', async () => {
    const read: ReadAt = async (buffer, position) => {
      if (position > 0) throw new Error('EIO');
      return buffer.length;
    };
    await expect(hasher.hash({ algorithm: 'sha256', read, size: 3 * MIB })).rejects.toThrow('EIO');
    const bytes = randomBytes(10);
    const hex = await hasher.hash({ algorithm: 'sha256', read: readerOf(bytes), size: 10 });
    expect(hex).toBe(hexOf(bytes));
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const read: ReadAt = async (buffer, position) => {
      if (position > MIB) stop.abort(new Error('enough'));
      return buffer.length;
    };
    const { signal } = stop;
    const endless = hasher.hash({ algorithm: 'sha256', read, size: 2 ** 50, signal });
    await expect(endless).rejects.toThrow('enough');
  });

  it('tells how far it is, and waits when it is asked to', async () => {
    const bytes = randomBytes(MIB);
    let told = 0;
    let waits = 0;
    const hex = await hasher.hash({
      algorithm: 'sha256',
      read: readerOf(bytes),
      size: MIB,
      async onChunk(length) {
        expect(waits).toBe(0);
        waits++;
        await new Promise((resolve) => setImmediate(resolve));
        waits--;
        told += length;
      },
    });
    expect(hex).toBe(hexOf(bytes));
    expect(told).toBe(MIB);
  });

  it('works on four at once; others wait for their turn', async () => {
    let atOnce = 0;
    let most = 0;
    const gate = Promise.withResolvers<void>();
    const jobs = Array.from({ length: 10 }, async () => {
      let begun = false;
      const read: ReadAt = async (_, position) => {
        if (position > 0) return 0;
        if (!begun) atOnce++;
        begun = true;
        most = Math.max(most, atOnce);
        await gate.promise;
        atOnce--;
        return 1;
      };
      return await hasher.hash({ algorithm: 'sha256', read, size: 1 });
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(atOnce).toBe(4);
    gate.resolve();
    const expected = hexOf(Buffer.alloc(1));
    expect(await Promise.all(jobs)).toEqual(Array(10).fill(expected));
    expect(most).toBe(4);
  });

  it('fails what is under way when its thread ends, and begins no hash in its middle', async () => {
    let closing: Promise<void> | undefined;
    const read: ReadAt = async (buffer, position) => {
      // At a moment when no answer is waited for.
      closing ??= position > 0 ? hasher.close() : undefined;
      await closing;
      return buffer.length;
    };
    const cut = hasher.hash({ algorithm: 'sha256', read, size: 4 * MIB });
    await expect(cut).rejects.toThrow('the hashing thread ended');
    const bytes = randomBytes(MIB);
    const hex = await hasher.hash({ algorithm: 'sha256', read: readerOf(bytes), size: MIB });
    expect(hex).toBe(hexOf(bytes));
  });

  it('decisions 1: reading again costs the serving thread a fraction of the hashing', async () => {
    const bytes = randomBytes(64 * MIB);
    await hasher.hash({ algorithm: 'sha512', read: readerOf(bytes), size: MIB });
    // Reading is none of the hasher's work here: what it costs is only the handing over.
    const read: ReadAt = async (buffer) => buffer.length;
    const before = process.threadCpuUsage();
    await hasher.hash({ algorithm: 'sha512', read, size: bytes.length });
    const handing = process.threadCpuUsage(before);
    const middle = process.threadCpuUsage();
    hexOf(bytes, 'sha512');
    const hashing = process.threadCpuUsage(middle);
    expect(handing.user + handing.system).toBeLessThan((hashing.user + hashing.system) / 2);
  });
});
