/** The load process of the benchmark: what it counts was really stored. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { startLoad } from '../../bench/registry/load/process.ts';
import type { PushRow } from '../../bench/registry/rows.ts';
import { type ListeningServer, listening } from '../registry/http/listening.ts';

const PUSH: PushRow = { kind: 'push', what: 'blob', bytes: 1000 };

/** A registry that acknowledges every blob; what it then serves of the one of that number is for `serve`. */
async function serveBlobs(
  number: number,
  serve: (bytes: Buffer) => Buffer | undefined,
): Promise<ListeningServer> {
  const blobs = new Map<string, Buffer>();
  let count = 0;
  async function put(req: IncomingMessage): Promise<void> {
    const bytes = await buffer(req);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const served = count++ === number ? serve(bytes) : bytes;
    if (served !== undefined) blobs.set(digest, served);
  }
  return await listening((req, res) => {
    if (req.method === 'POST') {
      res.writeHead(202, { Location: '/v2/x/blobs/uploads/1', 'Content-Length': 0 }).end();
    } else if (req.method === 'PUT') {
      void put(req).then(() => res.writeHead(201, { 'Content-Length': 0 }).end());
    } else {
      const bytes = blobs.get(req.url!.slice(req.url!.lastIndexOf('/') + 1));
      const status = bytes === undefined ? 404 : 200;
      res.writeHead(status, { 'Content-Length': bytes?.length ?? 0 }).end(bytes);
    }
  });
}

/** Pushes blobs over four connections and reads back what the load process kept of them. */
async function pushAndVerify({ url }: ListeningServer): Promise<number> {
  const load = startLoad();
  try {
    await load.open({ endpoint: { url }, connections: 4 });
    const { count } = await load.run({ work: PUSH, until: { count: 40 } });
    await load.verify();
    await load.close();
    return count;
  } finally {
    load.end();
  }
}

describe('decisions 8: pushes of the benchmark are read back', () => {
  it('all of them, where there are few', async () => {
    await using server = await serveBlobs(0, (bytes) => bytes);
    expect(await pushAndVerify(server)).toBe(40);
  });

  it.each([
    ['the first is lost', 0, () => undefined, '404'],
    ['one in the middle has other bytes', 19, (bytes: Buffer) => bytes.fill(0, 500), 'bytes of'],
    ['the last is short', 39, (bytes: Buffer) => bytes.subarray(1), '999 bytes, not 1000'],
  ])('and none is counted when %s', async (_, number, serve, problem) => {
    await using server = await serveBlobs(number, serve);
    await expect(pushAndVerify(server)).rejects.toThrow(problem);
  });
});
