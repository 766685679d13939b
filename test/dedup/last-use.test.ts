import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLastUse } from '../../src/dedup/intact/last-use.ts';

describe('decisions 3: when a layer was used last', () => {
  it('is the start for all at the start', () => {
    const time = { now: 5 };
    const uses = createLastUse(() => time.now);
    time.now = 9;
    expect(uses.of('a')).toBe(5);
    expect(uses.isKnown('a')).toBe(false);
  });

  it('is never told too early, and exactly for those used last', () => {
    const steps = fc.array(fc.tuple(fc.nat(9), fc.nat(3)), { maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), (history, maxKnown) => {
        const time = { now: 100 };
        const uses = createLastUse(() => time.now, maxKnown);
        const truth = new Map<string, number>();
        for (const [name, pause] of history) {
          time.now += pause;
          uses.note(`${name}`);
          truth.delete(`${name}`);
          truth.set(`${name}`, time.now);
        }
        for (const [name, at] of truth) expect(uses.of(name)).toBeGreaterThanOrEqual(at);
        const latest = [...truth].slice(-maxKnown);
        expect([...uses.known()]).toEqual(latest.map(([name]) => name));
        for (const [name, at] of latest) expect([name, uses.of(name)]).toEqual([name, at]);
        // Those that are not known were used before all that are.
        const [oldest] = latest;
        if (oldest !== undefined) expect(uses.of('never')).toBeLessThanOrEqual(oldest[1]);
      }),
    );
  });
});
