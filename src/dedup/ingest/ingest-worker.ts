/**
 * Body of a thread that takes layers apart, one at a time. It asks for the bytes of the layer, some
 * chunks ahead, and for what it needs of the store.
 */
import { getHeapStatistics } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { freeBytes } from '../../lib/free-bytes.ts';
import { standBack } from '../../lib/thread-priority.ts';
import { LayerRefusedError } from '../errors.ts';
import { answerTo, transferOf } from '../restore/rebuild-answer.ts';
import { createRebuildBench, type RebuildBench, type RebuildJob } from '../restore/rebuild-job.ts';
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

/** Chunks that are asked for before they are needed. */
const AHEAD = 4;

// Nobody waits for an ingest.
standBack();

const taker = createLayerTaker(TAKE_APART);
/** Chunks that have come, and who waits for one; undefined: the end. */
const chunks: (Uint8Array | undefined)[] = [];
let wanted: PromiseWithResolvers<void> | undefined;
let bench: RebuildBench | undefined;
let asked: PromiseWithResolvers<HostAnswer> | undefined;

function post(message: ThreadMessage, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, [...transfer]);
}

async function* read(): AsyncGenerator<Uint8Array, void> {
  for (let i = 0; i < AHEAD; i++) post({ kind: 'pull' });
  for (;;) {
    if (chunks.length === 0) {
      wanted = Promise.withResolvers();
      await wanted.promise;
    }
    const chunk = chunks.shift();
    if (chunk === undefined) return;
    yield chunk;
    freeBytes(chunk);
    post({ kind: 'pull' });
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

async function take(format: CuttableFormat): Promise<void> {
  chunks.length = 0;
  try {
    const taken = await taker.take({ format, chunks: read() }, host);
    const { total_physical_size: heap } = getHeapStatistics();
    post({ kind: 'taken', taken: { ...taken, sums: ownCopy(taken.sums) }, heap });
  } catch (error) {
    const reason = error instanceof LayerRefusedError ? error.reason : undefined;
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    post({ kind: 'failed', reason, message });
  }
}

function rebuild(job: RebuildJob): void {
  bench ??= createRebuildBench();
  const answer = answerTo(bench, job);
  post({ kind: 'rebuilt', answer }, transferOf(answer));
}

parentPort?.on('message', (message: TakerMessage) => {
  if (message.kind === 'begin') void take(message.format);
  else if (message.kind === 'rebuild') rebuild(message.job);
  else if (message.kind === 'answer') asked?.resolve(message.answer);
  else {
    chunks.push(message.kind === 'chunk' ? message.bytes : undefined);
    wanted?.resolve();
  }
});
