import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RegistryResponse } from '../conformance/response.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { describeWith, requireTool } from '../support/tools.ts';
import {
  blobPath,
  finishUpload,
  locationOf,
  manifestPath,
  patch,
  patchStreamed,
  pushAtOnce,
  putManifest,
  remove,
  startUpload,
} from './api.ts';
import { expectAnswer } from './blob-pushes.ts';
import { type Blob, INLINE_MAX, makeBlob, makeImage } from './contents.ts';
import { type Served, serveCheck, serveOver } from './servers.ts';
import { byAnswer, readTrace, straceTo, type TraceEvent } from './sync-trace.ts';
import { REPOSITORIES } from './workload.ts';

const MIB = 1024 * 1024;
const [REPOSITORY, OTHER] = REPOSITORIES;

/** What a commit of the database is made of, and a file of bytes, in the order of the trace. */
const COMMIT = ['fdatasync metadata', 'pwrite64 metadata'];
const BYTES = 'fdatasync blobs';

/** `fdatasync blobs`: the call, and the folder of the data directory that it was about. */
function nameSync(dataDir: string, { call, path }: { call: string; path: string }): string {
  return `${call} ${path.slice(dataDir.length + 1).split('/')[0]}`;
}

const countSyncs = (events: readonly TraceEvent[]): number =>
  events.filter(({ kind }) => kind === 'sync').length;

const tools = [await requireTool('strace', 'strace')];

describeWith(tools, 'syncs, counted by strace', () => {
  let folder: string;
  let dataDir: string;
  let trace: string;
  beforeEach(async () => {
    folder = await makeTemporary('syncs');
    dataDir = join(folder, 'data');
    trace = join(folder, 'trace');
    // Everything that is made once is there before the trace begins, but for the stock of files.
    await using first = await serveCheck(dataDir);
    await pushAtOnce(first.client, REPOSITORY, makeBlob('first', 100));
  });
  afterEach(() => removeTemporary(folder));

  /** Runs a traced server; the push that it begins with waits for its stock of files. */
  async function traced(work: (served: Served) => Promise<void>): Promise<TraceEvent[]> {
    {
      // What is done with layers after their push has commits of its own; that the push itself has none
      // more is shown by test/dedup/layer-store/life.test.ts.
      const env = { STOWAGE_DEDUP__POLICY: 'off' };
      await using served = await serveOver(dataDir, env, { wrapper: straceTo(trace) });
      expectAnswer(await pushAtOnce(served.client, REPOSITORY, makeBlob('stock', MIB)), 201);
      await work(served);
    }
    // Files for segments are made ahead after the start, and no answer waits for them.
    const segments = join(dataDir, 'segments');
    const events = (await readTrace(trace)).filter(
      (event) => event.kind !== 'sync' || !event.path.startsWith(segments),
    );
    return events.slice(events.findIndex(({ kind }) => kind === 'answer') + 1);
  }

  it('decisions 2: every answer comes after the syncs that it promises', async () => {
    const answers: { what: string; status: number; syncs: readonly string[] }[] = [];
    const expected: { what: string; status: number; syncs: readonly string[] }[] = [];
    const events = await traced(async ({ client }) => {
      const say = async (
        what: string,
        sent: Promise<RegistryResponse>,
        syncs: readonly string[],
      ): Promise<RegistryResponse> => {
        const answer = await sent;
        expected.push({ what, status: answer.status, syncs });
        return answer;
      };
      const open = async (): Promise<string> =>
        locationOf(await say('POST', startUpload(client, REPOSITORY), []));

      const config = makeBlob('config', 500);
      const layers = ['a', 'b', 'c', 'd'].map((label) => makeBlob(label, MIB));
      const [a, b, c, d] = layers as [Blob, Blob, Blob, Blob];
      await say('small blob', pushAtOnce(client, REPOSITORY, config), COMMIT);
      await say('blob in one request', pushAtOnce(client, REPOSITORY, a), [BYTES, ...COMMIT]);

      let path = await open();
      const whole = finishUpload(client, path, { digest: b.digest, rest: b.bytes });
      await say('blob in one PUT', whole, [BYTES, ...COMMIT]);

      path = await open();
      const half = MIB / 2;
      const begin = { bytes: c.bytes.subarray(0, half), start: 0 };
      await say('PATCH', patch(client, path, begin), []);
      const rest = { digest: c.digest, rest: c.bytes.subarray(half) };
      await say('blob in chunks', finishUpload(client, path, rest), [BYTES, ...COMMIT]);

      path = await open();
      await say('stream', patchStreamed(client, path, [d.bytes]), []);
      const last = { digest: d.digest };
      await say('blob as stream', finishUpload(client, path, last), [BYTES, ...COMMIT]);

      await say('the same blob', pushAtOnce(client, OTHER, a), [BYTES, ...COMMIT]);
      const query = `?mount=${b.digest}&from=${REPOSITORY}`;
      await say('mount', startUpload(client, OTHER, query), COMMIT);

      const small = makeImage([config, a, b], { label: 'small' });
      const large = makeImage([config, c, d], { label: 'large', padding: INLINE_MAX });
      const where = { repository: REPOSITORY, reference: 'v1' };
      await say('manifest', putManifest(client, where, small), COMMIT);
      await say('large manifest', putManifest(client, where, large), [BYTES, ...COMMIT]);

      const drop = (target: string) => remove(client, target);
      await say('tag delete', drop(manifestPath(REPOSITORY, 'v1')), COMMIT);
      await say('manifest delete', drop(manifestPath(REPOSITORY, small.digest)), COMMIT);
      await say('blob delete', drop(blobPath(OTHER, b.digest)), COMMIT);
    });
    for (const [i, { status, syncs }] of byAnswer(events).entries()) {
      const names = syncs.map((sync) => nameSync(dataDir, sync));
      answers.push({ what: expected[i]?.what ?? 'more', status, syncs: names });
    }
    expect(answers).toEqual(expected);
    expect(expected.map(({ status }) => status).filter((status) => status >= 300)).toEqual([]);
  });

  it('decisions 2: a 1 MiB push costs 3 syncs, an image of two layers at most 10', async () => {
    const counts: number[] = [];
    const events = await traced(async ({ client }) => {
      for (let i = 0; i < 5; i++) {
        const blobs = [300, MIB, 2 * MIB].map((size, n) => makeBlob(`image ${i} ${n}`, size));
        for (const blob of blobs) expectAnswer(await pushAtOnce(client, REPOSITORY, blob), 201);
        const where = { repository: REPOSITORY, reference: `v${i}` };
        const image = makeImage(blobs, { label: `${i}` });
        expectAnswer(await putManifest(client, where, image), 201);
      }
    });
    const answers = byAnswer(events);
    for (let i = 0; i < answers.length; i += 4) {
      const image = answers.slice(i, i + 4).map(({ syncs }) => syncs.length);
      expect(image[1], 'syncs of a push of 1 MiB').toBeLessThanOrEqual(3);
      counts.push(image.reduce((sum, count) => sum + count));
    }
    expect(counts).toHaveLength(5);
    for (const count of counts) expect(count).toBeLessThanOrEqual(10);
  });

  it('decisions 2: an image whose layers arrive together costs 8 syncs or fewer', async () => {
    const images = 9;
    const events = await traced(async ({ client }) => {
      for (let i = 0; i < images; i++) {
        const blobs = [300, MIB, MIB].map((size, n) => makeBlob(`image ${i} ${n}`, size));
        const open = async (blob: Blob): Promise<{ blob: Blob; path: string }> => {
          const path = locationOf(expectAnswer(await startUpload(client, REPOSITORY), 202));
          const { bytes } = blob;
          expectAnswer(await patch(client, path, { bytes, start: 0 }), 202);
          return { blob, path };
        };
        const opened = await Promise.all(blobs.map(open));
        const close = async ({ blob: { digest }, path }: (typeof opened)[number]) =>
          expectAnswer(await finishUpload(client, path, { digest }), 201);
        await Promise.all(opened.map(close));
        const where = { repository: REPOSITORY, reference: `v${i}` };
        const image = makeImage(blobs, { label: `${i}` });
        expectAnswer(await putManifest(client, where, image), 201);
      }
    });
    // Each image is answered ten times: three times three for its blobs, and once for itself.
    const counts: number[] = [];
    let answers = 0;
    let from = 0;
    for (const [i, { kind }] of events.entries()) {
      if (kind !== 'answer' || ++answers % 10 !== 0) continue;
      counts.push(countSyncs(events.slice(from, i)));
      from = i;
    }
    expect(counts).toHaveLength(images);
    // Whether the syncs of two files end in one turn is up to the disk.
    expect([...counts].sort((a, b) => a - b)[images >> 1]).toBeLessThanOrEqual(8);
    for (const count of counts) expect(count).toBeLessThanOrEqual(10);
  });
});
