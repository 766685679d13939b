import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { startProgram } from './program.ts';
import { SYSTEM_PATH } from './system-path.ts';

it('issue 3: npm start serves, and SIGTERM ends npm and the server alike', async () => {
  const folder = await makeTemporary('start');
  try {
    const server = await startProgram('npm', ['start'], {
      cwd: join(import.meta.dirname, '../..'),
      env: {
        PATH: SYSTEM_PATH,
        STOWAGE_HTTP__LISTEN: '127.0.0.1:0',
        STOWAGE_DATA__DIR: join(folder, 'data'),
      },
    });
    expect((await fetch(`${server.url}/v2/`)).status).toBe(200);
    expect(await server.stop()).toBe(0);
    expect(() => process.kill(server.pid, 0)).toThrow('ESRCH');
  } finally {
    await removeTemporary(folder);
  }
});
