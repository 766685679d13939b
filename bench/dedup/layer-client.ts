/** Layers that a benchmark pushes to a server and pulls from it, with their digests checked. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, expectStatus, openClient, postBlob } from '../registry/load/client.ts';
import { openOperator } from '../registry/servers/operator.ts';
import type { Target } from '../registry/servers/types.ts';

const REPOSITORY = 'bench/pulls';
const MIB = 1024 * 1024;
const CHUNK = 256 * 1024;
/** Milliseconds between two looks whether the layer has been taken apart. */
const POLL_MS = 200;

/** A layer in a file. */
export interface StoredLayer {
  readonly path: string;
  readonly size: number;
  readonly digest: string;
  /** SHA-256 of 1 MiB in the middle. */
  readonly middle: string;
}

/** What one pull took, in milliseconds. */
export interface Pull {
  readonly first: number;
  readonly all: number;
}

/** Reads what has to come back of the layer in a file. */
export async function readLayer(path: string): Promise<StoredLayer> {
  const { size } = await stat(path);
  const whole = createHash('sha256');
  for await (const chunk of createReadStream(path)) whole.update(chunk);
  const file = await open(path);
  const bytes = Buffer.alloc(Math.min(MIB, size - Math.floor(size / 2)));
  await file.read(bytes, 0, bytes.length, Math.floor(size / 2));
  await file.close();
  const middle = createHash('sha256').update(bytes).digest('hex');
  return { path, size, digest: `sha256:${whole.digest('hex')}`, middle };
}

/** Pushes a layer. */
export async function pushLayer(
  { endpoint }: Target,
  { path, size, digest }: StoredLayer,
): Promise<void> {
  const client = await openClient(endpoint);
  await postBlob(client, REPOSITORY, {
    digest,
    size,
    async feed(write) {
      for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
        await write(chunk as Buffer);
      }
    },
  });
  client.connection.close();
}

/** Waits until all layers have been taken apart, and nothing is kept as it was pushed. */
export async function untilTakenApart({ endpoint }: Target): Promise<void> {
  const { operations } = openOperator(endpoint.url);
  const isDone = async (): Promise<boolean> => {
    const { layers } = await operations.dedup.report();
    return layers.queued === 0 && layers.intact + layers.both === 0;
  };
  while (!(await isDone())) await delay(POLL_MS);
}

/** Pulls the layer, or its middle. @throws Error when what comes is not it */
export async function pullLayer(
  client: Client,
  layer: StoredLayer,
  isMiddle = false,
): Promise<Pull> {
  const hash = createHash('sha256');
  const start = performance.now();
  let first = 0;
  const from = Math.floor(layer.size / 2);
  const to = Math.min(layer.size, from + MIB) - 1;
  const range = isMiddle ? `Range: bytes=${from}-${to}\r\n` : '';
  const path = `/v2/${REPOSITORY}/blobs/${layer.digest}`;
  const answer = await client.connection.exchange({
    head: `GET ${path} HTTP/1.1\r\n${client.lines}${range}\r\n`,
    onBody(part) {
      first ||= performance.now() - start;
      hash.update(part);
    },
  });
  const all = performance.now() - start;
  expectStatus(answer, isMiddle ? 206 : 200, 'pull');
  const found = hash.digest('hex');
  if (found !== (isMiddle ? layer.middle : layer.digest.slice('sha256:'.length))) {
    throw new Error(`not what was pushed: ${found}`);
  }
  return { first, all };
}
