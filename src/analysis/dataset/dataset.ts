/**
 * What an analysis has read, on the disk: a folder with one Parquet file of entries for each layer, and
 * journals of layers, images and sources. docs/analysis-dataset.md describes it for other engines.
 *
 * A layer counts from the moment its line stands in the journal, and its files have their names before
 * that. What a killed run leaves besides is removed when the folder is opened again.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createSlots } from '../../lib/slots.ts';
import type { EntryBatch, LayerScan } from '../scan/types.ts';
import type { Fact, ImageSource, SourceImage, SourceLayer } from '../sources/types.ts';
import { type Database, type DatabaseLimits, openDatabase, quote } from './database.ts';
import { DatasetError } from './errors.ts';
import { openEntryWriter } from './layer-writer.ts';
import { openRecordJournal, type RecordJournal } from './record-journal.ts';
import { type ImageRecord, type LayerRecord, type SourceRecord, TABLES } from './records.ts';

/** Name of a type of files, by its number. */
export interface FileType {
  readonly group: string;
  readonly type: string;
}

/** Options of {@link openDataset}. */
export interface DatasetOptions extends DatabaseLimits {
  /** Names of the types by their numbers: the scanner's table. */
  readonly types: readonly FileType[];
  /** Folder for what does not fit in memory; it is emptied, and removed at the end. */
  readonly scratch?: string;
}

/** Takes one layer in. */
export interface LayerWriter {
  /** Entries in any number of batches. Not to be called again before it resolved. @throws DatasetError */
  append(batch: EntryBatch): Promise<void>;
  /** The layer is there, and durable, once it resolved. @throws DatasetError, JournalError */
  finish(scan: LayerScan): Promise<void>;
  /** Leaves nothing behind; for layers that broke off. */
  abort(): Promise<void>;
}

/** A dataset that is open. One process at a time may have it open. */
export interface Dataset {
  readonly folder: string;
  readonly types: readonly FileType[];
  /** Of queries; its tables are the work of one report. */
  readonly database: Database;
  readonly sources: readonly SourceRecord[];
  /** Layers, and images, so far. */
  readonly counts: { readonly layers: number; readonly images: number };
  /**
   * Number of a source; one that is known by kind and title keeps its own, and gets the note that it
   * has by now.
   */
  addSource(source: Pick<ImageSource, 'kind' | 'title' | 'note' | 'unknown'>): number;
  /** False when it was there: the same digest in the same repository. */
  addImage(source: number, image: SourceImage): boolean;
  /** True when the layer was read to its end, in this run or one before. */
  has(id: string): boolean;
  /** Begins a layer. Several may be under way. @throws DatasetError */
  beginLayer(source: number, layer: SourceLayer): Promise<LayerWriter>;
  /** Brings the small tables (layers, images, sources, types) up to date as Parquet files. @throws DatasetError, JournalError */
  publish(): Promise<void>;
  /** Path of a layer's file of entries. */
  entriesPath(layer: number): string;
  /** Of its chunks, which it need not have. */
  chunksPath(layer: number): string;
  close(): Promise<void>;
}

const ENTRIES = 'entries';
const CHUNKS = 'chunks';
/**
 * Bytes that a line of a journal may have: an image of a hundred layers has 10 KB. DuckDB takes twice as
 * much at once to read one.
 */
const LINE = 16 * 1024 * 1024;

/** Files sort as their numbers do. */
function fileName(layer: number): string {
  return `${String(layer).padStart(8, '0')}.parquet`;
}

function imageName({ repository, tag, digest }: SourceImage): string {
  if (repository === '') return tag ?? digest;
  return tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`;
}

const imageKey = (repository: string, digest: string) => `${repository}@${digest}`;

/** Removes what is not in the journals. */
async function sweep(folder: string, known: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!known.has(name)) await rm(join(folder, name), { force: true, recursive: true });
  }
}

async function publishTable(database: Database, folder: string, name: string, select: string) {
  const path = join(folder, `${name}.parquet`);
  await database.run(
    `COPY (${select}) TO ${quote(`${path}.unfinished`)} (FORMAT parquet, COMPRESSION zstd)`,
  );
  await rename(`${path}.unfinished`, path);
}

/** Journals as tables, and those as files. */
async function publishAll(database: Database, folder: string, types: readonly FileType[]) {
  for (const { name, journal, columns, select } of TABLES) {
    const rows = `read_json(${quote(join(folder, journal))}, format = 'newline_delimited', columns = ${columns}, maximum_object_size = ${LINE})`;
    await database.run(`CREATE OR REPLACE TEMP VIEW journal AS FROM ${rows}`);
    await database.run(`CREATE OR REPLACE TEMP TABLE ${name} AS ${select}`);
    await publishTable(database, folder, name, `FROM ${name}`);
  }
  const named = types.map(
    (type, number) => `(${number}, ${quote(type.group)}, ${quote(type.type)})`,
  );
  await database.run(
    `CREATE OR REPLACE TEMP TABLE types (type INTEGER, "group" VARCHAR, name VARCHAR);
     ${named.length === 0 ? '' : `INSERT INTO types VALUES ${named.join(', ')}`}`,
  );
  await publishTable(database, folder, 'types', 'FROM types');
}

/**
 * Opens the dataset of a folder, which is made if it is not there, with what earlier runs left in it.
 * @throws DatasetError, JournalError
 */
export async function openDataset(folder: string, options: DatasetOptions): Promise<Dataset> {
  const sources: SourceRecord[] = [];
  const layers = new Map<string, number>();
  const images = new Set<string>();
  const withFiles = { entries: new Set<string>(), chunks: new Set<string>() };
  let nextLayer = 0;
  await mkdir(join(folder, ENTRIES), { recursive: true });
  await mkdir(join(folder, CHUNKS), { recursive: true });
  const open: Pick<RecordJournal<object>, 'flush' | 'close'>[] = [];
  const journalOf = async <T extends object>(name: string, each: (record: T) => void) => {
    const journal = await openRecordJournal(join(folder, name), each);
    open.push(journal);
    return journal;
  };
  const closeJournals = () => Promise.all(open.map((journal) => journal.close()));

  try {
    const sourceJournal = await journalOf<SourceRecord>('sources.jsonl', (record) => {
      sources[record.source] = record;
    });
    const imageJournal = await journalOf<ImageRecord>('images.jsonl', ({ repository, digest }) => {
      images.add(imageKey(repository, digest));
    });
    const layerJournal = await journalOf<LayerRecord>('layers.jsonl', (record) => {
      layers.set(record.id, record.layer);
      nextLayer = Math.max(nextLayer, record.layer + 1);
      withFiles.entries.add(fileName(record.layer));
      if (record.has_chunks) withFiles.chunks.add(fileName(record.layer));
    });
    await sweep(join(folder, ENTRIES), withFiles.entries);
    await sweep(join(folder, CHUNKS), withFiles.chunks);
    const database = await openDatabase(options.scratch ?? join(folder, 'scratch'), options);
    // It takes much memory: layers wait for one another.
    const finishing = createSlots(1);
    let closed = false;
    const entriesPath = (layer: number) => join(folder, ENTRIES, fileName(layer));
    const chunksPath = (layer: number) => join(folder, CHUNKS, fileName(layer));

    return {
      folder,
      types: options.types,
      database,
      sources,
      entriesPath,
      chunksPath,
      get counts() {
        return { layers: layers.size, images: images.size };
      },
      addSource({ kind, title, note, unknown }) {
        const known = sources.find((record) => record.kind === kind && record.title === title);
        if (known !== undefined && (note === undefined || note === known.note)) return known.source;
        const record: SourceRecord = {
          source: known?.source ?? sources.length,
          kind,
          title,
          note,
          unknown: known?.unknown ?? (Object.fromEntries(unknown) as Partial<Record<Fact, string>>),
        };
        sourceJournal.append(record);
        sources[record.source] = record;
        return record.source;
      },
      addImage(source, image) {
        const key = imageKey(image.repository, image.digest);
        if (images.has(key)) return false;
        imageJournal.append({
          image: images.size,
          source,
          name: imageName(image),
          repository: image.repository,
          digest: image.digest,
          platform: image.platform ?? null,
          created: image.created ?? null,
          pulls: image.pulls ?? null,
          stars: image.stars ?? null,
          layers: image.layers.map(({ id }) => id),
        });
        images.add(key);
        return true;
      },
      has: (id) => layers.has(id),
      async beginLayer(source, { id, mediaType }) {
        const from = sources[source];
        if (from === undefined) throw new DatasetError(`the dataset has no source ${source}`);
        const layer = nextLayer++;
        const files = { entries: entriesPath(layer), chunks: chunksPath(layer) };
        const writer = await openEntryWriter(database.instance, layer, files);
        return {
          append: (batch) => writer.append(batch),
          abort: () => writer.abort(),
          async finish(scan) {
            const release = await finishing.take();
            const shape = await writer.finish(scan.chunks).finally(release);
            if (layers.has(id)) {
              for (const path of Object.values(files)) await rm(path, { force: true });
              throw new DatasetError(`layer ${id} has been written twice; the first one stays`);
            }
            layerJournal.append({
              layer,
              id,
              source,
              digest: scan.digest,
              diff_id: scan.diffId,
              media_type: mediaType,
              compression: scan.compression,
              stored_size: from.unknown['compressed-size'] === undefined ? scan.storedSize : null,
              archive_size: scan.archiveSize,
              entries: scan.entries,
              directories: shape.directories,
              max_depth: shape.maxDepth,
              mean_depth: shape.meanDepth,
              median_depth: shape.medianDepth,
              has_chunks: scan.chunks.length > 0,
              remarks: scan.remarks,
            });
            layers.set(id, layer);
            await layerJournal.flush();
          },
        };
      },
      async publish() {
        for (const journal of open) await journal.flush();
        await publishAll(database, folder, options.types);
      },
      async close() {
        if (closed) return;
        closed = true;
        await closeJournals();
        await database.close();
      },
    };
  } catch (error) {
    await closeJournals();
    throw error;
  }
}
