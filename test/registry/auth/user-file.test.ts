import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareSync } from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bcryptCost } from '../../../src/registry/auth/htpasswd-file.ts';
import { openUserFile } from '../../../src/registry/auth/user-file.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { recordingLogger } from './support.ts';

const TAIL = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.';
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await makeTemporary('user-file');
  path = join(folder, 'htpasswd');
});
afterEach(() => removeTemporary(folder));

async function open(text: string) {
  await writeFile(path, text);
  const logger = recordingLogger();
  const file = await openUserFile({ path, logger, onChange: () => undefined });
  file.close();
  return { users: file.value, logger };
}

describe('decisions 5: unknown users take the time of known ones', () => {
  it.each([
    ['', 10],
    [`a:$2y$04$${TAIL}\n`, 4],
    [`a:$2y$12$${TAIL}\nb:$2y$11$${TAIL}\nc:$2y$11$${TAIL}\n`, 11],
  ])('by a hash of the usual cost', async (text, cost) => {
    const { users } = await open(text);
    expect(bcryptCost(users.decoy)).toBe(cost);
  });

  it('which bcrypt works through like any other', async () => {
    const { users } = await open(`a:$2y$04$${TAIL}\n`);
    expect(compareSync('secret', users.decoy)).toBe(false);
  });
});

describe('decisions 5: the htpasswd file', () => {
  it('reports the lines that do not count, without their hashes, and not without end', async () => {
    const { users, logger } = await open(`ann:secret-in-plain-text\nbob:$2y$04$${TAIL}\n`);
    expect([...users.hashes.keys()]).toEqual(['bob']);
    expect(logger.entries).toHaveLength(1);
    expect(logger.entries[0]).toMatchObject({ level: 'warn', fields: { path, line: 1 } });
    expect(JSON.stringify(logger.entries)).not.toContain('secret');
    expect((await open('x\n'.repeat(1000))).logger.entries).toHaveLength(20);
  });
});
