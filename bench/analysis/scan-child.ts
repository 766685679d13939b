/**
 * One run over some layers in a process of its own, for `scan.ts`:
 *
 *     node bench/analysis/scan-child.ts scan|chunks|zlib THREADS LAYER ...
 *
 * Prints as JSON what it found.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { CHUNK_METHODS } from '../../src/analysis/scan/chunks/cutter.ts';
import { createScanner } from '../../src/analysis/scan/scanner.ts';

/** What a run found. */
export interface ChildResult {
  readonly diffIds: readonly string[];
  /** Regular files by layer; empty when they were not looked at. */
  readonly files: readonly number[];
  /** Seconds on the clock, without the start of the process. */
  readonly wall: number;
  /** Peak of the resident set in bytes, mapped files included. */
  readonly peak: number;
}

const READ = 256 * 1024;
/** With which node:zlib is fastest. */
const CHUNK = 1024 * 1024;

async function gunzipAndHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  const gunzip = createGunzip({ chunkSize: CHUNK });
  createReadStream(path, { highWaterMark: READ }).pipe(gunzip);
  gunzip.on('data', (plain: Buffer) => hash.update(plain));
  await new Promise((resolve, reject) => gunzip.on('end', resolve).on('error', reject));
  return `sha256:${hash.digest('hex')}`;
}

async function scanAll(
  paths: readonly string[],
  threads: number,
  withChunks: boolean,
): Promise<Pick<ChildResult, 'diffIds' | 'files'>> {
  const scanner = createScanner({ threads, chunks: withChunks ? CHUNK_METHODS : [] });
  const { signal } = new AbortController();
  const files = paths.map(() => 0);
  try {
    const scans = await Promise.all(
      paths.map((path, i) =>
        scanner.scan(
          // A generator, so that a file is opened when its turn comes.
          (async function* () {
            yield* createReadStream(path, { highWaterMark: READ });
          })(),
          { mediaType: '', size: undefined },
          ({ kinds }) => {
            for (const kind of kinds) if (kind === 0 || kind >= 8) files[i]!++;
          },
          signal,
        ),
      ),
    );
    return { diffIds: scans.map(({ diffId }) => diffId), files };
  } finally {
    await scanner.close();
  }
}

async function hashAll(paths: readonly string[]): Promise<string[]> {
  const diffIds: string[] = [];
  for (const path of paths) diffIds.push(await gunzipAndHash(path));
  return diffIds;
}

const [what, threads, ...paths] = process.argv.slice(2);
const start = performance.now();
const found =
  what === 'zlib'
    ? { diffIds: await hashAll(paths), files: [] }
    : await scanAll(paths, Number(threads), what === 'chunks');
const result: ChildResult = {
  ...found,
  wall: (performance.now() - start) / 1000,
  peak: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
