import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TooManyAttemptsError } from '../../../src/registry/auth/errors.ts';
import {
  createLoginThrottle,
  type LoginThrottle,
} from '../../../src/registry/auth/login-throttle.ts';
import { standingClock } from './support.ts';

/** Fails until it is refused; the number of failures that were let through. */
function failUntilRefused(throttle: LoginThrottle, user: (i: number) => string, address: string) {
  for (let i = 0; i < 1000; i++) {
    try {
      throttle.check(user(i), address);
    } catch (error) {
      return { failures: i, error: error as TooManyAttemptsError };
    }
    throttle.failed(user(i), address);
  }
  throw new Error('was never refused');
}

describe('decisions 5: failed log-ins are slowed', () => {
  it('refuses a user after ten failures from anywhere, and says for how long', () => {
    const { now } = standingClock();
    const throttle = createLoginThrottle(now);
    for (let i = 0; i < 10; i++) {
      throttle.check('ann', `192.0.2.${i}`);
      throttle.failed('ann', `192.0.2.${i}`);
    }
    expect(() => throttle.check('ann', '198.51.100.1')).toThrow(TooManyAttemptsError);
    expect(() => throttle.check('bob', '198.51.100.1')).not.toThrow();
  });

  it('refuses a client after twenty failures with any names', () => {
    const throttle = createLoginThrottle(standingClock().now);
    const { failures, error } = failUntilRefused(throttle, (i) => `user${i}`, '192.0.2.1');
    expect(failures).toBe(20);
    expect(error.status).toBe(429);
    expect(error.headers['Retry-After']).toBe('5');
    expect(() => throttle.check('ann', '192.0.2.2')).not.toThrow();
  });

  it('counts a whole IPv6 network as one client', () => {
    const throttle = createLoginThrottle(standingClock().now);
    for (let i = 0; i < 20; i++) throttle.failed(`user${i}`, `2001:db8::${i.toString(16)}`);
    expect(() => throttle.check('ann', '2001:db8::ffff')).toThrow(TooManyAttemptsError);
    expect(() => throttle.check('ann', '2001:db8:0:1::1')).not.toThrow();
  });

  it('allows one attempt more after each refill, and all of them after a pause', () => {
    const clock = standingClock();
    const throttle = createLoginThrottle(clock.now);
    const again = () => failUntilRefused(throttle, () => 'ann', '192.0.2.1');
    expect(again().failures).toBe(10);
    clock.advance(9_999);
    expect(again()).toMatchObject({ failures: 0, error: { retryAfterSeconds: 1 } });
    clock.advance(1);
    expect(again().failures).toBe(1);
    clock.advance(60 * 60_000);
    expect(again().failures).toBe(10);
  });

  it('makes nobody wait longer than a refill, and lets the user in from where it was before', () => {
    const clock = standingClock();
    const throttle = createLoginThrottle(clock.now);
    throttle.succeeded('ann', '192.0.2.1');
    const { error } = failUntilRefused(throttle, () => 'ann', '198.51.100.1');
    expect(error.retryAfterSeconds).toBeLessThanOrEqual(10);
    expect(() => throttle.check('ann', '192.0.2.1')).not.toThrow();
    expect(() => throttle.check('ann', '192.0.2.2')).toThrow(TooManyAttemptsError);
  });

  it('still slows guessing from an address where the user has logged in', () => {
    const throttle = createLoginThrottle(standingClock().now);
    throttle.succeeded('ann', '192.0.2.1');
    expect(failUntilRefused(throttle, () => 'ann', '192.0.2.1').failures).toBe(20);
  });

  it('makes up for attempts that ran side by side', () => {
    const clock = standingClock();
    const throttle = createLoginThrottle(clock.now);
    for (let i = 0; i < 13; i++) throttle.failed('ann', `192.0.2.${i}`);
    const refused = failUntilRefused(throttle, () => 'ann', '198.51.100.1');
    expect(refused).toMatchObject({ failures: 0, error: { retryAfterSeconds: 40 } });
  });

  it('stays usable when the clock is set back', () => {
    const clock = standingClock();
    const throttle = createLoginThrottle(clock.now);
    for (let i = 0; i < 9; i++) throttle.failed('ann', '192.0.2.1');
    clock.advance(-24 * 60 * 60_000);
    expect(failUntilRefused(throttle, () => 'ann', '198.51.100.1').failures).toBe(1);
    clock.advance(10_000);
    expect(() => throttle.check('ann', '198.51.100.1')).not.toThrow();
  });

  it('lets through no more failures than capacity and refills allow, whatever the rhythm', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20_000 }), { maxLength: 200 }), (pauses) => {
        const clock = standingClock(0);
        const throttle = createLoginThrottle(clock.now);
        let failures = 0;
        for (const pause of pauses) {
          clock.advance(pause);
          try {
            throttle.check('ann', '192.0.2.1');
          } catch {
            continue;
          }
          throttle.failed('ann', '192.0.2.1');
          failures++;
        }
        expect(failures).toBeLessThanOrEqual(10 + clock.now() / 10_000);
      }),
    );
  });

  it('keeps a bounded number of clients and users', () => {
    const throttle = createLoginThrottle(standingClock().now);
    for (let i = 0; i < 10; i++) throttle.failed('first', '192.0.2.1');
    expect(() => throttle.check('first', '198.51.100.1')).toThrow(TooManyAttemptsError);
    for (let i = 0; i < 32_768; i++) throttle.failed(`user${i}`, `host${i}`);
    // The oldest entry had to go; were it still there, memory would have no bound.
    expect(() => throttle.check('first', '198.51.100.1')).not.toThrow();
  });
});
