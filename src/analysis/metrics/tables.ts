/** The tables of a dataset and of one mode, as the queries name them. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Database, quote } from '../dataset/database.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { query } from '../queries/load.ts';

/** Definitions that figures go by: this project's own, or those of the study's code. */
export type Mode = 'correct' | 'paper';

/** Columns of entries, for a dataset that has none; as queries/layer-entries.sql gives them. */
const NO_ENTRIES = `SELECT NULL::INTEGER AS layer, NULL::INTEGER AS entry, NULL::VARCHAR AS path,
  NULL::VARCHAR AS directory, NULL::BIGINT AS folder, NULL::UTINYINT AS kind, NULL::BIGINT AS size,
  NULL::BIGINT AS packed_size, NULL::BIGINT AS hash0, NULL::BIGINT AS hash1, NULL::BIGINT AS hash2,
  NULL::BIGINT AS hash3, NULL::USMALLINT AS type, NULL::USMALLINT AS mode, NULL::BIGINT AS uid,
  NULL::BIGINT AS gid, NULL::DOUBLE AS mtime, NULL::VARCHAR AS link, NULL::INTEGER AS target,
  NULL::BOOLEAN AS linked, NULL::BOOLEAN AS superseded WHERE FALSE`;

const NO_CHUNKS = `SELECT NULL::INTEGER AS layer, NULL::VARCHAR AS method, NULL::BIGINT AS hash0,
  NULL::BIGINT AS hash1, NULL::UINTEGER AS size, NULL::UINTEGER AS copies WHERE FALSE`;

/** The Parquet files as views. @throws DatasetError */
export async function openTables(dataset: Dataset): Promise<void> {
  await dataset.publish();
  const view = async (name: string, folder: string, none: string) => {
    const some =
      existsSync(folder) && (await readdir(folder)).some((file) => file.endsWith('.parquet'));
    const source = some ? `FROM read_parquet(${quote(`${folder}/*.parquet`)})` : none;
    await dataset.database.run(`CREATE OR REPLACE TEMP VIEW ${name} AS ${source}`);
  };
  await view('entries', dirname(dataset.entriesPath(0)), NO_ENTRIES);
  await view('chunks', dirname(dataset.chunksPath(0)), NO_CHUNKS);
}

/** The definitions of a mode, and the layers and images that they choose. @throws DatasetError */
export async function enterMode({ database, types }: Dataset, mode: Mode): Promise<void> {
  const empty = types.findIndex(({ type }) => type === 'empty');
  await database.run(`SET VARIABLE empty_type = ${Math.max(0, empty)}`);
  for (const name of [`layers-${mode}`, 'holdings', `files-${mode}`]) {
    await database.run(query(name));
  }
}

const LARGE = [
  'contents',
  'repeated',
  'occurrences',
  'layer_contents',
  'folder_shares',
  'first_samples',
  'typed_contents',
];

/** Removes the large tables of a mode. */
export async function leaveMode(database: Database): Promise<void> {
  for (const name of LARGE) {
    await database.run(`DROP TABLE IF EXISTS ${name}`);
  }
}
