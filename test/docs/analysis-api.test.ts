/** Runs the examples of docs/analysis-api.md, and holds its tables to the types. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as api from '../../src/analysis/index.ts';
import { imageOfLayers, makeLayer } from '../analysis/sources/support.ts';
import { type PublicModule, readModule } from '../analysis/support/public-types.ts';
import { type TestImage, writeLayout, writeLayoutArchive } from '../support/images.ts';
import { run } from '../support/run.ts';
import { makeTemporary, removeTemporary } from '../support/temporary.ts';
import { blocksOf, firstCellsOf, ROOT, readDocument } from './documents.ts';

const INDEX = join(ROOT, 'src/analysis/index.ts');

const document = await readDocument('docs/analysis-api.md');
const examples = blocksOf(document, 'ts').map((text, i) => ({
  name: `example-${i}.ts`,
  text: text.replaceAll("'stowage/analysis'", JSON.stringify(INDEX)),
}));

function imageOf(release: string): TestImage {
  const bytes = Buffer.from(`${release} `.repeat(2000));
  return imageOfLayers([
    makeLayer([{ path: 'etc/' }, { path: 'etc/os', bytes: Buffer.from('base') }]),
    makeLayer([{ path: 'app', bytes }, { path: 'copy', bytes }, { path: release }]),
  ]);
}

describe('docs/analysis-api.md', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await makeTemporary('api-examples');
    const [one, two] = [imageOf('one'), imageOf('two')];
    await writeLayout(join(folder, 'layout'), { v1: one, v2: two });
    await writeLayoutArchive(join(folder, 'old.tar'), { v1: one });
    await writeLayoutArchive(join(folder, 'new.tar'), { v2: two });
    for (const { name, text } of examples) await writeFile(join(folder, name), text);
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  });

  afterAll(() => removeTemporary(folder));

  it('has examples that keep to the types', async () => {
    const settings = [
      ...['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes', '--noEmit'],
      ...['--target', 'es2024', '--module', 'nodenext', '--allowImportingTsExtensions'],
      ...['--skipLibCheck', '--typeRoots', join(ROOT, 'node_modules/@types'), '--types', 'node'],
      ...['--lib', 'es2024,esnext.typedarrays,esnext.disposable', '--resolveJsonModule'],
    ];
    await run(
      process.execPath,
      [join(ROOT, 'node_modules/ts7/bin/tsc'), ...settings, ...examples.map(({ name }) => name)],
      { cwd: folder },
    );
  });

  // Later ones read what earlier ones wrote.
  it('has examples that run', async () => {
    const printed: string[] = [];
    for (const { name } of examples) {
      printed.push(await run(process.execPath, [name], { cwd: folder }));
    }
    const [report, gate, diff, sql, steps, cancelled] = printed;
    expect(report).toMatch(/^each file once: 2\.00 times less$/m);
    expect(gate).toBe('');
    expect(diff!.split('\n').slice(0, 2)).toEqual(['changed app content', 'changed copy content']);
    expect(sql).toMatch(/'' +│ 6 +│ 32000 [\s\S]* 'acd512ca2584129c6278e2f27a7633d3' │ 2 +│ 8000 /);
    expect(steps).toMatch(
      /^3 layers, \d+ bytes, 0 problems\nhalf of the layers have 3 files at most$/,
    );
    expect([cancelled, printed.length]).toEqual(['', 6]);
  });

  describe('has every option, and every error', () => {
    let module: PublicModule;
    const named = firstCellsOf(document).flatMap((cell) => cell.replaceAll('`', '').split(', '));

    beforeAll(() => {
      module = readModule(INDEX);
    });

    it.each([
      'OpenOptions',
      'AnalyzeOptions',
      'GateLimits',
      'DatasetOptions',
      'ScannerOptions',
      'CollectOptions',
    ])('of %s', (type) => {
      expect(module.propertiesOf(type).filter((name) => !named.includes(name))).toEqual([]);
    });

    it('that can be told apart', () => {
      const errors = Object.entries(api).filter(
        ([, value]) => typeof value === 'function' && value.prototype instanceof Error,
      );
      expect(errors.map(([name]) => name).filter((name) => !named.includes(name))).toEqual([]);
    });
  });
});
