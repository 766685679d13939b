/** The health check of the container image, beside a server that runs as in it. */
import { spawn } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RunningServer, startServer } from '../support/server.ts';

const CHECK = resolve(import.meta.dirname, '../../container/healthcheck.mjs');

/** The exit code of the check in the folder above the data directory. */
function check({ dataDir }: RunningServer, variable: string | undefined): Promise<number | null> {
  const { STOWAGE_DATA__DIR: _, ...others } = process.env;
  const env = { ...others, ...(variable !== undefined && { STOWAGE_DATA__DIR: variable }) };
  const child = spawn(process.execPath, [CHECK], { cwd: dirname(dataDir), env, stdio: 'ignore' });
  return new Promise((done) => child.once('close', done));
}

describe('decisions 9: the health check', () => {
  it('finds the server by the data directory: set, not set, and set to nothing', async () => {
    await using server = await startServer();
    for (const variable of [server.dataDir, undefined, '']) {
      expect(await check(server, variable), `STOWAGE_DATA__DIR=${variable}`).toBe(0);
    }
    expect(await check(server, dirname(server.dataDir))).toBe(1);
  });

  it('fails once the server is gone', async () => {
    const server = await startServer();
    await server.kill();
    expect(await check(server, server.dataDir)).not.toBe(0);
  });
});
