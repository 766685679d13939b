import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvReport } from '../../../src/analysis/report/csv.ts';
import { emptyReport, tinyReport } from './edge-reports.ts';
import { hostileText, withTexts } from './hostile.ts';
import { sampleReport } from './sample.ts';

/** Reads RFC 4180, and nothing that is not. */
function parse(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length) {
    const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
    cell.lastIndex = at;
    const found = cell.exec(text);
    if (found === null) throw new Error(`no CSV from ${JSON.stringify(text.slice(at, at + 40))}`);
    row.push(found[1]?.replaceAll('""', '"') ?? found[2]!);
    at = cell.lastIndex;
    if (found[3] === '\r\n') {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

function tableOf(files: ReadonlyMap<string, string>, name: string): Record<string, string>[] {
  const [columns = [], ...rows] = parse(files.get(name)!);
  return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]!])));
}

describe('the report as CSV', () => {
  const sample = sampleReport();
  const files = csvReport(sample);

  it('has whole rows under a heading in every table, also without any', () => {
    for (const set of [files, csvReport(emptyReport()), csvReport(tinyReport())]) {
      expect([...set.keys()]).toEqual([...files.keys()]);
      for (const text of set.values()) {
        const [columns, ...rows] = parse(text);
        expect(columns!.every((name) => /^[A-Za-z0-9]+$/.test(name))).toBe(true);
        expect(rows.filter((row) => row.length !== columns!.length)).toEqual([]);
      }
    }
  });

  it('has the figures as plain numbers, in both modes', () => {
    const rows = tableOf(files, 'distributions.csv');
    const row = rows.find(
      ({ mode, figure }) => mode === 'paper' && figure === 'layers.compressedSize',
    )!;
    const { p50, max, count } = sample.paper.layers.compressedSize!;
    expect([row.p50, row.max, row.count]).toEqual([p50, max, count].map(String));
    const points = tableOf(files, 'cdfs.csv').filter(
      ({ mode, figure }) => mode === 'correct' && figure === 'dedup.copies',
    );
    expect(points.map(({ value, share }) => [Number(value), Number(share)])).toEqual(
      sample.correct.dedup.copies.cdf,
    );
    const groups = rows.filter(
      ({ mode, figure }) => mode === 'correct' && figure!.startsWith('fileSizes.byGroup.'),
    );
    expect(groups.map(({ figure, p99 }) => [figure!.split('.')[2], Number(p99)])).toEqual(
      Object.entries(sample.correct.fileSizes.byGroup).map(([group, sizes]) => [group, sizes.p99]),
    );
    expect(tableOf(files, 'images.csv').length).toBe(sample.waste.images.length);
  });

  it('says of published values whether they are verified', () => {
    const rows = tableOf(files, 'comparison.csv');
    expect(rows.find(({ key }) => key === 'layers.files.p50')).toMatchObject({
      hub2017: '30',
      mark: 'R',
      verified: 'false',
    });
  });

  it('keeps any text, with an apostrophe where a spreadsheet would run it', () => {
    const tiny = tinyReport();
    fc.assert(
      fc.property(hostileText, (text) => {
        const report = withTexts(tiny, () => text);
        const [row] = tableOf(csvReport(report), 'largest-files.csv');
        expect(row!.path).toBe(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
      }),
    );
  });
});
