/** The entries and chunks of one layer on their way into Parquet files. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  BIGINT,
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBInstance,
  UINTEGER,
  USMALLINT,
} from '@duckdb/node-api';
import { closeFile, openFile, syncData, syncFolder } from '../../lib/files.ts';
import { query } from '../queries/load.ts';
import type { ChunkSet, EntryBatch, LayerScan } from '../scan/types.ts';
import { appendBatch, CREATE_RAW } from './columns.ts';
import { asDatasetError, quote, rowsOf } from './database.ts';

/** Rows of a DuckDB vector. */
const VECTOR = 2048;

/** Rows that an appender holds, beside the memory that DuckDB counts; by itself it would take 200,000. */
const HELD = 32_768;

/** What the dataset needs to know about a layer besides its scan. */
export interface LayerShape {
  readonly directories: number;
  /** Of directories; one in the root has 1. 0 without any. */
  readonly maxDepth: number;
  /** Of all of them; null without any. */
  readonly meanDepth: number | null;
  readonly medianDepth: number | null;
}

/** Where the files of a layer belong. */
export interface LayerFiles {
  readonly entries: string;
  readonly chunks: string;
}

/** Takes the entries of one layer. Not to be called again before it resolved. */
export interface EntryWriter {
  /** @throws DatasetError */
  append(batch: EntryBatch): Promise<void>;
  /** Writes the files under their names. @throws DatasetError */
  finish(chunks: LayerScan['chunks']): Promise<LayerShape>;
  /** Leaves nothing behind. Does nothing after `finish`. */
  abort(): Promise<void>;
}

/** Which regular file a link leads to, and whether it is another name of it. */
const CREATE_LINKS = 'CREATE TEMP TABLE links (entry INTEGER, target INTEGER, is_hard BOOLEAN)';

const CHUNK_TYPES = [USMALLINT, BIGINT, BIGINT, UINTEGER, UINTEGER];

function appendChunks(appender: DuckDBAppender, method: number, set: ChunkSet): void {
  const { hashes, sizes, counts } = set;
  const halves = new DataView(hashes.buffer, hashes.byteOffset, hashes.byteLength);
  const chunk = DuckDBDataChunk.create(CHUNK_TYPES);
  for (let from = 0; from < sizes.length; from += VECTOR) {
    const count = Math.min(VECTOR, sizes.length - from);
    chunk.reset();
    chunk.rowCount = count;
    const [m, h0, h1, size, copies] = CHUNK_TYPES.map((_, i) => chunk.getColumnVector(i));
    for (let i = 0; i < count; i++) {
      const row = from + i;
      m!.setItem(i, method);
      h0!.setItem(i, halves.getBigInt64(row * 16));
      h1!.setItem(i, halves.getBigInt64(row * 16 + 8));
      size!.setItem(i, sizes[row]!);
      copies!.setItem(i, counts[row]!);
    }
    for (const vector of [m, h0, h1, size, copies]) vector!.flush();
    appender.appendDataChunk(chunk);
  }
}

/** Under another name first, so that a file that has its name is whole, also after a power loss. */
async function writeParquet(
  connection: DuckDBConnection,
  select: string,
  path: string,
): Promise<void> {
  const unfinished = `${path}.unfinished`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await connection.run(
      `COPY (${select}\n) TO ${quote(unfinished)} (FORMAT parquet, COMPRESSION zstd)`,
    );
    const fd = await openFile(unfinished, 'r');
    await syncData(fd).finally(() => closeFile(fd));
    await rename(unfinished, path);
    await syncFolder(dirname(path));
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** Begins a layer with a number of its own. @throws DatasetError */
export async function openEntryWriter(
  instance: DuckDBInstance,
  layer: number,
  files: LayerFiles,
): Promise<EntryWriter> {
  const connection = await instance.connect();
  await connection.run(`${CREATE_RAW}; ${CREATE_LINKS}; SET VARIABLE layer = ${layer}`);
  const appender = await connection.createAppender('raw');
  let open = true;
  let hasLinks = false;
  let held = 0;
  const close = () => {
    if (!open) return;
    open = false;
    appender.closeSync();
    // Its temporary tables go with it.
    connection.closeSync();
  };

  const writeChunks = async (chunks: readonly ChunkSet[]) => {
    await connection.run(
      'CREATE TEMP TABLE cut (method USMALLINT, hash0 BIGINT, hash1 BIGINT, size UINTEGER, copies UINTEGER)',
    );
    const into = await connection.createAppender('cut');
    for (const [i, set] of chunks.entries()) appendChunks(into, i, set);
    into.closeSync();
    const names = `[${chunks.map(({ method }) => quote(method)).join(', ')}]`;
    const select = `SELECT ${layer}::INTEGER AS layer, (${names})[method + 1] AS method, hash0, hash1, size, copies FROM cut`;
    await writeParquet(connection, select, files.chunks);
  };

  return {
    async append(batch) {
      try {
        appendBatch(appender, batch);
        held += batch.count;
        if (held >= HELD) {
          appender.flushSync();
          held = 0;
        }
        hasLinks ||= batch.links.some((link) => link !== undefined);
      } catch (error) {
        throw asDatasetError(error);
      }
    },
    async finish(chunks) {
      try {
        appender.flushSync();
        if (hasLinks) await connection.run(query('layer-links'));
        const [shape] = await rowsOf(connection, query('layer-directories'));
        if (chunks.length > 0) await writeChunks(chunks);
        await writeParquet(connection, query('layer-entries'), files.entries);
        const depthOf = (value: unknown): number | null => (value === null ? null : Number(value));
        return {
          directories: Number(shape!.directories),
          maxDepth: Number(shape!.max_depth),
          meanDepth: depthOf(shape!.mean_depth),
          medianDepth: depthOf(shape!.median_depth),
        };
      } catch (error) {
        throw asDatasetError(error);
      } finally {
        close();
      }
    },
    async abort() {
      close();
    },
  };
}
