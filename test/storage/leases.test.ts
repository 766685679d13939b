import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/oci/digest.ts';
import { createLeases } from '../../src/storage/leases.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Leases under a clock that the test sets, some time after their start. */
function leasesAfterStart(duration = DAY) {
  const time = { now: 1_800_000_000_000 };
  const leases = createLeases(duration, () => time.now);
  time.now += 10 * duration;
  return { leases, time };
}

const digestNumber = (n: number) => digestOf(Buffer.from(String(n)), n % 3 ? 'sha256' : 'sha512');

describe('leases', () => {
  it('decisions 3: a lease lasts its time, and ends at most a fourth of it later', () => {
    const { leases, time } = leasesAfterStart();
    const digest = digestNumber(1);
    expect(leases.holds(digest)).toBe(false);
    leases.renew(digest);
    const end = time.now + DAY;
    for (; time.now < end; time.now += HOUR) expect(leases.holds(digest)).toBe(true);
    time.now = end - 1;
    expect(leases.holds(digest)).toBe(true);
    time.now = end + DAY / 4;
    expect(leases.holds(digest)).toBe(false);
  });

  it('decisions 3: every renewal lets it begin anew', () => {
    const { leases, time } = leasesAfterStart();
    const digest = digestNumber(1);
    for (let round = 0; round < 50; round++) {
      leases.renew(digest);
      time.now += DAY - 1;
      expect(leases.holds(digest)).toBe(true);
    }
    time.now += DAY;
    expect(leases.holds(digest)).toBe(false);
  });

  it('decisions 3: all leases start anew at start-up', () => {
    const time = { now: 5 * DAY };
    const leases = createLeases(DAY, () => time.now);
    expect(leases.holds(digestNumber(1))).toBe(true);
    time.now += DAY - 1;
    expect(leases.holds(digestNumber(2))).toBe(true);
    time.now += 1;
    expect(leases.holds(digestNumber(1))).toBe(false);
  });

  it('decisions 3: no lease ends early, whatever is renewed when', () => {
    const action = fc.record({
      digest: fc.nat(20),
      renew: fc.boolean(),
      pass: fc.oneof(fc.nat(10), fc.nat(300), fc.nat(3000)),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.array(action), (duration, actions) => {
        const { leases, time } = leasesAfterStart(duration);
        const renewed = new Map<number, number>();
        for (const { digest, renew, pass } of actions) {
          time.now += pass;
          if (renew) {
            leases.renew(digestNumber(digest));
            renewed.set(digest, time.now);
          }
          for (const [known, at] of renewed) {
            const age = time.now - at;
            const holds = leases.holds(digestNumber(known));
            if (age < duration) expect(holds).toBe(true);
            // Twenty digests are too few for a false positive of theirs.
            else if (age >= duration * 1.25) expect(holds).toBe(false);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('a clock that is set back takes no lease away', () => {
    const { leases, time } = leasesAfterStart();
    leases.renew(digestNumber(1));
    time.now -= 20 * HOUR;
    expect(leases.holds(digestNumber(1))).toBe(true);
    leases.renew(digestNumber(2));
    time.now += 30 * HOUR;
    expect(leases.holds(digestNumber(1))).toBe(true);
    time.now -= 20 * DAY;
    expect(leases.holds(digestNumber(2))).toBe(true);
  });

  it('decisions 3: keeps a hundred thousand digests apart in fixed memory', () => {
    const { leases } = leasesAfterStart();
    const hex = randomBytes(110_000 * 32).toString('hex');
    const random = Array.from(
      { length: 110_000 },
      (_, i) => `sha256:${hex.slice(i * 64, i * 64 + 64)}`,
    );
    const known = random.slice(10_000);
    for (const digest of known) leases.renew(digest);
    expect(known.every((digest) => leases.holds(digest))).toBe(true);
    const mistaken = random.slice(0, 10_000).filter((digest) => leases.holds(digest)).length;
    expect(mistaken).toBeLessThan(20);
  });

  it('a time of zero means that no lease ever holds', () => {
    const leases = createLeases(0, () => 0);
    leases.renew(digestNumber(1));
    expect(leases.holds(digestNumber(1))).toBe(false);
  });
});
