/** What never becomes a whole request is answered, counted and noted (decisions 7). */
import { afterEach, describe, expect, it } from 'vitest';
import { type ServedApplication, serveApplication } from './application.ts';
import { getRequest, openSocket, readToEnd } from './listening.ts';

let app: ServedApplication;
afterEach(() => app[Symbol.asyncDispose]());

/** Sends text on a connection of its own; gives the status of the answer. */
async function send(text: string): Promise<number> {
  const socket = await openSocket(app.port);
  socket.write(text);
  return Number((await readToEnd(socket)).toString().split(' ')[1]);
}

const noted = () => app.lines.filter(({ msg }) => msg === 'broken request');

describe('decisions 7: broken requests', () => {
  it.each([
    ['no HTTP', 'NO SUCH THING\r\n\r\n', 400],
    ['headers that are too large', getRequest('/v2/', { 'X-A': 'a'.repeat(40_000) }), 431],
    ['headers that stop', 'GET /v2/ HTTP/1.1\r\nHost: x\r\n', 408],
  ])('%s are counted and logged', async (_, text, status) => {
    app = await serveApplication({ env: { STOWAGE_HTTP__TIMEOUTS__HEADERS: '200ms' } });
    expect(await send(text)).toBe(status);
    expect([...app.counters.broken]).toEqual([[status, 1]]);
    const [line] = noted();
    expect(line).toMatchObject({ level: 'warn', client: '127.0.0.1', status });
    expect(line!.reason).toEqual(expect.any(String));
    // It was no request: those are counted by route and method.
    expect([...app.counters.requests()]).toEqual([]);
  });

  it('a body that is cut short is counted, and a connection that is reset is not', async () => {
    app = await serveApplication();
    const head = 'PUT /v2/a/b/manifests/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{';
    const cut = await openSocket(app.port);
    cut.write(head);
    cut.end();
    await readToEnd(cut);
    const reset = await openSocket(app.port);
    reset.write(head);
    await expect.poll(() => app.counters.active).toBe(1);
    reset.resetAndDestroy();
    await expect.poll(() => app.counters.active).toBe(0);
    expect([...app.counters.broken]).toEqual([[400, 1]]);
    expect(noted()).toHaveLength(1);
  });

  it('a flood of them is counted in full, and does not flood the log', async () => {
    app = await serveApplication();
    const began = performance.now();
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 20 }, () => send('NO SUCH THING\r\n\r\n')));
    }
    const seconds = Math.ceil((performance.now() - began) / 1000);
    expect([...app.counters.broken]).toEqual([[400, 400]]);
    expect(noted().length).toBeGreaterThanOrEqual(60);
    expect(noted().length).toBeLessThanOrEqual(60 + seconds);
  });
});
