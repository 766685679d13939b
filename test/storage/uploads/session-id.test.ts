import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeSessionId, sessionTime } from '../../../src/storage/uploads/session-id.ts';

const SECRET = Buffer.alloc(32, 7);
const OWNER = { repository: 'team/app', subject: 'alice' };
const NOW = 1_800_000_000_123;

describe('UP-7 ids of uploads', () => {
  it('are UUIDs of version 8', () => {
    for (let i = 0; i < 100; i++) {
      expect(makeSessionId(SECRET, OWNER, NOW)).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
    }
  });

  it('tell when they were handed out, to the millisecond', () => {
    for (const time of [0, 1, NOW, 2 ** 48 - 1]) {
      expect(sessionTime(SECRET, OWNER, makeSessionId(SECRET, OWNER, time))).toBe(time);
    }
  });

  it('mostly differ although they are made at the same time', () => {
    const ids = new Set(Array.from({ length: 500 }, () => makeSessionId(SECRET, OWNER, NOW)));
    expect(ids.size).toBeGreaterThan(400);
  });

  it('decisions 4: work only in their repository and for their principal', () => {
    const name = fc.string({ maxLength: 8 });
    const owner = fc.record({ repository: name, subject: name });
    fc.assert(
      fc.property(owner, owner, (mine, other) => {
        const id = makeSessionId(SECRET, mine, NOW);
        expect(sessionTime(SECRET, mine, id)).toBe(NOW);
        const same = mine.repository === other.repository && mine.subject === other.subject;
        if (!same) expect(sessionTime(SECRET, other, id)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('decisions 4: are worth nothing under another secret', () => {
    const id = makeSessionId(SECRET, OWNER, NOW);
    expect(sessionTime(randomBytes(32), OWNER, id)).toBeUndefined();
  });

  it('decisions 4: cannot be changed in any digit', () => {
    const id = makeSessionId(SECRET, OWNER, NOW);
    for (let i = 0; i < id.length; i++) {
      for (const digit of '0123456789abcdef-') {
        const other = id.slice(0, i) + digit + id.slice(i + 1);
        if (other !== id) expect(sessionTime(SECRET, OWNER, other)).toBeUndefined();
      }
    }
  });

  it('decisions 4: are refused in any other spelling, and whatever else comes', () => {
    const id = makeSessionId(SECRET, OWNER, NOW);
    const others = [
      id.toUpperCase(),
      id.replaceAll('-', ''),
      `{${id}}`,
      `${id} `,
      id.slice(0, -1),
      `${id.slice(0, 8)}${id.slice(9, 18)}--${id.slice(18)}`,
      '',
      '../../../etc/passwd',
      'é'.repeat(36),
      '-'.repeat(36),
    ];
    for (const other of others) expect(sessionTime(SECRET, OWNER, other)).toBeUndefined();
    fc.assert(
      fc.property(
        fc.oneof(fc.uuid(), fc.string(), fc.string({ minLength: 36, maxLength: 36 })),
        (text) => {
          expect(sessionTime(SECRET, OWNER, text)).toBeUndefined();
        },
      ),
    );
  });
});
