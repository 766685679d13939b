import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compare } from 'bcryptjs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  bcryptCost,
  HtpasswdError,
  parseHtpasswd,
  readHtpasswd,
  removeHtpasswdUser,
  setHtpasswdUser,
} from '../../../src/registry/auth/htpasswd-file.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';

const TAIL = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.';
const HASH = `$2y$10$${TAIL}`;

describe('decisions 5: htpasswd files are read', () => {
  it('with comments, blank lines, Windows line ends and further fields', () => {
    const text = `# users\n\nann:${HASH}\r\n  \nbob:$2b$04$${TAIL}:Bob Builder\n`;
    const { users, problems } = parseHtpasswd(text);
    expect([...users]).toEqual([
      ['ann', HASH],
      ['bob', `$2b$04$${TAIL}`],
    ]);
    expect(problems).toEqual([]);
  });

  it.each([
    ['no colon', 'ann'],
    ['no name', `:${HASH}`],
    ['the name that means everybody', `*:${HASH}`],
    ['a control character in the name', `an\tn:${HASH}`],
    ['a name that is too long', `${'a'.repeat(256)}:${HASH}`],
    ['no hash', 'ann:'],
    ['an MD5 hash', 'ann:$apr1$abcdefgh$abcdefghijklmnopqrstuv'],
    ['a SHA-1 hash', 'ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='],
    ['plain text', 'ann:secret'],
    ['a cost that takes hours', `ann:$2y$31$${TAIL}`],
    ['a cost that is too low', `ann:$2y$03$${TAIL}`],
    ['a hash that is cut short', `ann:${HASH.slice(0, -1)}`],
  ])('without lines that have %s', (_, line) => {
    const { users, problems } = parseHtpasswd(`${line}\nbob:${HASH}\n`);
    expect([...users.keys()]).toEqual(['bob']);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.line).toBe(1);
    expect(problems[0]!.reason).not.toContain('$2y$10$a');
  });

  it('with the first of two lines about one user', () => {
    const { users, problems } = parseHtpasswd(`ann:${HASH}\nann:$2b$05$${TAIL}\n`);
    expect(users.get('ann')).toBe(HASH);
    expect(problems).toEqual([{ line: 2, reason: 'the user stands in the file already' }]);
  });

  it('whatever is in them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { users } = parseHtpasswd(text);
        for (const hashed of users.values()) expect(bcryptCost(hashed)).toBeDefined();
      }),
    );
  });

  it('with costs from 4 to 16', () => {
    expect(bcryptCost(`$2a$04$${TAIL}`)).toBe(4);
    expect(bcryptCost(`$2a$16$${TAIL}`)).toBe(16);
    expect(bcryptCost(`$2a$17$${TAIL}`)).toBeUndefined();
    expect(bcryptCost('secret')).toBeUndefined();
  });
});

describe('decisions 5: htpasswd files are changed', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await makeTemporary('htpasswd');
    path = join(folder, 'htpasswd');
  });
  afterEach(() => removeTemporary(folder));

  it('by adding, changing and removing users, the other lines as they were', async () => {
    await writeFile(path, `# ours\nann:${HASH}\nold:plain`);
    await setHtpasswdUser(path, { user: 'bob', password: 'first' });
    await setHtpasswdUser(path, { user: 'ann', password: 'second' });
    const lines = (await readFile(path, 'utf8')).split('\n');
    expect(lines.map((line) => line.split(':')[0])).toEqual(['# ours', 'ann', 'old', 'bob', '']);
    const { users } = await readHtpasswd(path);
    expect(users.get('bob')).toMatch(/^\$2y\$10\$/);
    expect(await compare('first', users.get('bob')!)).toBe(true);
    expect(await compare('second', users.get('ann')!)).toBe(true);
    expect(await removeHtpasswdUser(path, 'ann')).toBe(true);
    expect(await removeHtpasswdUser(path, 'ann')).toBe(false);
    expect([...(await readHtpasswd(path)).users.keys()]).toEqual(['bob']);
    expect(await readdir(folder)).toEqual(['htpasswd']);
  });

  it('by creating them for their owner only', async () => {
    await setHtpasswdUser(path, { user: 'ann', password: 'x' });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('without taking them from a group that could read them', async () => {
    await writeFile(path, '');
    await chmod(path, 0o644);
    await setHtpasswdUser(path, { user: 'ann', password: 'x' });
    expect((await stat(path)).mode & 0o777).toBe(0o640);
  });

  it('behind a link, which stays one', async () => {
    const link = join(folder, 'link');
    await writeFile(path, '');
    await symlink(path, link);
    await setHtpasswdUser(link, { user: 'ann', password: 'x' });
    expect([...(await readHtpasswd(path)).users.keys()]).toEqual(['ann']);
  });

  it('but not behind a link that leads nowhere', async () => {
    const link = join(folder, 'link');
    await symlink(path, link);
    const change = setHtpasswdUser(link, { user: 'ann', password: 'x' });
    await expect(change).rejects.toThrow(HtpasswdError);
  });

  it('by one command at a time', async () => {
    await writeFile(`${path}.lock`, '');
    await expect(setHtpasswdUser(path, { user: 'a', password: 'x' })).rejects.toThrow(/\.lock$/);
    const both = await Promise.allSettled([
      setHtpasswdUser(join(folder, 'other'), { user: 'a', password: 'x' }),
      setHtpasswdUser(join(folder, 'other'), { user: 'b', password: 'x' }),
    ]);
    const { users } = await readHtpasswd(join(folder, 'other'));
    expect(users.size).toBe(both.filter(({ status }) => status === 'fulfilled').length);
  });

  it.each([
    ['an empty name', { user: '', password: 'x' }],
    ['the name that means everybody', { user: '*', password: 'x' }],
    ['a name that would be a comment', { user: '#ann', password: 'x' }],
    ['a colon in the name', { user: 'a:b', password: 'x' }],
    ['a line break in the name', { user: 'a\nb', password: 'x' }],
    ['an empty password', { user: 'ann', password: '' }],
    ['NUL in the password', { user: 'ann', password: 'a\0b' }],
    ['a password that bcrypt would cut', { user: 'ann', password: 'ä'.repeat(37) }],
  ])('but not to take %s', async (_, credential) => {
    await expect(setHtpasswdUser(path, credential)).rejects.toThrow(HtpasswdError);
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([9, 17, 10.5])('but not with cost %d', async (cost) => {
    const change = setHtpasswdUser(path, { user: 'ann', password: 'x' }, { cost });
    await expect(change).rejects.toThrow(HtpasswdError);
  });
});
