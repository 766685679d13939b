/** Runs the SQL of the analysis as docs/analysis-dataset.md says, by DuckDB and the Parquet files alone. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CREATE_RAW } from '../../src/analysis/dataset/columns.ts';
import { type AnalysisReport, analyze, openSources } from '../../src/analysis/index.ts';
import { imageOfLayers, makeLayer } from '../analysis/sources/support.ts';
import { writeLayout } from '../support/images.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { blocksOf, ROOT, readDocument } from './documents.ts';

const QUERIES = join(ROOT, 'src/analysis/queries');
/** Tables of the dataset. */
const DATASET = ['entries', 'chunks', 'layers', 'images', 'image_layers', 'types'];
/** On tables of one layer that is being read. */
const OF_ONE_LAYER = ['layer-links', 'layer-directories', 'layer-entries'];
const ONE_LAYER = `${CREATE_RAW}; CREATE TABLE links (entry INTEGER, target INTEGER, is_hard BOOLEAN);
  SET VARIABLE layer = 1`;

const document = await readDocument('docs/analysis-dataset.md');

interface Query {
  readonly name: string;
  readonly needs: readonly string[];
  readonly makes: readonly string[];
}

const listOf = (text: string): string[] => text.replaceAll('`', '').split(', ');

/** The table, in its order. */
const table = /^\| `\.sql` \| needs \| makes \|\n.*\n((?:\|.*\n)+)/m.exec(document.text)![1]!;
const documented = [...table.matchAll(/^\| `(.*)` \| (.*) \| (.*) \|$/gm)].map(
  ([, name, needs, makes]): Query => ({
    name: name!,
    needs: listOf(needs!),
    makes: listOf(makes!),
  }),
);

const textOf = (name: string): Promise<string> => readFile(join(QUERIES, `${name}.sql`), 'utf8');

/** The head of a file. */
async function headOf(name: string): Promise<Query> {
  const [, needs, makes] = /^-- needs: (.*)\n-- makes: (.*)\n/.exec(await textOf(name))!;
  return { name, needs: listOf(needs!), makes: listOf(makes!) };
}

/** Statements of the document that make what no file does, by what they make. */
const byHand = new Map(
  blocksOf(document, 'sql')
    .find((block) => block.includes('SET VARIABLE'))!
    .replaceAll(/^--.*\n/gm, '')
    .split(';\n')
    .filter((statement) => statement.trim() !== '')
    .map((statement) => {
      const [, kind, name] = /^(?:CREATE|SET) (\w+) (\w+)/.exec(statement)!;
      return [kind === 'VARIABLE' ? `$${name}` : name!, statement];
    }),
);

/** Of what a query needs: tables and views. */
const tablesOf = (names: readonly string[]) =>
  names
    .map((name) => name.replace('+', ''))
    .filter((name) => /^\w+$/.test(name) && name !== 'rows');

describe('docs/analysis-dataset.md: the queries', () => {
  let folder: string;
  let report: AnalysisReport;

  const open: DuckDBInstance[] = [];

  async function openPlain(): Promise<DuckDBConnection> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    open.push(instance);
    return await instance.connect();
  }

  /** Views of the Parquet files, by the statements of the document. */
  async function openParquet(): Promise<DuckDBConnection> {
    const connection = await openPlain();
    const [views] = blocksOf(document, 'sql').filter((block) => block.startsWith('CREATE VIEW'));
    for (const line of views!.split('\n').filter((text) => text.startsWith('CREATE'))) {
      await connection.run(line.replace("'", `'${folder}/data/`));
    }
    return connection;
  }

  async function rowsOf(connection: DuckDBConnection, sql: string) {
    return (await connection.runAndReadAll(sql)).getRowObjects();
  }

  /** Tables, views and macros. */
  async function contentOf(connection: DuckDBConnection): Promise<string[]> {
    const rows = await rowsOf(
      connection,
      `SELECT table_name AS name FROM duckdb_tables()
       UNION SELECT view_name FROM duckdb_views() WHERE NOT internal
       UNION SELECT function_name || '()' FROM duckdb_functions()
       WHERE function_type = 'macro' AND NOT internal`,
    );
    return rows.map(({ name }) => String(name)).sort();
  }

  beforeAll(async () => {
    folder = await makeTemporary('queries');
    const text = (word: string) => Buffer.from(`${word} `.repeat(500));
    const base = makeLayer([
      { path: 'etc/' },
      { path: 'etc/os', bytes: text('base') },
      { path: 'etc/name', bytes: text('name') },
      { path: 'etc/hard', hardLink: 'etc/os' },
      { path: 'etc/soft', link: 'os' },
    ]);
    const ownOf = (name: string) =>
      makeLayer([
        { path: 'etc/os', bytes: text(name) },
        { path: 'etc/.wh.name' },
        { path: 'app', bytes: text('app') },
        { path: 'run', bytes: Buffer.alloc(0) },
      ]);
    const images = ['one', 'two'].map((name) => imageOfLayers([base, ownOf(name)]));
    await writeLayout(join(folder, 'layout'), { v1: images[0]!, v2: images[1]! });
    const { signal } = new AbortController();
    const options = { folder: join(folder, 'crawl') };
    const sources = await openSources([join(folder, 'layout')], options, signal);
    report = await analyze({
      ...{ sources, folder: join(folder, 'data'), version: 'test', threads: 1, signal },
      chunks: ['fixed-4096'],
    });
    for (const source of sources) await source.close();
  });

  afterEach(() => {
    for (const instance of open.splice(0)) instance.closeSync();
  });

  afterAll(() => removeTemporary(folder));

  it('are all there, with what they need and make as it stands in the files', async () => {
    const files = (await readdir(QUERIES)).filter((name) => name.endsWith('.sql'));
    const heads = await Promise.all(files.map((file) => headOf(file.replace('.sql', ''))));
    const byName = (a: Query, b: Query) => (a.name < b.name ? -1 : 1);
    expect(documented.toSorted(byName)).toEqual(heads.sort(byName));
  });

  it('name the variables that they read', async () => {
    for (const { name, needs } of documented) {
      const read = [...(await textOf(name)).matchAll(/getvariable\('(\w+)'\)/g)];
      const named = needs.filter((need) => need.startsWith('$'));
      expect([...new Set(read.map(([, variable]) => `$${variable}`))].sort()).toEqual(named.sort());
    }
  });

  describe.each(['correct', 'paper'] as const)('in the mode %s', (mode) => {
    const other = mode === 'correct' ? '-paper' : '-correct';
    const queries = documented.filter(
      ({ name }) => !name.endsWith(other) && !OF_ONE_LAYER.includes(name),
    );
    const results = new Map<string, Record<string, unknown>[]>();
    const dumpOf = (query: string, table: string) =>
      join(folder, mode, query, `${table.replace('+', '')}.parquet`);

    // Each of the others starts from what this one leaves.
    it('run in the order of the table, and give what the report has', async () => {
      const connection = await openParquet();
      const there = new Set(DATASET);
      for (const { name, needs, makes } of queries) {
        for (const wanted of [...needs, ...makes.filter((one) => one.startsWith('+'))]) {
          const what = wanted.replace('+', '');
          if (there.has(what)) continue;
          const statement = byHand.get(what);
          if (statement === undefined) throw new Error(`nothing makes ${what}, for ${name}`);
          await connection.run(statement);
          there.add(what);
        }
        await mkdir(join(folder, mode, name), { recursive: true });
        const read = tablesOf([...needs, ...makes.filter((one) => one.startsWith('+'))]);
        for (const table of read) {
          await connection.run(`COPY (FROM ${table}) TO '${dumpOf(name, table)}'`);
        }
        results.set(name, await rowsOf(connection, await textOf(name)));
        for (const made of makes) if (made !== 'rows') there.add(made.replace('+', ''));
        for (const table of tablesOf(makes)) await connection.run(`FROM ${table}`);
      }
      const { dedup, sharing } = report[mode];
      expect(results.get('dedup')).toEqual([
        {
          files: BigInt(dedup.overall.files),
          bytes: BigInt(dedup.overall.bytes),
          distinct_files: BigInt(dedup.overall.distinctFiles),
          distinct_bytes: BigInt(dedup.overall.distinctBytes),
          singletons: BigInt(dedup.overall.singletons),
        },
      ]);
      expect(results.get('sharing')).toMatchObject([
        {
          with_sharing: BigInt(sharing!.withSharing),
          without_sharing: BigInt(sharing!.withoutSharing),
        },
      ]);
      expect(results.get('types')).toHaveLength(report[mode].types.length);
      expect(results.get('repositories')).toHaveLength(report.waste.repositories.length);
      const [waste] = await rowsOf(
        connection,
        'SELECT sum(bytes - visible_bytes)::BIGINT AS wasted, count(*) AS images FROM image_waste',
      );
      const wasted = report.waste.images.reduce((sum, { wastedBytes }) => sum + wastedBytes, 0);
      expect([waste, wasted > 0]).toEqual([{ wasted: BigInt(wasted), images: 2n }, true]);
    });

    /** A database with nothing but some of what a query needs. */
    async function openWith(query: Query, needs: readonly string[]): Promise<DuckDBConnection> {
      const connection = await openPlain();
      for (const table of tablesOf(needs)) {
        await connection.run(`CREATE TABLE ${table} AS FROM '${dumpOf(query.name, table)}'`);
      }
      for (const macro of needs.filter((need) => need.endsWith('()'))) {
        const maker = queries.find(({ makes }) => makes.includes(macro))!;
        const start = `CREATE OR REPLACE TEMP MACRO ${macro.slice(0, -1)}`;
        const statement = (await textOf(maker.name)).split(start)[1]!.split(';')[0]!;
        await connection.run(`${start}${statement}`);
      }
      for (const need of needs.filter((one) => one.startsWith('$'))) {
        const statement = byHand.get(need)!;
        await connection.run(statement.replace(/\(SELECT.*\)/, '1'));
      }
      return connection;
    }

    it.each(queries)('$name needs what it says, and no more', async (query) => {
      const needs = [...query.needs, ...query.makes.filter((made) => made.startsWith('+'))];
      const text = await textOf(query.name);
      const connection = await openWith(query, needs);
      const before = await contentOf(connection);
      const result = await connection.runAndReadAll(text);
      const made = (await contentOf(connection)).filter((name) => !before.includes(name));
      const said = query.makes.filter((name) => name !== 'rows' && !name.startsWith('+'));
      expect(made).toEqual(said.toSorted());
      // Statements that make something give the number of rows.
      const givesRows = result.columnNames().join() !== 'Count' && result.columnCount > 0;
      expect(givesRows).toBe(query.makes.includes('rows'));
      for (const missing of needs.filter((need) => !need.startsWith('$'))) {
        const without = needs.filter((need) => need !== missing);
        await expect((await openWith(query, without)).run(text)).rejects.toThrow(
          /not exist|with name/,
        );
      }
    });
  });

  it('of one layer run on its tables', async () => {
    const connection = await openPlain();
    await connection.run(ONE_LAYER);
    await connection.run(
      `INSERT INTO raw (entry, path, directory, kind, leads_to)
       VALUES (0, 'etc/os', 'etc', 0, NULL), (1, 'etc/link', 'etc', 2, 'etc/os')`,
    );
    for (const name of OF_ONE_LAYER) {
      const rows = await rowsOf(connection, await textOf(name));
      if (name === 'layer-directories')
        expect(rows).toEqual([{ directories: 1n, max_depth: 1n, mean_depth: 1, median_depth: 1 }]);
      if (name === 'layer-entries')
        expect(rows.map(({ target }) => target).sort()).toEqual([0, null]);
    }
  });
});
