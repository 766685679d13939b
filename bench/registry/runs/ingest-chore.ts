/** Background work of the latency run: layers that the server takes apart meanwhile. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expectStatus, openClient, postBlob } from '../load/client.ts';
import type { Operator } from '../servers/operator.ts';
import type { Target } from '../servers/types.ts';

const MODULES = resolve(import.meta.dirname, '../../../node_modules');
const REPOSITORY = 'bench/ingest';
const CHUNK = 256 * 1024;
const POLL_MS = 100;

/** Layers to be taken apart, one round after the other. */
export interface IngestChore {
  /** Pushes layers; they are taken apart from then on. */
  begin(): Promise<void>;
  /**
   * Takes the layers away again, with all that was made of them.
   * @throws Error when they had been taken apart before
   */
  end(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Makes a layer of files that are there anyway.
 * @param count - layers of a round: the same files, which the first one brings
 */
export async function prepareIngest(
  { endpoint }: Target,
  { operations }: Operator,
  count: number,
): Promise<IngestChore> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-bench-ingest-'));
  const path = join(folder, 'layer.tar.gz');
  const tar = 'tar -c --sort=name -C "$1" . | gzip -6 >"$2"';
  execFileSync('sh', ['-c', tar, 'sh', MODULES, path]);
  const { size } = await stat(path);
  const whole = createHash('sha256');
  for await (const chunk of createReadStream(path)) whole.update(chunk);
  const pushed: string[] = [];

  async function push(): Promise<void> {
    // What follows the end changes the digest only.
    const tail = randomBytes(8);
    const digest = `sha256:${whole.copy().update(tail).digest('hex')}`;
    const client = await openClient(endpoint);
    await postBlob(client, REPOSITORY, {
      digest,
      size: size + tail.length,
      async feed(write) {
        for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
          await write(chunk as Buffer);
        }
        await write(tail);
      },
    });
    client.connection.close();
    pushed.push(digest);
  }

  async function remove(digest: string): Promise<void> {
    const client = await openClient(endpoint);
    const blob = `/v2/${REPOSITORY}/blobs/${digest}`;
    const answer = await client.connection.exchange({
      head: `DELETE ${blob} HTTP/1.1\r\n${client.lines}\r\n`,
    });
    expectStatus(answer, 202, 'delete of a layer');
    client.connection.close();
  }

  async function collect(): Promise<void> {
    let report = await operations.collection.start({ dryRun: false });
    while (report.state === 'running') {
      await delay(POLL_MS);
      report = (await operations.collection.report()) ?? report;
    }
    if (report.state === 'failed') throw new Error(`the collection failed: ${report.error}`);
  }

  return {
    async begin() {
      for (let i = 0; i < count; i++) await push();
    },
    async end() {
      const { layers } = await operations.dedup.report();
      if (layers.queued === 0) throw new Error('the layers had been taken apart too early');
      for (const digest of pushed.splice(0)) await remove(digest);
      while ((await operations.dedup.report()).state === 'working') await delay(POLL_MS);
      await collect();
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
