import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compare } from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readHtpasswd } from '../../src/registry/auth/htpasswd-file.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { cli } from './support.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await makeTemporary('passwd');
  file = join(directory, 'htpasswd');
});

afterEach(() => removeTemporary(directory));

async function matches(user: string, password: string): Promise<boolean> {
  const { users } = await readHtpasswd(file);
  return await compare(password, users.get(user)!);
}

describe('stowage passwd', () => {
  it.each([
    ['secret\n', 'secret'],
    ['secret\r\nmore\n', 'secret'],
    ['secret', 'secret'],
    [' two words \n', ' two words '],
  ])('reads %j from standard input', async (input, password) => {
    const result = await cli(['passwd', 'htpasswd', 'ann'], { directory, input });
    expect(result).toMatchObject({ code: 0, out: `ann has a password in ${file}\n`, err: '' });
    expect(await matches('ann', password)).toBe(true);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('asks twice at a terminal, without showing what is typed', async () => {
    const typed = ['secrex\u007ft\r', 'secret\r'];
    const { code, out, err } = await cli(['passwd', 'htpasswd', 'ann'], { directory, typed });
    expect(code).toBe(0);
    expect(err).toBe('New password: \nAgain: \n');
    expect(out + err).not.toContain('secret');
    expect(await matches('ann', 'secret')).toBe(true);
  });

  it('changes nothing when the two differ, or when it is interrupted', async () => {
    const differ = await cli(['passwd', 'htpasswd', 'ann'], { directory, typed: ['a\r', 'b\r'] });
    expect([differ.code, differ.err.includes('the two passwords differ')]).toEqual([1, true]);
    const typed = ['ab\u0003'];
    const interrupted = await cli(['passwd', 'htpasswd', 'ann'], { directory, typed });
    expect(interrupted.code).toBe(130);
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });

  it('changes a password and leaves other users alone', async () => {
    await cli(['passwd', 'htpasswd', 'ann'], { directory, input: 'one' });
    await cli(['passwd', 'htpasswd', 'bob'], { directory, input: 'two' });
    await cli(['passwd', 'htpasswd', 'ann', '--cost', '11'], { directory, input: 'three' });
    expect(await matches('ann', 'three')).toBe(true);
    expect(await matches('bob', 'two')).toBe(true);
    expect((await readHtpasswd(file)).users.get('ann')).toMatch(/^\$2y\$11\$/);
  });

  it('removes a user, and says when there is none', async () => {
    await cli(['passwd', 'htpasswd', 'ann'], { directory, input: 'one' });
    const gone = await cli(['passwd', 'htpasswd', 'ann', '--delete', '--json'], { directory });
    expect(JSON.parse(gone.out)).toEqual({ file, user: 'ann', change: 'removed' });
    expect((await readHtpasswd(file)).users.size).toBe(0);
    const again = await cli(['passwd', 'htpasswd', 'ann', '--delete'], { directory });
    expect([again.code, again.err]).toEqual([5, `stowage: there is no user ann in ${file}\n`]);
  });

  it.each([
    ['an empty password', ['ann'], '', 'the password is empty'],
    ['a long one', ['ann'], 'x'.repeat(73), '72 bytes'],
    ['a name with a colon', ['a:b'], 'x', 'colon'],
    ['a small cost', ['ann', '--cost', '4'], 'x', 'between 10 and 16'],
  ])('refuses %s', async (_, args, input, message) => {
    const { code, err } = await cli(['passwd', 'htpasswd', ...args], { directory, input });
    expect(code).toBe(1);
    expect(err).toContain(message);
  });

  it('wants both arguments', async () => {
    const { code, err } = await cli(['passwd', 'htpasswd']);
    expect(code).toBe(2);
    expect(err).toContain("missing required argument 'user'");
  });
});
