/**
 * The load process: runs rows against one server at a time, in closed loops, and verifies every
 * answer. It is a process of its own so that its CPU time is not the server's.
 */
import { hash, randomFillSync } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { PUSH_REPOSITORY } from '../fixture.ts';
import { createSample, quantile } from '../measure/statistics.ts';
import {
  type Client,
  type Content,
  openClient,
  preparePull,
  pushBlob,
  pushStream,
} from './client.ts';
import { prepareImagePush } from './image.ts';
import type {
  Command,
  Latency,
  OpenCommand,
  Pushed,
  Reply,
  RunCommand,
  RunResult,
  Until,
  VerifyCommand,
  Work,
} from './protocol.ts';
import { uniqueStream } from './stream.ts';

/** One repetition of a row; gives the bytes of bodies that it moved. */
type Step = () => Promise<number>;

/** Pushes of one run that are read back at most. */
const MAX_VERIFIED = 128;

let clients: Client[] = [];
/** What was pushed since the connections were opened. */
let pushed = createSample<Pushed>(MAX_VERIFIED);

async function open(command: OpenCommand): Promise<void> {
  clients = await Promise.all(
    Array.from({ length: command.connections }, () =>
      openClient(command.endpoint, command.authorization),
    ),
  );
}

function close(): void {
  for (const client of clients) client.connection.close();
  clients = [];
  pushed = createSample(MAX_VERIFIED);
}

function notePushed(contents: readonly Content[]): void {
  pushed.add({ at: Date.now(), contents });
}

function prepareBlobPush(client: Client, bytes: number): Step {
  const body = Buffer.allocUnsafeSlow(bytes);
  return async () => {
    randomFillSync(body);
    const digest = `sha256:${hash('sha256', body, 'hex')}`;
    notePushed([await pushBlob(client, PUSH_REPOSITORY, body, digest)]);
    return body.length;
  };
}

function prepareStreamPush(client: Client, bytes: number): Step {
  return async () => {
    notePushed([await pushStream(client, PUSH_REPOSITORY, uniqueStream(bytes))]);
    return bytes;
  };
}

/** Pushes whole images over the given clients. */
function prepareImageStep(over: readonly Client[]): Step {
  const pusher = prepareImagePush(over, PUSH_REPOSITORY);
  return async () => {
    const contents = await pusher.push();
    notePushed(contents);
    return contents.reduce((sum, { size }) => sum + size, 0);
  };
}

function prepareStep(client: Client, work: Work): Step {
  if (work.kind === 'pull') return preparePull(client, work.method, work.content);
  if (work.what === 'image') return prepareImageStep([client]);
  const prepare = work.what === 'blob' ? prepareBlobPush : prepareStreamPush;
  return prepare(client, work.bytes);
}

/** A function that says whether another repetition may begin. */
function startBudget(until: Until): () => boolean {
  if ('count' in until) {
    let left = until.count;
    return () => left-- > 0;
  }
  const end = performance.now() + until.milliseconds;
  return () => performance.now() < end;
}

/**
 * Waits for the next turn of a connection. Gives the moment from which its latency counts: now, or
 * the turn itself when the repetition before it had not ended by then.
 */
async function nextTurn(turn: number): Promise<number> {
  const early = turn - performance.now();
  if (early <= 0) return turn;
  await delay(early);
  return performance.now();
}

function summarise(latencies: readonly number[]): Latency {
  const [p50, p99, max] = [0.5, 0.99, 1].map((q) => quantile(latencies, q));
  return { p50: p50!, p99: p99!, max: max! };
}

async function run(
  steps: readonly Step[],
  { until, everyMs }: Pick<RunCommand, 'until' | 'everyMs'>,
): Promise<RunResult> {
  const latencies: number[] = [];
  let bytes = 0;
  const mayBegin = startBudget(until);
  const begin = performance.now();
  const cpu = process.cpuUsage();
  await Promise.all(
    steps.map(async (step) => {
      for (let turn = begin; mayBegin(); turn += everyMs ?? 0) {
        const before = everyMs === undefined ? performance.now() : await nextTurn(turn);
        // Not `bytes += await`: that would read the sum before other connections add to it.
        const moved = await step();
        bytes += moved;
        latencies.push(performance.now() - before);
      }
    }),
  );
  const milliseconds = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);
  return {
    count: latencies.length,
    bytes,
    milliseconds,
    loadCpu: (user + system) / 1000,
    latency: summarise(latencies),
  };
}

/** Reads the sample back over all connections. */
async function verifyPushed({ withinMs = Number.POSITIVE_INFINITY }: VerifyCommand): Promise<void> {
  const since = Date.now() - withinMs;
  const contents = pushed.items.filter(({ at }) => at >= since).flatMap((one) => one.contents);
  await Promise.all(
    clients.map(async (client, first) => {
      for (let i = first; i < contents.length; i += clients.length) {
        await preparePull(client, 'GET', contents[i]!)();
      }
    }),
  );
}

async function obey(command: Command): Promise<RunResult | undefined> {
  switch (command.command) {
    case 'open':
      await open(command);
      return undefined;
    case 'run':
      return await run(
        clients.map((client) => prepareStep(client, command.work)),
        command,
      );
    case 'side-by-side':
      return await run([prepareImageStep(clients)], {
        until: { count: command.images },
      });
    case 'verify':
      await verifyPushed(command);
      return undefined;
    case 'close':
      close();
      return undefined;
  }
}

function reply(message: Reply): void {
  process.send!(message);
}

process.on('message', (command: Command) => {
  obey(command).then(
    (result) => reply(result === undefined ? { ok: true } : { ok: true, result }),
    (error: Error) => reply({ ok: false, error: error.stack ?? String(error) }),
  );
});
// The load process has no life of its own: it ends with the benchmark.
process.on('disconnect', () => process.exit(0));
