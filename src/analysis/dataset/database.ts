/** DuckDB as the dataset uses it: bounded memory, everything else on the disk. */
import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { DatasetError } from './errors.ts';

/** How much a database may take. */
export interface DatabaseLimits {
  /**
   * Bytes that DuckDB may hold in memory; default: {@link QUERY_MEMORY}. What it needs beside them is about
   * half as much again.
   */
  readonly memory?: number;
  /** Default: one for each processor. */
  readonly threads?: number;
  /** Bytes of disk for what does not fit in memory; default: nine tenths of what is free. */
  readonly disk?: number;
}

/** Bytes of memory for queries: 1.5 GiB. */
export const QUERY_MEMORY = 1536 * 1024 * 1024;
/**
 * Bytes of memory while layers are written, of which one is finished at a time: what a layer of a million
 * entries has beyond them waits on the disk. Publishing the tables takes more.
 */
export const WRITE_MEMORY = 192 * 1024 * 1024;

/** A value of a row. Whole numbers come as numbers: none here needs more than 53 bits. */
export type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, Value>>;

/** A string as SQL writes it. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function kibibytes(bytes: number): string {
  return `${Math.floor(bytes / 1024)}KiB`;
}

/** A database for the work of one process; what is in it does not outlive that. */
export interface Database {
  readonly instance: DuckDBInstance;
  readonly connection: DuckDBConnection;
  /** Statements, one after the other. @throws DatasetError */
  run(sql: string): Promise<void>;
  /** The rows that the last statement gives. @throws DatasetError */
  rows(sql: string): Promise<Row[]>;
  /** Sets how many bytes it may hold from now on. @throws DatasetError when it holds more already */
  setMemory(bytes: number): Promise<void>;
  close(): Promise<void>;
}

function plain(value: unknown): Value {
  if (typeof value === 'bigint') return Number(value);
  if (value === null || typeof value !== 'object') return value as Value;
  // Decimals: sums of whole numbers that need more than 64 bits come as HUGEINT, averages as DOUBLE.
  return Number(String(value));
}

/** Whatever DuckDB throws, as an error of ours that names what may help. */
export function asDatasetError(error: unknown): DatasetError {
  const text = error instanceof Error ? error.message : String(error);
  const hint = /out of memory/i.test(text) ? ' (a higher limit of memory may help)' : '';
  return new DatasetError(`${text}${hint}`, { cause: error });
}

/** Runs on any connection. @throws DatasetError */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Row[]> {
  try {
    const reader = await connection.runAndReadAll(sql);
    const names = reader.columnNames();
    return reader
      .getRows()
      .map((row) => Object.fromEntries(row.map((value, i) => [names[i]!, plain(value)])));
  } catch (error) {
    throw asDatasetError(error);
  }
}

/**
 * Opens an empty database whose tables lie in a file of a folder, which is made, and emptied before.
 * @throws DatasetError
 */
export async function openDatabase(folder: string, limits: DatabaseLimits = {}): Promise<Database> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const instance = await DuckDBInstance.create(join(folder, 'scratch.duckdb'), {
    memory_limit: kibibytes(limits.memory ?? QUERY_MEMORY),
    threads: String(limits.threads ?? availableParallelism()),
    temp_directory: join(folder, 'spill'),
    ...(limits.disk === undefined ? {} : { max_temp_directory_size: kibibytes(limits.disk) }),
    // Rows carry their numbers, and keeping the order costs memory.
    preserve_insertion_order: 'false',
    // Nothing is to be fetched from anywhere.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  }).catch((error: unknown) => {
    throw asDatasetError(error);
  });
  const connection = await instance.connect();
  const run = async (sql: string): Promise<void> => {
    await connection.run(sql).catch((error: unknown) => {
      throw asDatasetError(error);
    });
  };
  return {
    instance,
    connection,
    run,
    rows: (sql) => rowsOf(connection, sql),
    setMemory: (bytes) => run(`SET memory_limit = ${quote(kibibytes(bytes))}`),
    async close() {
      connection.closeSync();
      instance.closeSync();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
