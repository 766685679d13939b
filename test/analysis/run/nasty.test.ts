/** A layout of layers that are not as they should be: the run ends, and lists each (issue 5, item 3). */

import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AnalysisReport } from '../../../src/analysis/metrics/schema.ts';
import { openLocalSources } from '../../../src/analysis/sources/local/open.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { OCI } from '../../support/images.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { emptyFiles, nastyEntry, nastyTar, paxHeader } from '../scan/support/nasty-tar.ts';
import { noise } from '../scan/support/noise.ts';
import { jsonContent } from '../sources/support.ts';
import { run } from './support.ts';

const A = { name: 'a', body: Buffer.from('alpha') };
const B = { name: 'b', body: Buffer.from('beta') };
const many = gzipSync(nastyTar(A, { name: 'noise', body: noise(100_000) }, B), { level: 1 });

interface NastyLayer {
  readonly bytes: Buffer;
  /** What the report says of it: codes of remarks. */
  readonly codes: readonly string[];
  readonly mediaType?: string;
}

const LAYERS: Readonly<Record<string, NastyLayer>> = {
  'truncated gzip': { bytes: many.subarray(0, 50_000), codes: ['truncated'] },
  'damaged gzip': {
    bytes: Buffer.concat([gzipSync('').subarray(0, 10), Buffer.alloc(5000, 0x07)]),
    codes: ['damaged-compression'],
  },
  'truncated zstd': {
    bytes: zstdCompressSync(nastyTar(A, { name: 'noise', body: noise(300_000) })).subarray(
      0,
      200_000,
    ),
    codes: ['media-type-lies', 'truncated'],
  },
  'absurd headers': {
    bytes: gzipSync(
      Buffer.concat([
        nastyEntry(A),
        nastyEntry({ name: 'odd', type: 'Z', body: Buffer.from('?') }),
        nastyEntry({ name: 'bad', badChecksum: true }),
        nastyTar({ name: 'after' }),
      ]),
    ),
    codes: ['not-tar', 'unknown-entry-type'],
  },
  'a file larger than its layer': {
    bytes: gzipSync(
      nastyEntry({ name: 'huge', size: 4 * 2 ** 30 + 17, body: Buffer.from('begin') }),
    ),
    codes: ['truncated'],
  },
  'duplicate paths': { bytes: gzipSync(nastyTar(A, B, A, A)), codes: ['duplicate-path'] },
  'hard links in a circle': {
    bytes: gzipSync(
      nastyTar(
        { name: 'self', type: '1', link: 'self' },
        { name: 'one', type: '1', link: 'two' },
        { name: 'two', type: '1', link: 'one' },
      ),
    ),
    codes: ['hardlink-without-target'],
  },
  'sparse files': {
    bytes: gzipSync(
      nastyTar(
        paxHeader({
          'GNU.sparse.major': '0',
          'GNU.sparse.minor': '1',
          'GNU.sparse.name': 'sparse',
          'GNU.sparse.size': String(2 ** 40),
          'GNU.sparse.map': `1000,5,100000,4,${2 ** 40},0`,
        }),
        { name: 'GNUSparseFile.0/sparse', body: Buffer.from('alphabeta') },
      ),
    ),
    codes: ['holes-not-hashed'],
  },
  'sparse files of petabytes': {
    bytes: gzipSync(
      nastyTar(
        ...Array.from({ length: 1100 }, (_, i) => [
          paxHeader({
            'GNU.sparse.major': '0',
            'GNU.sparse.minor': '1',
            'GNU.sparse.name': `sparse-${i}`,
            'GNU.sparse.size': String(Number.MAX_SAFE_INTEGER),
            'GNU.sparse.map': `1000,5,100000,4,${Number.MAX_SAFE_INTEGER},0`,
          }),
          { name: `GNUSparseFile.0/sparse-${i}`, body: Buffer.from('alphabeta') },
        ]).flat(),
      ),
    ),
    codes: ['size-not-believed'],
  },
  'names that are no UTF-8, and lead out': {
    bytes: gzipSync(nastyTar({ name: Buffer.from([0x66, 0xff, 0x6f]) }, { name: '../../out' })),
    codes: ['dotdot-path', 'not-utf8'],
  },
  'a path of 100 KB': {
    bytes: gzipSync(nastyTar(paxHeader({ path: 'long/'.repeat(20_000) }), { name: 'x' })),
    codes: ['path-too-long'],
  },
  'a directory of 100,000 entries, without an end': {
    bytes: gzipSync(emptyFiles(100_000), { level: 1 }),
    codes: ['no-end'],
  },
  'JSON instead of a tar': { bytes: Buffer.from('{"layers":[]}'), codes: ['not-an-archive'] },
  'nothing at all': { bytes: Buffer.alloc(0), codes: ['empty'] },
  'an archive of nothing': { bytes: gzipSync(Buffer.alloc(1024)), codes: ['diff-id-differs'] },
};

let folder: string;
let layout: string;

async function put(bytes: Buffer): Promise<string> {
  const digest = digestOf(bytes);
  await writeFile(join(layout, 'blobs', ...digest.split(':')), bytes);
  return digest;
}

interface NamedLayer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * Puts an image of layers that are there into the layout. Its configuration knows no DiffIDs and says
 * the digests instead.
 * @returns its descriptor
 */
async function putImage(tag: string, layers: readonly NamedLayer[]): Promise<object> {
  const config = jsonContent(OCI.config, {
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  });
  const manifest = jsonContent(OCI.manifest, {
    schemaVersion: 2,
    mediaType: OCI.manifest,
    config: config.descriptor,
    layers,
  });
  await put(config.bytes);
  await put(manifest.bytes);
  return { ...manifest.descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } };
}

async function analyzeLayout(manifests: readonly object[], data: string): Promise<AnalysisReport> {
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  const [source] = await openLocalSources([layout], {}, new AbortController().signal);
  try {
    return await run([source!], join(folder, data), { threads: 2 });
  } finally {
    await source!.close();
  }
}

beforeAll(async () => {
  folder = await makeTemporary('nasty');
  layout = join(folder, 'layout');
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
});
afterAll(() => removeTemporary(folder));

test('a run over nasty layers ends, and each is in the report', async () => {
  const nasty: NamedLayer[] = [];
  const expected = new Map<string, readonly string[]>();
  for (const { bytes, codes, mediaType = OCI.layer } of Object.values(LAYERS)) {
    const digest = await put(bytes);
    nasty.push({ mediaType, digest, size: bytes.length });
    expected.set(digest, codes);
  }
  const missing = digestOf(Buffer.from('nobody has this'));
  const other = await put(gzipSync(nastyTar({ name: 'other' })));
  const wrong = gzipSync(nastyTar(A));
  await writeFile(join(layout, 'blobs', ...other.split(':')), wrong);
  const lost = [missing, other].map((digest) => ({
    mediaType: OCI.layer,
    digest,
    size: wrong.length,
  }));
  const tall: NamedLayer[] = [];
  for (let i = 0; i < 120; i++) {
    const bytes = nastyTar({ name: `file-${i}`, body: Buffer.from(`${i}`) });
    tall.push({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: await put(bytes),
      size: bytes.length,
    });
  }
  const report = await analyzeLayout(
    [await putImage('nasty', nasty), await putImage('lost', lost), await putImage('tall', tall)],
    'data',
  );

  const remarks = new Map<string, string[]>();
  for (const { layer, code } of report.remarks) {
    remarks.set(layer, [...(remarks.get(layer) ?? []), code]);
  }
  for (const [digest, codes] of expected) {
    const name = Object.keys(LAYERS)[[...expected.keys()].indexOf(digest)];
    const found = remarks.get(digest) ?? [];
    expect([name, found]).toEqual([name, expect.arrayContaining([...codes])]);
    remarks.delete(digest);
  }
  // Nothing is said of the others, which are as they should be.
  expect([...remarks.keys()]).toEqual([]);
  expect([...report.problems].sort((x, y) => x.reason.localeCompare(y.reason))).toEqual([
    { what: `layer ${missing}`, reason: expect.stringContaining('has no file') },
    { what: 'lost', reason: expect.stringContaining(`left out of the figures of images`) },
    { what: `layer ${other}`, reason: expect.stringContaining('the bytes have the digest') },
  ]);
  for (const mode of [report.correct, report.paper]) {
    expect(mode.images!.count).toBe(2);
    expect(mode.images!.layers.max).toBe(120);
    expect(mode.layers.files.max).toBe(100_000);
  }
});

test.runIf(process.env.STOWAGE_LONG === 'true')('a file of 4 GiB and more', async () => {
  const size = 4 * 2 ** 30 + 512;
  const header = nastyEntry({ ...paxHeader({ size: String(size) }) });
  const piece = Buffer.alloc(1 << 20);
  function* archive(): Generator<Buffer> {
    yield header;
    yield nastyEntry({ name: 'zeros', size: 0 });
    for (let at = 0; at < size; at += piece.length) yield piece.subarray(0, size - at);
    yield Buffer.alloc(1024);
  }
  const hash = createHash('sha256');
  let stored = 0;
  const path = join(layout, 'zeros');
  const gzip = createGzip({ level: 1 });
  gzip.on('data', (part: Buffer) => {
    hash.update(part);
    stored += part.length;
  });
  await pipeline(archive, gzip, createWriteStream(path));
  const digest = `sha256:${hash.digest('hex')}`;
  await rename(path, join(layout, 'blobs', ...digest.split(':')));
  const layer = { mediaType: OCI.layer, digest, size: stored };
  const report = await analyzeLayout([await putImage('large', [layer])], 'large');
  expect(report.problems).toEqual([]);
  expect(report.remarks.map(({ code }) => code)).toEqual(['diff-id-differs']);
  expect(report.correct.dedup.overall).toMatchObject({ files: 1, bytes: size });
  expect(report.correct.layers.archiveSize.max).toBe(size + header.length + 512 + 1024);
});
