import { hashSync } from 'bcryptjs';
import { afterEach, describe, expect, it } from 'vitest';
import { BcryptPool } from '../../../src/registry/auth/bcrypt-pool.ts';
import { AuthenticationBusyError } from '../../../src/registry/auth/errors.ts';
import { failureOf } from './support.ts';

const HASH = hashSync('secret', 4);
const pools: BcryptPool[] = [];

function makePool(options: ConstructorParameters<typeof BcryptPool>[0]): BcryptPool {
  const pool = new BcryptPool(options);
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

describe('decisions 5: bcrypt in workers behind a bounded queue', () => {
  it('tells right passwords from wrong ones, whatever tool made the hash', async () => {
    const pool = makePool({ threads: 1 });
    expect(await pool.compare('secret', HASH)).toBe(true);
    expect(await pool.compare('Secret', HASH)).toBe(false);
    for (const version of ['$2a$', '$2b$', '$2y$']) {
      expect(await pool.compare('secret', version + HASH.slice(4))).toBe(true);
    }
  });

  it('refuses with 503 what does not fit into the queue, and works on', async () => {
    const pool = makePool({ threads: 1, maxWaiting: 2 });
    const running = pool.compare('secret', HASH);
    const waiting = [pool.compare('wrong', HASH), pool.compare('secret', HASH)];
    const refused = await failureOf(() => pool.compare('secret', HASH));
    expect(refused).toBeInstanceOf(AuthenticationBusyError);
    expect(refused).toMatchObject({ status: 503, retryAfterSeconds: 2 });
    expect(await running).toBe(true);
    expect(await Promise.all(waiting)).toEqual([false, true]);
    expect(await pool.compare('secret', HASH)).toBe(true);
  });

  it('uses several threads without mixing up their answers', async () => {
    const pool = makePool({ threads: 2, maxWaiting: 100 });
    const passwords = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? 'secret' : `wrong${i}`));
    const answers = await Promise.all(passwords.map((password) => pool.compare(password, HASH)));
    expect(answers).toEqual(passwords.map((password) => password === 'secret'));
  });

  it('answers 503 for a comparison that kills its thread, and starts another thread', async () => {
    const pool = makePool({ threads: 1 });
    const poisoned = pool.compare(undefined as unknown as string, HASH);
    const next = pool.compare('secret', HASH);
    expect(await failureOf(() => poisoned)).toBeInstanceOf(AuthenticationBusyError);
    expect(await next).toBe(true);
  });

  it('rejects what is running and waiting when it is closed, and takes nothing more', async () => {
    const pool = makePool({ threads: 1 });
    const pending = [
      failureOf(() => pool.compare('secret', HASH)),
      failureOf(() => pool.compare('secret', HASH)),
    ];
    await pool.close();
    for (const error of await Promise.all(pending)) {
      expect(error).toBeInstanceOf(AuthenticationBusyError);
    }
    expect(await failureOf(() => pool.compare('secret', HASH))).toBeInstanceOf(
      AuthenticationBusyError,
    );
  });
});
