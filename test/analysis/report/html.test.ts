import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import type { AnalysisReport } from '../../../src/analysis/metrics/schema.ts';
import { typeHeatmap } from '../../../src/analysis/report/charts/heatmap.ts';
import { typeTreemap } from '../../../src/analysis/report/charts/treemap.ts';
import { htmlReport } from '../../../src/analysis/report/html.ts';
import { besideDockerHub } from '../../../src/analysis/report/page/beside.ts';
import { waste } from '../../../src/analysis/report/page/copies.ts';
import { overview, remarks, whatWouldHelp } from '../../../src/analysis/report/page/overview.ts';
import { emptyReport, reportWithUnknowns, tinyReport } from './edge-reports.ts';
import { hostileText, withTexts } from './hostile.ts';
import { sampleReport } from './sample.ts';

const sample = sampleReport();
const page = htmlReport(sample);
const { document } = parseHTML(page);

function figureOf(begin: string, isWhole = false) {
  return [...document.querySelectorAll('figure.chart')].find((one) => {
    const title = one.querySelector('figcaption')!.textContent;
    return isWhole ? title === begin : title.startsWith(begin);
  })!;
}

/** Tags of areas of types, with the names of attributes that they have. */
const TREEMAP =
  /^(?:(?:html|head|body|figcaption|title) *|figure class|p class|svg class viewBox role aria-label|g transform|rect width height fill|text x y(?: class)?|text class x y)$/;

/** The same of shades of types. */
const HEATMAP =
  /^(?:(?:html|head|body|figcaption|title) *|figure class|p class|svg class viewBox role aria-label|g class(?: transform)?|rect class (?:x y )?width height(?: style)?|text (?:class )?x y(?: text-anchor)?)$/;

/** Tags and names of attributes, in order: what a text must not change. */
function skeleton(markup: string): string[] {
  const { document: parsed } = parseHTML(`<!doctype html><html><body>${markup}</body></html>`);
  return [...parsed.querySelectorAll('*')].map(
    (element) => `${element.localName} ${element.getAttributeNames().join(' ')}`,
  );
}

/** All parts of the page in which texts from outside stand. */
function parts(report: AnalysisReport): string {
  return [
    overview(report),
    whatWouldHelp(report),
    waste(report),
    besideDockerHub(report),
    remarks(report),
  ].join('\n');
}

describe('the report as a page', () => {
  it('allows itself nothing but inline style, and asks for nothing', () => {
    const policy = document.querySelector('meta[http-equiv="Content-Security-Policy"]')!;
    expect(policy.getAttribute('content')).toBe(
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    );
    expect(document.querySelectorAll('script, link, img, iframe, object, form').length).toBe(0);
    const names = [...document.querySelectorAll('*')].flatMap((one) => one.getAttributeNames());
    expect(names.filter((name) => name === 'src' || name.startsWith('on'))).toEqual([]);
    for (const link of document.querySelectorAll('a')) {
      const target = link.getAttribute('href')!;
      expect(target).toMatch(/^#[a-z]+$/);
      expect(document.querySelector(target)).not.toBeNull();
    }
    expect(page).not.toMatch(/url\(|@import/);
  });

  it.each([
    ['a registry', sample],
    ['one image', tinyReport()],
    ['what is unknown', reportWithUnknowns()],
    ['nothing', emptyReport()],
  ])('has no figure that is none: %s', (_, report) => {
    const text = htmlReport(report);
    expect(text).not.toMatch(/NaN|Infinity|undefined|\bnull\b/);
    expect(text.startsWith('<!doctype html>')).toBe(true);
  });

  it('can be read without seeing it: captions, headings of cells, words for charts', () => {
    for (const table of document.querySelectorAll('table')) {
      expect(table.querySelector('caption')!.textContent).not.toBe('');
      expect(table.querySelectorAll('thead th[scope=col]').length).toBeGreaterThan(1);
    }
    const charts = [...document.querySelectorAll('figure.chart > svg')];
    expect(charts.length).toBeGreaterThanOrEqual(8);
    for (const chart of charts) {
      expect(chart.getAttribute('role')).toBe('img');
      expect(chart.getAttribute('aria-label')!.length).toBeGreaterThan(20);
    }
  });

  it('draws every distribution as it is', () => {
    const figure = figureOf('Images that hold a layer');
    const [path] = figure.querySelectorAll('g[aria-label=line] path');
    const steps = path!.getAttribute('d')!.split(/[MVHL]/).length;
    expect(steps).toBeGreaterThan(sample.correct.layers.references!.cdf.length);
    expect(figure.textContent).toContain(
      `n = ${sample.correct.layers.count.toLocaleString('en-GB')}`,
    );
  });

  it('draws a bound of the study as a bound, on the side where the value lies', () => {
    const figure = figureOf('Size of layers');
    const titles = [...figure.querySelectorAll('g[aria-label=dot] path')].map((mark) => [
      mark.querySelector('title')!.textContent,
      /rotate\((-?\d+)\)/.exec(mark.getAttribute('transform')!)?.[1],
    ]);
    expect(titles).toEqual([
      ['Docker Hub 2017: as stored, 90th percentile 63 MB', undefined],
      ['Docker Hub 2017: files in it, 90th percentile 177 MB', undefined],
      ['Docker Hub 2017: as stored, median < 4 MB', '-90'],
      ['Docker Hub 2017: files in it, median < 4 MB', '-90'],
    ]);
    expect(figure.querySelector('.legend')!.textContent).toContain('bound');
    expect(figure.querySelector('.note')!.textContent).toContain('as stored, median < 4 MB');
    expect(figureOf('Size of images').querySelector('.legend')!.textContent).not.toContain('bound');
  });

  it.each([
    ['a layer', 'layers', 'layers'],
    ['an image', 'images', 'images'],
    ['a layer of several images', 'sharedLayers', 'layers'],
    ['a layer of one image', 'privateLayers', 'layers'],
    ['a directory', 'directories', 'directories'],
  ] as const)(
    'draws all shares of duplicates of %s, under both sets of definitions',
    (one, name, others) => {
      for (const [kind, title] of [
        ['intra', `Copies within ${one}`],
        ['inter', `Files of ${one} that other ${others} have too`],
      ] as const) {
        const figure = figureOf(title, true);
        const expected = (['Count', 'Bytes'] as const).flatMap((by) =>
          [sample.correct, sample.paper].map((figures) => figures.dedup[name]![`${kind}By${by}`]),
        );
        const curves = [...figure.querySelectorAll('g[aria-label=line] path')].map(
          (path) => path.getAttribute('d')!.split(/[MVHL]/).length,
        );
        expect(curves.length).toBe(4);
        for (const [i, { cdf }] of expected.entries()) {
          expect(curves[i]).toBeGreaterThan(cdf.length);
        }
        const legend = [...figure.querySelectorAll('.legend li')].map(({ textContent }) =>
          textContent.trim(),
        );
        const n = expected.map(({ count }) => count.toLocaleString('en-GB'));
        expect(legend.slice(0, 4)).toEqual([
          `by count (n = ${n[0]})`,
          `by count, as the study counts (n = ${n[1]})`,
          `by bytes (n = ${n[2]})`,
          `by bytes, as the study counts (n = ${n[3]})`,
        ]);
      }
    },
  );

  it('draws no shares of images where there are none', () => {
    const { document: parsed } = parseHTML(htmlReport(reportWithUnknowns()));
    const titles = [...parsed.querySelectorAll('#dedup figcaption')].map(
      ({ textContent }) => textContent,
    );
    expect(titles).toContain('Copies within a layer');
    expect(titles.filter((title) => /image/.test(title))).toEqual([]);
  });

  it('draws the sizes of files, and has those of each group of types in numbers', () => {
    const figure = figureOf('Size of files');
    expect(figure.querySelectorAll('g[aria-label=line] path').length).toBe(2);
    const table = [...document.querySelectorAll('#types table')].find((one) =>
      one.querySelector('caption')!.textContent.startsWith('Sizes of files'),
    )!;
    expect(table.querySelectorAll('tbody tr').length).toBe(
      2 + Object.keys(sample.correct.fileSizes.byGroup).length,
    );
  });

  it('shades types by their shares, each with its figure, and says what shades mean', () => {
    const { types, dedup } = sample.correct;
    const cells = [...document.querySelectorAll('svg.heatmap g.cell')];
    const cellOf = (name: string, column: string) => {
      const found = cells.find((cell) => {
        const title = cell.querySelector('title')!.textContent;
        return title.startsWith(`${name} (`) && title.includes(`, ${column}:`);
      })!;
      const shade = /--v:([\d.]+)%/.exec(found.querySelector('rect')!.getAttribute('style')!)![1];
      return { text: found.querySelector('text')!.textContent, shade: Number(shade) };
    };
    const eol = types.find(({ group, type }) => group === 'EOL' && type === '')!;
    const { overall } = dedup;
    const copies = eol.bytes - eol.distinctBytes;
    const expected = [
      ['files', eol.countShare],
      ['bytes', eol.byteShare],
      ['distinct bytes', eol.distinctBytes / overall.distinctBytes],
      ['bytes of copies', copies / (overall.bytes - overall.distinctBytes)],
      ['its files: copies', 1 - eol.distinctFiles / eol.files],
      ['its bytes: copies', copies / eol.bytes],
    ] as const;
    const key = [...document.querySelectorAll('svg.heatmap .shades')].map(
      (shades) => [...shades.querySelectorAll('text')].at(-1)!.textContent,
    );
    expect(key).toEqual(['50 %', '100 %']);
    for (const [column, share] of expected) {
      const end = column.startsWith('its') ? 1 : 0.5;
      const { text, shade } = cellOf('Executables and libraries', column);
      expect(text).toBe(`${(share * 100).toFixed(1)} %`);
      expect(shade).toBeCloseTo((share / end) * 70, 0);
    }
    const rows = new Set(
      cells.map((cell) => cell.querySelector('title')!.textContent.split(' (')[0]),
    );
    expect(cells.length).toBe(rows.size * expected.length);
    expect(rows.size).toBeGreaterThan(new Set(types.map(({ group }) => group)).size);
  });

  it('tells how many links, whiteouts and setuid files there are in all', () => {
    const { symlinks, setIdFiles } = sample.correct.layers;
    const lead = document.querySelector('#layers .lead')!.textContent;
    expect(lead).toContain(`${symlinks.sum!.toLocaleString('en-GB')} symbolic links`);
    expect(lead).toContain(`${setIdFiles.sum!.toLocaleString('en-GB')} files with setuid`);
  });

  it('draws values of zero at the left end of the axis', () => {
    const figure = figureOf('Files and directories in a layer');
    const curves = [...figure.querySelectorAll('g[aria-label=line] path')];
    expect(curves.map((curve) => curve.getAttribute('d')!.slice(0, 7))).toEqual([
      'M52,250',
      'M52,250',
    ]);
    const { withoutFiles, count } = sample.correct.layers;
    expect(figure.textContent).toContain(
      `files: ${((100 * withoutFiles) / count).toFixed(1)} % are 0.`,
    );
  });

  it('greys what is recalled, and only that', () => {
    const rows = [...document.querySelectorAll('#study tbody tr')];
    const recalled = rows.filter((row) => row.querySelector('.recalled') !== null);
    expect(recalled.length).toBeGreaterThan(20);
    for (const row of recalled) expect(row.textContent).toContain('recalled');
    const verified = rows.filter((row) => row.textContent.includes('verified'));
    expect(verified.length).toBeGreaterThan(20);
    expect(verified.filter((row) => row.querySelector('.recalled') !== null)).toEqual([]);
  });

  it('says before any figure what is missing, and where all of it is listed', () => {
    const problems = [
      { what: `layer sha256:${'a'.repeat(64)}`, reason: 'the connection was cut' },
      ...Array.from({ length: 4 }, (_, i) => ({ what: `app:v${i}`, reason: 'it is <gone>' })),
    ];
    const { document: partial } = parseHTML(htmlReport({ ...sample, problems }));
    const [title, warning, figures] = partial.querySelector('header')!.children;
    expect([title!.localName, figures!.className]).toEqual(['h1', 'headline']);
    expect(warning!.querySelector('p')!.textContent).toBe(
      'These figures are not of all: 5 problems, 1 with layers, 4 with images, or names or lists of them.',
    );
    expect([...warning!.querySelectorAll('li')].map((item) => item.textContent.trim())).toEqual([
      `layer sha256:${'a'.repeat(64)}: the connection was cut`,
      'app:v0: it is <gone>',
      'app:v1: it is <gone>',
    ]);
    const link = warning!.querySelector('a')!;
    expect(link.textContent).toContain('2 more');
    const list = partial.querySelector(link.getAttribute('href')!)!.nextElementSibling!;
    expect(list.querySelectorAll('li').length).toBe(5);
    const whole = parseHTML(htmlReport({ ...sample, problems: [] })).document;
    expect(whole.querySelector('.warning')).toBeNull();
  });

  it('says what a sample was drawn from', () => {
    const note = '500 of <all> names';
    const sources = [{ kind: 'docker-hub', title: 'Docker Hub', note }];
    const { document: sampled } = parseHTML(htmlReport({ ...sample, sources }));
    const notes = [...sampled.querySelectorAll('header .meta')].map(
      ({ textContent }) => textContent,
    );
    expect(notes[0]).toBe(note);
    expect(document.querySelectorAll('header .meta').length).toBe(1);
  });

  it('says why a figure is not there', () => {
    const text = htmlReport(reportWithUnknowns());
    expect(text).toContain('the tars are not compressed');
    expect(text).not.toContain('id="images"');
  });

  it('is the same page whatever paths, names and reasons say', () => {
    const small = tinyReport();
    const expected = skeleton(parts(withTexts(small, () => 'x')));
    expect(expected.length).toBeGreaterThan(100);
    fc.assert(
      fc.property(fc.array(hostileText, { minLength: 1, maxLength: 12 }), (texts) => {
        let i = 0;
        const report = withTexts(small, () => texts[i++ % texts.length]!);
        expect(skeleton(parts(report))).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });

  it('draws types whatever they are called', () => {
    const small = tinyReport();
    fc.assert(
      fc.property(fc.array(hostileText, { minLength: 1, maxLength: 12 }), (texts) => {
        let i = 0;
        const { types } = withTexts(small, () => texts[i++ % texts.length]!).correct;
        const drawn = skeleton(String(typeTreemap(types)));
        expect(drawn.filter((one) => !TREEMAP.test(one))).toEqual([]);
        const shaded = skeleton(String(typeHeatmap(types)));
        expect(shaded.filter((one) => !HEATMAP.test(one))).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });
});
