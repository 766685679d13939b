/**
 * The queries of an analysis over a large synthetic set: peak memory, and seconds of each step.
 *
 *     node bench/analysis/large.ts [--rows 100000000] [--rows-of-layer 100000] [--folder F] [--keep]
 *
 * The rows are made by DuckDB in the form that the dataset writes (docs/analysis-dataset.md): this
 * measures queries, not the scan. About a third of the files are distinct, a few contents are in
 * nearly every layer, and images share layers.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDatabase, quote } from '../../src/analysis/dataset/database.ts';
import { openDataset } from '../../src/analysis/dataset/dataset.ts';
import { buildReport } from '../../src/analysis/metrics/report.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    'rows-of-layer': { type: 'string', default: '100000' },
    /** The set is made once, and used again when it is there. */
    folder: { type: 'string' },
    keep: { type: 'boolean', default: false },
    /** MiB that DuckDB may take. */
    memory: { type: 'string' },
  },
});

const rows = Number(values.rows);
const rowsOfLayer = Number(values['rows-of-layer']);
const layers = Math.ceil(rows / rowsOfLayer);
const folder = values.folder ?? join(tmpdir(), `stowage-large-${rows}`);
const TYPES = Array.from({ length: 120 }, (_, i) => ({
  group: `group ${i % 8}`,
  type: i === 1 ? 'empty' : `type ${i}`,
}));

/** One layer: 90 % files, the others directories; 50 files in a directory. */
function layerSql(layer: number): string {
  return `
    WITH numbered AS (
      SELECT
        i,
        -- Skewed: low numbers of contents come most.
        floor(pow((hash(i, ${layer}) % 1000000007) / 1000000007.0, 4) * ${rows} * 0.6)::BIGINT AS content
      FROM range(${rowsOfLayer}) AS numbers(i)
    )
    SELECT
      ${layer}::INTEGER AS layer,
      i::INTEGER AS entry,
      'usr/lib/package-' || (i // 1000 + content % 7) || '/part' || (i // 50) || '/file-' || i || '.txt' AS path,
      'usr/lib/package-' || (i // 1000 + content % 7) || '/part' || (i // 50) AS directory,
      (hash(i // 50) >> 1)::BIGINT AS folder,
      (i % 10 = 9)::UTINYINT AS kind,
      CASE WHEN i % 10 = 9 THEN 0 ELSE (hash(content, 1) % 64000)::BIGINT END AS size,
      CASE WHEN i % 10 = 9 THEN 0 ELSE (hash(content, 1) % 21000)::BIGINT END AS packed_size,
      CASE WHEN i % 10 <> 9 THEN (hash(content, 2) >> 1)::BIGINT END AS hash0,
      CASE WHEN i % 10 <> 9 THEN (hash(content, 3) >> 1)::BIGINT END AS hash1,
      CASE WHEN i % 10 <> 9 THEN (hash(content, 4) >> 1)::BIGINT END AS hash2,
      CASE WHEN i % 10 <> 9 THEN (hash(content, 5) >> 1)::BIGINT END AS hash3,
      CASE WHEN i % 10 <> 9 THEN content % 120 ELSE 0 END::USMALLINT AS type,
      420::USMALLINT AS mode,
      0::BIGINT AS uid,
      0::BIGINT AS gid,
      1.7e9 + i AS mtime,
      NULL::VARCHAR AS link,
      NULL::INTEGER AS target,
      FALSE AS linked,
      FALSE AS superseded
    FROM numbered`;
}

async function makeSet(): Promise<void> {
  mkdirSync(join(folder, 'entries'), { recursive: true });
  const database = await openDatabase(join(folder, 'scratch'));
  const lines: string[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const path = join(folder, 'entries', `${String(layer).padStart(8, '0')}.parquet`);
    await database.run(
      `COPY (${layerSql(layer)}) TO ${quote(path)} (FORMAT parquet, COMPRESSION zstd)`,
    );
    lines.push(
      JSON.stringify({
        layer,
        id: `layer ${layer}`,
        source: 0,
        digest: `sha256:${layer}`,
        diff_id: `sha256:${layer}`,
        media_type: '',
        compression: 'gzip',
        stored_size: 1_000_000 + layer,
        archive_size: 3_000_000 + layer,
        entries: rowsOfLayer,
        directories: rowsOfLayer / 50,
        max_depth: 4,
        mean_depth: 3,
        median_depth: 3,
        has_chunks: false,
        remarks: [],
      }),
    );
  }
  await database.close();
  // Five layers for an image, every other layer in two of them.
  const images = Array.from({ length: Math.max(1, Math.floor(layers / 4)) }, (_, image) => ({
    image,
    source: 0,
    name: `app${image % 40}:v${image}`,
    repository: `app${image % 40}`,
    digest: `sha256:image ${image}`,
    platform: null,
    created: null,
    pulls: image * 10,
    stars: null,
    layers: Array.from({ length: 5 }, (__, i) => `layer ${(image * 4 + i) % layers}`),
  }));
  const source = { source: 0, kind: 'registry', title: 'synthetic', unknown: {} };
  writeFileSync(join(folder, 'sources.jsonl'), `${JSON.stringify(source)}\n`);
  writeFileSync(join(folder, 'images.jsonl'), images.map((i) => `${JSON.stringify(i)}\n`).join(''));
  // Last: the set is there when it is.
  writeFileSync(join(folder, 'layers.jsonl'), lines.map((line) => `${line}\n`).join(''));
}

const started = performance.now();
if (!existsSync(join(folder, 'layers.jsonl'))) await makeSet();
const megabytes = () => (process.resourceUsage().maxRSS / 1024).toFixed(0);
console.log(
  `${rows} rows in ${layers} layers, made in ${((performance.now() - started) / 1000).toFixed(0)} s; peak RSS until then ${megabytes()} MiB`,
);

const dataset = await openDataset(folder, {
  types: TYPES,
  ...(values.memory === undefined ? {} : { memory: Number(values.memory) * 1024 * 1024 }),
});
const cpu = process.cpuUsage();
const report = await buildReport(dataset, {
  version: 'bench',
  createdAt: new Date(),
  problems: [],
  leftOut: [],
  timings: { scanSeconds: 0, scanCpuSeconds: 0, bytesRead: 0, bytesUnpacked: 0, files: 0 },
  signal: new AbortController().signal,
  steps: (name, seconds) => {
    console.log(
      `${name.padEnd(40)} ${seconds.toFixed(1).padStart(8)} s   peak RSS ${megabytes()} MiB`,
    );
  },
});
const { user, system } = process.cpuUsage(cpu);
await dataset.close();
const { overall } = report.correct.dedup;
console.log(
  `${overall.files} files, ${overall.distinctFiles} distinct, ratio ${overall.countRatio?.toFixed(2)} by count and ${overall.byteRatio?.toFixed(2)} by bytes`,
);
console.log(
  `all queries ${report.timings.querySeconds.toFixed(0)} s, ${((user + system) / 1e6).toFixed(0)} CPU s, peak RSS ${megabytes()} MiB`,
);
if (!values.keep) rmSync(folder, { recursive: true, force: true });
