import { describe, expect, it } from 'vitest';
import { showPublished, ZHAO_2019 } from '../../../src/analysis/report/baseline.ts';
import { compare } from '../../../src/analysis/report/comparison.ts';
import { emptyReport, reportWithUnknowns } from './edge-reports.ts';
import { sampleReport } from './sample.ts';

const sample = sampleReport();
const rows = compare(sample);

function rowOf(key: string, report = sample) {
  return compare(report).find((row) => row.key === key)!;
}

describe('the study beside ours', () => {
  it('shows every published value, and each key once', () => {
    const keys = rows.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(Object.keys(ZHAO_2019).filter((key) => !keys.includes(key))).toEqual([]);
  });

  it('takes for verified what has a source, and nothing that is only recalled', () => {
    for (const { mark, verified } of Object.values(ZHAO_2019)) {
      expect(verified).toBe(mark === 'P' || mark === 'S' || mark === 'R+');
    }
    expect(Object.values(ZHAO_2019).filter(({ verified }) => !verified).length).toBeGreaterThan(20);
  });

  it('has the published values in the units of ours', () => {
    expect(ZHAO_2019['layers.compressedSize.p90']!.value).toBe(63_000_000);
    expect(ZHAO_2019['dedup.overall.duplicateBytes']!.value).toBe(0.8569);
    expect(showPublished(ZHAO_2019['layers.compressedSize.p50']!, 'bytes')).toBe('< 4 MB');
    expect(showPublished(ZHAO_2019['dedup.images.interByCount.p10']!, 'share')).toBe('> 99.4 %');
    for (const { unit, baseline } of rows) {
      if (unit === 'share' && baseline !== undefined) expect(baseline.value).toBeLessThanOrEqual(1);
    }
  });

  it('reads every figure of a report that has all of them', () => {
    expect(rows.filter(({ correct, paper }) => correct === null || paper === null)).toEqual([]);
  });

  it('reads the right ones', () => {
    const { layers, dedup, types } = sample.correct;
    expect(rowOf('layers.compressedSize.p90').correct).toBe(layers.compressedSize!.p90);
    expect(rowOf('layers.compressedSize.p90').paper).toBe(sample.paper.layers.compressedSize!.p90);
    expect(rowOf('layers.withOneFile').correct).toBe(layers.withOneFile / layers.count);
    expect(rowOf('dedup.overall.distinctShare').correct).toBe(
      dedup.overall.distinctFiles / dedup.overall.files,
    );
    expect(rowOf('dedup.growth.1000.byteRatio').correct).toBe(
      dedup.growth.find((point) => point.layers === 1000)!.byteRatio[1],
    );
    const eol = types.find(({ group, type }) => group === 'EOL' && type === '')!;
    expect(rowOf('types.eol.duplicateBytes').correct).toBe(1 - eol.distinctBytes / eol.bytes);
    expect(rowOf('dedup.mostBytes').correct).toBe(
      dedup.mostBytes[0]!.copies * dedup.mostBytes[0]!.size,
    );
  });

  it('sums up types within their groups', () => {
    const { types } = sample.correct;
    const of = (group: string, ...names: string[]) => {
      const rows = types.filter((row) => row.group === group);
      const whole = rows.find(({ type }) => type === '')!;
      const parts = rows.filter(({ type }) => names.includes(type));
      expect(parts.length).toBe(names.length);
      const share = (read: (row: (typeof rows)[number]) => number) =>
        parts.reduce((sum, row) => sum + read(row), 0) / read(whole);
      return [whole.files, share(({ files }) => files), share(({ bytes }) => bytes)];
    };
    const shown = (name: string) => {
      const [files, bytes] = ['countOfGroup', 'bytesOfGroup'].map((key) =>
        rowOf(`types.${name}.${key}`),
      );
      return [files!.n, files!.correct, bytes!.correct];
    };
    expect(shown('eol.elf')).toEqual(of('EOL', 'elf-shared', 'elf-executable'));
    expect(shown('archives.zip')).toEqual(of('archives', 'zip', 'gzip'));
    expect(shown('scripts.python')).toEqual(of('scripts', 'python'));
    expect(shown('documents.markup')).toEqual(of('documents', 'html', 'xml'));
    expect(shown('databases.sqlite')).toEqual(of('databases', 'sqlite'));
    // The group is there, and none of these are.
    expect(rowOf('types.databases.mysql.countOfGroup').correct).toBe(0);
  });

  it('has only what several notes tell alike of types within groups for verified', () => {
    const verified = rows.filter(
      ({ section, baseline }) => section.startsWith('Within groups') && baseline!.verified,
    );
    expect(verified.map(({ key, baseline }) => [key, showPublished(baseline!, 'share')])).toEqual([
      ['types.scripts.python.countOfGroup', '53.5 %'],
      ['types.scripts.python.bytesOfGroup', '66 %'],
      ['types.archives.zip.countOfGroup', '96 %'],
      ['types.archives.zip.bytesOfGroup', '70 %'],
      ['types.databases.sqlite.countOfGroup', '7 %'],
      ['types.databases.sqlite.bytesOfGroup', '> 57 %'],
    ]);
  });

  it('says over how many each figure is', () => {
    const { layers, images, dedup, types } = sample.correct;
    expect(rowOf('layers.files.p50').n).toBe(layers.count);
    expect(rowOf('images.files.p50').n).toBe(images!.count);
    expect(rowOf('dedup.overall.byteRatio').n).toBe(dedup.overall.files);
    expect(rowOf('dedup.growth.1000.countRatio').n).toBe(1000);
    const scripts = types.find(({ group, type }) => group === 'scripts' && type === '')!;
    expect(rowOf('types.scripts.duplicateBytes').n).toBe(scripts.files);
  });

  it('gives the reason where the sources cannot tell a figure', () => {
    const unknown = reportWithUnknowns();
    expect(rowOf('layers.compressedSize.p50', unknown)).toMatchObject({
      correct: null,
      reason: 'the tars are not compressed',
    });
    expect(rowOf('images.layers.max', unknown).reason).toBe('a tar belongs to no image');
    expect(rowOf('layers.files.p50', unknown).reason).toBe('');
  });

  it('has no figure of nothing', () => {
    const figures = compare(emptyReport()).filter(({ correct }) => correct !== null);
    expect(figures.filter(({ correct }) => correct !== 0)).toEqual([]);
  });
});
