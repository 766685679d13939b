/**
 * Body of a thread that takes layers apart, one at a time. It asks for the bytes of the layer, some
 * chunks ahead, and for what it needs of the store.
 */
import { getHeapStatistics } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { freeBytes } from '../../lib/free-bytes.ts';
import { standBack } from '../../lib/thread-priority.ts';
import { LayerRefusedError, RecipeError } from '../errors.ts';
import type { RebuildJob } from '../restore/rebuild-job.ts';
import type { CuttableFormat } from '../section/layer-cutter.ts';
import { createLayerTaker, type IngestHost } from './take-apart.ts';
import { TAKE_APART } from './take-apart-options.ts';
import {
  type HostAnswer,
  type HostCall,
  handOver,
  ownCopy,
  type TakerMessage,
  type ThreadMessage,
} from './taker-protocol.ts';
import type { ExpectedLayer } from './verify.ts';

/** Chunks, and sections, that are asked for before they are needed. */
const CHUNKS_AHEAD = 4;
const SECTIONS_AHEAD = 2;

// Nobody waits for an ingest.
standBack();

const taker = createLayerTaker(TAKE_APART);
let asked: PromiseWithResolvers<HostAnswer> | undefined;

function post(message: ThreadMessage, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, [...transfer]);
}

/** What comes from the owner piece by piece, some of it asked for ahead. */
class Inbox<T> {
  readonly #ahead: number;
  /** What has come; undefined: the end. */
  #items: (T | undefined)[] = [];
  #wanted: PromiseWithResolvers<void> | undefined;

  constructor(ahead: number) {
    this.#ahead = ahead;
  }

  push(item: T | undefined): void {
    this.#items.push(item);
    this.#wanted?.resolve();
  }

  async *read(): AsyncGenerator<T, void> {
    this.#items = [];
    for (let i = 0; i < this.#ahead; i++) post({ kind: 'pull' });
    for (;;) {
      if (this.#items.length === 0) {
        this.#wanted = Promise.withResolvers();
        await this.#wanted.promise;
      }
      const item = this.#items.shift();
      if (item === undefined) return;
      yield item;
      post({ kind: 'pull' });
    }
  }
}

const chunks = new Inbox<Uint8Array>(CHUNKS_AHEAD);
const sections = new Inbox<RebuildJob>(SECTIONS_AHEAD);

async function* readChunks(): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks.read()) {
    yield chunk;
    freeBytes(chunk);
  }
}

async function ask<Name extends keyof IngestHost>(
  method: Name,
  argument: Parameters<IngestHost[Name]>[0],
  transfer: readonly ArrayBuffer[] = [],
): Promise<Awaited<ReturnType<IngestHost[Name]>>> {
  asked = Promise.withResolvers();
  post({ kind: 'call', call: { method, argument } as HostCall }, transfer);
  return (await asked.promise) as Awaited<ReturnType<IngestHost[Name]>>;
}

const host: IngestHost = {
  find: (hashes) => ask('find', hashes),
  read: (groups) => ask('read', groups),
  writeBases(bases) {
    const own = bases.map(({ bytes, hashes }) => ({ bytes: handOver(bytes), hashes }));
    return ask(
      'writeBases',
      own,
      own.map(({ bytes }) => bytes.buffer),
    );
  },
  storeSection(section) {
    const bytes = handOver(section.bytes);
    return ask('storeSection', { ...section, bytes }, [bytes.buffer]);
  },
  storeTree(pieces) {
    const copies = pieces.map((piece) => ({ ...piece, bytes: ownCopy(piece.bytes) }));
    return ask(
      'storeTree',
      copies,
      copies.map(({ bytes }) => bytes.buffer),
    );
  },
};

function heapSize(): number {
  return getHeapStatistics().total_physical_size;
}

function fail(error: unknown): void {
  const reason = error instanceof LayerRefusedError ? error.reason : undefined;
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  post({ kind: 'failed', reason, message });
}

async function take(format: CuttableFormat): Promise<void> {
  const taken = await taker.take({ format, chunks: readChunks() }, host);
  post({ kind: 'taken', taken: { ...taken, sums: ownCopy(taken.sums) }, heap: heapSize() });
}

async function verify(layer: ExpectedLayer): Promise<void> {
  let problem: string | undefined;
  try {
    await taker.verify(layer, sections.read());
  } catch (error) {
    // Anything else says nothing about what is stored.
    if (!(error instanceof RecipeError)) throw error;
    problem = error.what;
  }
  post({ kind: 'verified', problem, heap: heapSize() });
}

parentPort?.on('message', (message: TakerMessage) => {
  switch (message.kind) {
    case 'begin':
      take(message.format).catch(fail);
      break;
    case 'chunk':
      chunks.push(message.bytes);
      break;
    case 'answer':
      asked?.resolve(message.answer);
      break;
    case 'verify':
      verify(message.layer).catch(fail);
      break;
    case 'section':
      sections.push(message.job);
      break;
  }
});
