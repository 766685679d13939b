import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(args: readonly string[], directory: string): Promise<Ended> {
  const env = { PATH: process.env.PATH, HOME: directory };
  return new Promise((done) => {
    execFile(process.execPath, [MAIN, ...args], { cwd: directory, env }, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

/** Runs it with standard output into what a shell says. */
function runInto(output: string): Promise<Ended> {
  const script = `set -o pipefail; "$0" "$1" help analyze ${output}`;
  return new Promise((done) => {
    execFile('bash', ['-c', script, process.execPath, MAIN], (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

describe('stowage as a process', () => {
  it('ends quietly when nobody reads any more', async () => {
    expect(await runInto('| true')).toEqual({ code: 0, out: '', err: '' });
  });

  it.runIf(existsSync('/dev/full'))('tells when its output cannot be written', async () => {
    expect(await runInto('> /dev/full')).toEqual({
      code: 1,
      out: '',
      err: 'stowage: standard output: ENOSPC: no space left on device, write\n',
    });
  });

  it('prints to the right stream and ends with the right code', async () => {
    const directory = await makeTemporary('main');
    try {
      const version = await run(['--version'], directory);
      expect(version).toMatchObject({ code: 0, err: '' });
      const check = await run(['config', 'check'], directory);
      expect(check).toMatchObject({ code: 0, err: '' });
      const status = await run(['status'], directory);
      expect([status.code, status.out]).toEqual([4, '']);
      expect(status.err).toMatch(/^stowage: no server runs, and there is no .*\n {2}hint: .*\n$/);
      const wrong = await run(['statsu'], directory);
      expect([wrong.code, wrong.out]).toEqual([2, '']);
    } finally {
      await removeTemporary(directory);
    }
  });
});
