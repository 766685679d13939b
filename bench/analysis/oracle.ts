/**
 * Whether an analysis of the corpus (bench/corpus) says what other programs say of it:
 *
 *     node bench/analysis/oracle.ts
 *
 * Every regular file of every layer is compared by path, size and SHA-256 with what `tar` unpacks and
 * `sha256sum` says of it, entries by their kinds with `tar -tv`, layers and their sizes with `skopeo
 * inspect`, and the sums of the report with the sums of those lists. It takes minutes, for sha256sum runs
 * once for each file.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openDatabase, quote } from '../../src/analysis/dataset/database.ts';
import { analyze } from '../../src/analysis/run/analyze.ts';
import { openSources } from '../../src/analysis/sources/open.ts';
import {
  blobPath,
  type CorpusImage,
  corpusFolder,
  distinctLayers,
  layoutReference,
  readCorpus,
} from '../corpus/layouts.ts';

/** What other programs say of one layer. */
interface Listed {
  /** `sha256 size path` of regular files, sorted. */
  readonly files: readonly string[];
  /** Entries by the letter that `tar -tv` begins their line with. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** Kinds of entries by the letter of `tar -tv`; whiteouts are files there. */
const LETTERS = ['-', 'd', 'l', 'h', 'c', 'b', 'p', '?', '-', '-'];
const HASH_EACH = 'printf "%s %s %s\\n" "$(sha256sum | cut -c1-64)" "$TAR_SIZE" "$TAR_FILENAME"';

function runLines(program: string, args: readonly string[]): string[] {
  const output = execFileSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  });
  return output.replace(/\n$/, '').split('\n');
}

const isWhiteout = (path: string): boolean => /(^|\/)\.wh\./.test(path);
const plain = (path: string): string => path.replace(/^(\.?\/)+/, '');

/** @param unpacked - where to put the tar */
function listLayer(blob: string, unpacked: string): Listed {
  // Some builders write neither padding nor an end, without which GNU tar gives no content. Engines do.
  const script = 'gzip -dcf "$0" | dd bs=10240 iflag=fullblock conv=sync status=none of="$1"';
  runLines('bash', ['-o', 'pipefail', '-c', script, blob, unpacked]);
  const path = unpacked;
  const files = runLines('tar', ['-xf', path, `--to-command=${HASH_EACH}`])
    .map((line) => /^([0-9a-f]{64}) (\d+) (.*)$/.exec(line)!)
    .filter(([, , , name]) => !isWhiteout(name!))
    .map(([, hash, size, name]) => `${hash} ${size} ${plain(name!)}`);
  const kinds: Record<string, number> = {};
  for (const line of runLines('tar', ['-tvf', path])) {
    kinds[line[0]!] = (kinds[line[0]!] ?? 0) + 1;
  }
  return { files: files.sort(), kinds };
}

/** The same of the records of an analysis. */
async function readRecords(database: Database, folder: string, layer: number): Promise<Listed> {
  const rows = await database.rows(
    `SELECT path, size::VARCHAR AS size, kind, printf('%016x%016x%016x%016x', ${[0, 1, 2, 3]
      .map((i) => `(hash${i}::HUGEINT & 18446744073709551615::HUGEINT)::UBIGINT`)
      .join(', ')}) AS hash
     FROM read_parquet(${quote(join(folder, 'entries', `${String(layer).padStart(8, '0')}.parquet`))})`,
  );
  const kinds: Record<string, number> = {};
  const files: string[] = [];
  for (const { path, size, kind, hash } of rows) {
    const letter = LETTERS[Number(kind)]!;
    kinds[letter] = (kinds[letter] ?? 0) + 1;
    if (kind === 0) files.push(`${hash} ${size} ${path}`);
  }
  return { files: files.sort(), kinds };
}

/** Sizes of all layers by digest, as skopeo tells them. */
function inspectLayers(corpus: string, images: readonly CorpusImage[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { name } of images) {
    // Plain `inspect` tells no sizes in Debian's version.
    const raw = runLines('skopeo', ['inspect', '--raw', layoutReference(corpus, name)]).join('\n');
    const { layers } = JSON.parse(raw) as Pick<CorpusImage, 'layers'>;
    for (const { digest, size } of layers) sizes.set(digest, size);
  }
  return sizes;
}

const corpus = corpusFolder('short');
const images = await readCorpus(corpus);
if (images.length === 0) throw new Error(`there is no corpus in ${corpus}: see bench/README.md`);
const layouts = new Set(images.map(({ repository }) => join(corpus, repository)));
const folder = await mkdtemp(join(tmpdir(), 'stowage-oracle-'));
const { signal } = new AbortController();
const sources = await openSources([...layouts], { folder }, signal);
try {
  const report = await analyze({ sources, folder, version: 'oracle', threads: 1, signal });
  assert.deepEqual(report.problems, []);
  const database = await openDatabase(join(folder, 'scratch-oracle'));
  const layers = await database.rows(
    `SELECT layer, digest, stored_size::VARCHAR AS size FROM read_parquet(${quote(join(folder, 'layers.parquet'))})`,
  );
  const inspected = inspectLayers(corpus, images);
  const blobs = new Map(
    distinctLayers(images).map(({ digest, repository }) => [
      digest,
      blobPath(corpus, repository, digest),
    ]),
  );
  assert.equal(layers.length, inspected.size);
  const all: string[] = [];
  for (const { layer, digest, size } of layers) {
    assert.equal(Number(size), inspected.get(String(digest)));
    const listed = listLayer(blobs.get(String(digest))!, join(folder, 'oracle.tar'));
    assert.deepEqual(await readRecords(database, folder, Number(layer)), listed);
    all.push(...listed.files);
    console.log(`${digest}: ${listed.files.length} files, ${JSON.stringify(listed.kinds)}`);
  }
  await database.close();
  const sizeOf = (line: string): number => Number(line.split(' ', 2)[1]);
  const sizes = (lines: readonly string[]) => lines.reduce((sum, line) => sum + sizeOf(line), 0);
  const distinct = [...new Map(all.map((line) => [line.slice(0, 64), line])).values()];
  const { layers: found, dedup } = report.correct;
  assert.deepEqual(
    {
      layers: found.count,
      storedBytes: found.compressedSize?.sum,
      files: dedup.overall.files,
      bytes: dedup.overall.bytes,
      distinctFiles: dedup.overall.distinctFiles,
      distinctBytes: dedup.overall.distinctBytes,
    },
    {
      layers: inspected.size,
      storedBytes: [...inspected.values()].reduce((sum, size) => sum + size, 0),
      files: all.length,
      bytes: sizes(all),
      distinctFiles: distinct.length,
      distinctBytes: sizes(distinct),
    },
  );
  console.log(
    `${inspected.size} layers, ${all.length} files, ${sizes(all)} bytes, ${distinct.length} distinct: all as tar, sha256sum and skopeo say`,
  );
} finally {
  await Promise.all(sources.map((source) => source.close()));
  await rm(folder, { recursive: true, force: true });
}
