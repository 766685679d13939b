import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSidecars, type Sidecar } from '../../../src/storage/uploads/sidecar.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';

const SIDECAR: Sidecar = {
  repository: 'team/app',
  subject: 'alice',
  algorithm: 'sha512',
  file: 17,
  boot: '0d9a1a4e-6b6c-4c5e-9d57-1f0a3a1f7a11',
  synced: 4096,
};

let folder: string;
beforeEach(async () => {
  folder = join(await makeTemporary('sidecar'), 'uploads');
});
afterEach(() => removeTemporary(join(folder, '..')));

describe('decisions 2: what an upload needs after a restart', () => {
  it('is found again', async () => {
    const sidecars = await openSidecars(folder);
    await sidecars.write('one', SIDECAR);
    await sidecars.write('two', { ...SIDECAR, file: 18 });
    await sidecars.write('two', { ...SIDECAR, file: 19, subject: '' });
    const again = await (await openSidecars(folder)).load();
    expect(again).toEqual(
      new Map([
        ['one', SIDECAR],
        ['two', { ...SIDECAR, file: 19, subject: '' }],
      ]),
    );
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, 'one.json'))).mode & 0o777).toBe(0o600);
  });

  it('knows the run of the machine, the same for every process', async () => {
    const { boot } = await openSidecars(folder);
    expect((await openSidecars(folder)).boot).toBe(boot);
    expect(boot).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('goes with the upload, and may be gone already', async () => {
    const sidecars = await openSidecars(folder);
    await sidecars.write('one', SIDECAR);
    await sidecars.remove('one');
    await sidecars.remove('one');
    expect(await readdir(folder)).toEqual([]);
    expect(await sidecars.load()).toEqual(new Map());
  });

  it('is dropped when it makes no sense, the good ones stay', async () => {
    const sidecars = await openSidecars(folder);
    await sidecars.write('good', SIDECAR);
    const wrong = [
      '',
      '{',
      'null',
      '[]',
      '"text"',
      JSON.stringify({ ...SIDECAR, repository: undefined }),
      JSON.stringify({ ...SIDECAR, subject: 1 }),
      JSON.stringify({ ...SIDECAR, algorithm: 'sha1' }),
      JSON.stringify({ ...SIDECAR, algorithm: 'toString' }),
      JSON.stringify({ ...SIDECAR, file: '17' }),
      JSON.stringify({ ...SIDECAR, file: -1 }),
      JSON.stringify({ ...SIDECAR, synced: 1.5 }),
      JSON.stringify({ ...SIDECAR, synced: undefined }),
      JSON.stringify({ ...SIDECAR, boot: 1 }),
      JSON.stringify({ ...SIDECAR, file: 1.5 }),
    ];
    for (const [i, text] of wrong.entries()) await writeFile(join(folder, `bad${i}.json`), text);
    // What a crash leaves between writing and renaming.
    await writeFile(join(folder, 'half.json.new'), '{"repo');
    expect(await sidecars.load()).toEqual(new Map([['good', SIDECAR]]));
    expect(await readdir(folder)).toEqual(['good.json']);
  });
});
