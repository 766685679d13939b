/** Body of a thread that scans layers, one at a time. */
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import {
  BATCHES,
  buffersOf,
  PIECE_SIZE,
  PIECES,
  packBatch,
  type ScanAnswer,
  type ScanCall,
  type ScanThreadData,
} from './protocol.ts';
import { type LayerHints, scanLayer } from './scan-layer.ts';
import type { EntryBatch } from './types.ts';

const { pieces, methods } = workerData as ScanThreadData;
const places = Array.from(
  { length: PIECES },
  (_, i) => new Uint8Array(pieces, i * PIECE_SIZE, PIECE_SIZE),
);

/** Lengths of pieces that wait. */
let lengths: number[] = [];
let batchesUnderWay = 0;
let wake: (() => void) | undefined;

function post(answer: ScanAnswer, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(answer, [...transfer]);
}

/** Until the next message. */
async function message(): Promise<void> {
  await new Promise<void>((resolve) => {
    wake = resolve;
  });
}

async function* read(): AsyncGenerator<Uint8Array, void> {
  for (let turn = 0; ; turn++) {
    while (lengths.length === 0) await message();
    const length = lengths.shift()!;
    if (length === 0) return;
    yield places[turn % PIECES]!.subarray(0, length);
    post({ kind: 'free' });
  }
}

async function hand(batch: EntryBatch): Promise<void> {
  const packed = packBatch(batch);
  batchesUnderWay++;
  post({ kind: 'batch', batch: packed }, buffersOf(packed));
  while (batchesUnderWay >= BATCHES) await message();
}

async function scan(hints: LayerHints): Promise<void> {
  lengths = [];
  batchesUnderWay = 0;
  try {
    const result = await scanLayer({ chunks: read(), hints, methods, onEntries: hand });
    while (batchesUnderWay > 0) await message();
    post({ kind: 'done', scan: result, heap: getHeapStatistics().total_physical_size });
  } catch (error) {
    post({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
}

parentPort?.on('message', (call: ScanCall) => {
  if (call.kind === 'begin') void scan(call.hints);
  else if (call.kind === 'piece') lengths.push(call.length);
  else batchesUnderWay--;
  wake?.();
});
