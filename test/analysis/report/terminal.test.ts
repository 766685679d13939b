import fc from 'fast-check';
import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { compare } from '../../../src/analysis/report/comparison.ts';
import { htmlReport } from '../../../src/analysis/report/html.ts';
import { terminalReport } from '../../../src/analysis/report/terminal.ts';
import { emptyReport, reportWithUnknowns, tinyReport } from './edge-reports.ts';
import { hostileText, withTexts } from './hostile.ts';
import { sampleReport } from './sample.ts';

const sample = sampleReport();

function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}

describe('the summary for terminals', () => {
  it.each([
    ['a registry', sample],
    ['one image', tinyReport()],
    ['what is unknown', reportWithUnknowns()],
    ['nothing', emptyReport()],
  ])('fits 80 columns and a screen: %s', (_, report) => {
    const text = terminalReport(report);
    expect(widest(text)).toBeLessThanOrEqual(80);
    expect(text.split('\n').length).toBeLessThanOrEqual(50);
    expect(text).not.toMatch(/NaN|undefined|null|Infinity/);
    expect(text.endsWith('\n')).toBe(true);
  });

  it('says how much is copies, and what would help', () => {
    const { correct, waste, estimate } = sample;
    const text = terminalReport(sample);
    expect(text).toContain(
      `Of ${(correct.dedup.overall.bytes / 1e9).toFixed(0)} GB in files, ${(waste.duplicateBytes / 1e9).toFixed(0)} GB (80.0 %) are copies.`,
    );
    expect(text).toContain(`${(100 * (1 - estimate.dedup! / estimate.off!)).toFixed(1)} % less`);
    expect(terminalReport(reportWithUnknowns())).toContain('cannot be told from these sources');
    expect(terminalReport(emptyReport())).toContain('There are no files in what was read.');
  });

  it('says when bytes of shared layers are those of tars', () => {
    expect(terminalReport(sample)).toContain('layers that images share');
    const sharing = { ...sample.correct.sharing!, measuredBy: 'archive-size' as const };
    const correct = { ...sample.correct, sharing };
    expect(terminalReport({ ...sample, correct })).toContain('shared layers, as tars');
    expect(htmlReport({ ...sample, correct })).toContain(' of tars if each image kept its own');
    const ratio = compare({ ...sample, correct }).find(({ key }) => key === 'sharing.ratio');
    expect(ratio).toMatchObject({ correct: null, paper: sample.paper.sharing!.ratio });
  });

  it('says first that something is missing, how much, of what kind, and what', () => {
    const problems = [
      { what: `layer sha256:${'a'.repeat(64)}`, reason: 'the connection was cut' },
      ...Array.from({ length: 4 }, (_, i) => ({ what: `app:v${i}`, reason: 'why '.repeat(40) })),
    ];
    const lines = terminalReport({ ...sample, problems }).split('\n');
    expect(lines.slice(0, 7)).toEqual([
      'These figures are not of all: 5 problems',
      '1 with layers, 4 with images, or names or lists of them:',
      `  …${'a'.repeat(33)}: the connection was cut`,
      expect.stringMatching(/^ {2}app:v0: why .*…$/),
      expect.stringMatching(/^ {2}app:v1: why .*…$/),
      '  and 2 more, which --html, --csv and --json list',
      '',
    ]);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const whole = terminalReport({ ...sample, problems: [] });
    expect(whole.split('\n')[0]).toBe(sample.sources[0]!.title);
    expect(whole).not.toContain('problem');
  });

  it('keeps the name of an image, and shortens the source that tells it from another', () => {
    const [first, ...others] = sample.waste.images;
    const image = `team/app:v1 (OCI layout ${'long/'.repeat(12)}end)`;
    const images = [{ ...first!, image, wastedBytes: 1e15 }, ...others];
    const text = terminalReport({ ...sample, waste: { ...sample.waste, images } });
    expect(text).toMatch(/^team\/app:v1 …(ong|long|ng|g)?\/(long\/)+end\) /m);
    expect(widest(text)).toBeLessThanOrEqual(80);
  });

  it('names the images that waste most, worst first', () => {
    const worst = sample.waste.images.toSorted((a, b) => b.wastedBytes - a.wastedBytes);
    const lines = terminalReport(sample).split('\n');
    const title = lines.findIndex((line) => line.startsWith('images that waste most'));
    expect(lines.slice(title + 1, title + 4).map((line) => line.split(' ')[0])).toEqual(
      worst.slice(0, 3).map(({ image }) => image),
    );
  });

  it('says what a sample was drawn from, in whole words', () => {
    const note =
      '100 pages (3 more could not be had) on 2026-11-30: 500 of 9,876 names, by pull counts, seed 4711';
    const sources = [{ kind: 'docker-hub', title: 'Docker Hub, search for "a"', note }];
    const lines = terminalReport({ ...sample, sources }).split('\n');
    const title = lines.indexOf('Docker Hub, search for "a"');
    const told = lines.slice(title + 1, title + 3);
    expect(told.map((line) => line.slice(0, 2))).toEqual(['  ', '  ']);
    expect(told.map((line) => line.trim()).join(' ')).toBe(note);
    const endless = [{ ...sources[0]!, note: 'x'.repeat(500) }];
    expect(widest(terminalReport({ ...sample, sources: endless }))).toBeLessThanOrEqual(80);
  });

  it('colours where it may, and changes nothing else', () => {
    const colored = terminalReport(sample, picocolors.createColors(true));
    expect(colored).toContain('\u001b[');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what colours are made of
    expect(colored.replace(/\u001b\[\d+m/g, '')).toBe(terminalReport(sample));
  });

  it('lets nothing in names move the cursor, begin a line or push a column', () => {
    const tiny = tinyReport();
    const lines = terminalReport(withTexts(tiny, () => 'x')).split('\n').length;
    fc.assert(
      fc.property(fc.array(hostileText, { minLength: 1, maxLength: 9 }), (texts) => {
        let i = 0;
        const text = terminalReport(withTexts(tiny, () => texts[i++ % texts.length]!));
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what is looked for
        expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
        expect(text.split('\n').length).toBe(lines);
        expect(widest(text)).toBeLessThanOrEqual(80);
      }),
    );
  });
});
