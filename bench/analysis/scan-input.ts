/** Layers for the benchmark of the scan: those of the corpus, as stored and as plain tars. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { TYPE_FLAGS, tarEnd, tarHeader, tarPadding } from '../../src/codec/tar/write.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { blobPath, corpusFolder, distinctLayers, readCorpus } from '../corpus/layouts.ts';

/** A layer on the disk, twice. */
export interface BenchLayer {
  readonly gzip: string;
  readonly tar: string;
  readonly gzipSize: number;
  readonly tarSize: number;
  /** By sha256sum. */
  readonly diffId: string;
  /** Regular files in it, by tar. */
  readonly files: number;
}

/** Stored bytes of a layer that is taken: small ones say nothing. */
const LEAST = 1e6;

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

/**
 * The gzip layers of the corpus from 1 MB on, and their tars in a folder.
 * @throws Error when there is no corpus
 */
export async function prepareLayers(folder: string): Promise<BenchLayer[]> {
  const corpus = corpusFolder('short');
  const layers: BenchLayer[] = [];
  for (const { repository, digest, size } of distinctLayers(await readCorpus(corpus))) {
    const gzip = blobPath(corpus, repository, digest);
    if (size < LEAST || !(await isGzip(gzip))) continue;
    const tar = join(folder, `${layers.length}.tar`);
    await pipeline(
      createReadStream(gzip),
      createGunzip({ chunkSize: 1 << 20 }),
      createWriteStream(tar),
    );
    const [hex] = execFileSync('sha256sum', [tar], { encoding: 'utf8' }).split(' ');
    // Some builders leave out the end of an archive; tar lists all and then complains.
    const list = spawnSync('tar', ['-tvf', tar], { encoding: 'utf8', maxBuffer: 2 ** 28 }).stdout;
    const files = list.split('\n').filter((line) => line.startsWith('-')).length;
    const { size: tarSize } = await stat(tar);
    layers.push({ gzip, tar, gzipSize: size, tarSize, diffId: `sha256:${hex}`, files });
  }
  if (layers.length === 0)
    throw new Error(`no corpus in ${corpus}: run bench/corpus/main.ts first`);
  return layers;
}

/** A made layer: of how many files, of how many bytes each. */
export interface MadeLayer {
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
}

/** Bytes of the content that repeats in made layers: an eighth of it is noise. */
const PATTERN = 1024 * 1024;

function headerOf(path: string, size: number): Buffer {
  return tarHeader({
    path,
    typeFlag: TYPE_FLAGS.file,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: 0,
    link: '',
    deviceMajor: 0,
    deviceMinor: 0,
  });
}

/** Writes a gzip layer of regular files, a hundred in a directory. @returns its DiffID and plain bytes */
export async function writeMadeLayer(
  { files, bytes }: MadeLayer,
  path: string,
): Promise<{ readonly diffId: string; readonly tarSize: number }> {
  const pattern = Buffer.alloc(PATTERN);
  randomFillSync(pattern, 0, PATTERN / 8);
  const hash = createHash('sha256');
  let tarSize = 0;
  function* pieces(): Generator<Buffer> {
    for (let i = 0; i < files; i++) {
      yield headerOf(
        `usr/share/made/of-files-like-those-of-packages/${Math.floor(i / 100)}/file-${i}.txt`,
        bytes,
      );
      for (let left = bytes; left > 0; left -= PATTERN) yield pattern.subarray(0, left);
      yield tarPadding(bytes);
    }
    yield tarEnd();
  }
  /** Few large pieces: streams take their time for each. */
  function* parts(): Generator<Buffer> {
    let gathered: Buffer[] = [];
    let size = 0;
    const take = (): Buffer => {
      const part = Buffer.concat(gathered);
      hash.update(part);
      tarSize += part.length;
      [gathered, size] = [[], 0];
      return part;
    };
    for (const piece of pieces()) {
      gathered.push(piece);
      size += piece.length;
      if (size >= PATTERN) yield take();
    }
    yield take();
  }
  await pipeline(Readable.from(parts()), createGzip({ level: 1 }), createWriteStream(path));
  return { diffId: `sha256:${hash.digest('hex')}`, tarSize };
}

/** Writes an image with all the layers as `docker save` does. */
export async function writeDockerArchive(
  layers: readonly BenchLayer[],
  path: string,
): Promise<void> {
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map((_, i) => ({ created_by: `layer ${i}` })),
    }),
  );
  const configName = `${digestOf(config).slice(7)}.json`;
  const names = layers.map(({ diffId }) => `${diffId.slice(7)}/layer.tar`);
  const manifest = Buffer.from(
    JSON.stringify([{ Config: configName, RepoTags: ['bench:latest'], Layers: names }]),
  );
  async function* parts(): AsyncGenerator<Buffer> {
    for (const [i, { tar, tarSize }] of layers.entries()) {
      yield headerOf(names[i]!, tarSize);
      for await (const chunk of createReadStream(tar, { highWaterMark: 1 << 20 })) yield chunk;
      yield tarPadding(tarSize);
    }
    for (const [name, bytes] of [
      [configName, config],
      ['manifest.json', manifest],
    ] as const) {
      yield Buffer.concat([headerOf(name, bytes.length), bytes, tarPadding(bytes.length)]);
    }
    yield tarEnd();
  }
  await pipeline(Readable.from(parts()), createWriteStream(path));
}
