/** The page in a real browser: what is drawn, what is asked for, what is printed. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AnalysisReport } from '../../../src/analysis/metrics/schema.ts';
import { htmlReport } from '../../../src/analysis/report/html.ts';
import { showBytes } from '../../../src/analysis/report/units.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { describeWith, requireTool } from '../../support/tools.ts';
import { emptyReport, reportWithUnknowns, tinyReport } from './edge-reports.ts';
import { withTexts } from './hostile.ts';
import { analyzeRealImages, COPY_BYTES } from './real-report.ts';
import { sampleReport } from './sample.ts';

const browserTool = await requireTool('chromium', 'chromium');
const MINUTE = 60_000;

/** Luminance by WCAG 2.2 of `rgb(1, 2, 3)` or `color(srgb 0.1 0.2 0.3)`. */
function luminance(color: string): number {
  const scale = color.startsWith('rgb') ? 255 : 1;
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+(?:e-\d+)?/g) ?? []).map((text) => {
    const value = Number(text) / scale;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast of two colours by WCAG 2.2, from 1 to 21. */
function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [
    number,
    number,
  ];
  return (light + 0.05) / (dark + 0.05);
}

describeWith([browserTool], 'issue 5: the page in Chromium', () => {
  let folder: string;
  let browser: Browser;

  beforeAll(async () => {
    folder = await makeTemporary('report');
    // Without a sandbox, because tests may run as root; the page is our own.
    browser = await chromium.launch({ executablePath: browserTool.path, args: ['--no-sandbox'] });
  }, 2 * MINUTE);

  afterAll(async () => {
    await browser?.close();
    await removeTemporary(folder);
  });

  /** Opens a report from a file, and notes all that the page says and asks for. */
  async function open(report: AnalysisReport, colorScheme: 'light' | 'dark' = 'light') {
    const file = join(await mkdtemp(join(folder, 'page-')), 'report.html');
    await writeFile(file, htmlReport(report));
    const url = pathToFileURL(file).href;
    const page = await browser.newPage({ viewport: { width: 1120, height: 800 }, colorScheme });
    const noticed: string[] = [];
    page.on('console', (message) => noticed.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => noticed.push(`error: ${error.message}`));
    page.on('dialog', (dialog) => noticed.push(`dialog: ${dialog.message()}`));
    page.on('request', (request) => {
      if (request.url() !== url) noticed.push(`request: ${request.url()}`);
    });
    await page.goto(url, { waitUntil: 'load' });
    return { page, noticed };
  }

  /** Marks of all charts that have no size, or coordinates that are no numbers. */
  function badMarks(page: Page) {
    return page.$$eval('figure.chart > svg', (charts) =>
      charts.flatMap((chart) => {
        const title = chart.getAttribute('aria-label') ?? '';
        const marks = [...chart.querySelectorAll('path, rect, circle, line, text')];
        const isBad = (mark: (typeof marks)[number]): boolean => {
          const values = mark
            .getAttributeNames()
            .map((name: string) => mark.getAttribute(name) ?? '');
          const { width, height } = mark.getBoundingClientRect();
          return (
            values.some((value: string) => /NaN|Infinity/.test(value)) || !(width + height > 0)
          );
        };
        const bad = marks.filter(isBad).map((mark) => `${title}: ${mark.outerHTML}`);
        return marks.length < 5 ? [...bad, `${title}: nearly nothing is drawn`] : bad;
      }),
    );
  }

  it('draws every chart, says nothing on the console and asks for nothing', async () => {
    const { page, noticed } = await open(sampleReport());
    const boxes = await page.$$eval('figure.chart > svg', (charts) =>
      charts.map((chart) => {
        const { width, height } = chart.getBoundingClientRect();
        return width > 300 && height > 150;
      }),
    );
    expect(boxes.length).toBeGreaterThanOrEqual(8);
    expect(boxes).not.toContain(false);
    expect(await badMarks(page)).toEqual([]);
    expect(noticed).toEqual([]);
    await page.close();
  });

  it('draws every chart of images that were read', async () => {
    const report = await analyzeRealImages(await mkdtemp(join(folder, 'images-')));
    expect(report.problems).toEqual([]);
    const { page, noticed } = await open(report);
    const empty = await page.$$eval('figure.chart', (figures) =>
      figures.flatMap((figure) =>
        figure.querySelector('svg:not(.key)') === null
          ? [figure.querySelector('figcaption')!.textContent]
          : [],
      ),
    );
    expect(empty).toEqual([]);
    expect(await page.$$eval('figure.chart > svg', ({ length }) => length)).toBeGreaterThan(18);
    expect(await badMarks(page)).toEqual([]);
    expect(await page.textContent('.headline b')).toBe(`${showBytes(COPY_BYTES)} are copies`);
    const heat = await page.textContent('svg.heatmap');
    expect(heat).toContain(`Executables and libraries, elf-executable (n = 3 files)`);
    expect(noticed).toEqual([]);
    await page.close();
  });

  it.each([
    ['one image', tinyReport()],
    ['nothing', emptyReport()],
  ])('holds with little in it: %s', async (_, report) => {
    const { page, noticed } = await open(report);
    expect(await badMarks(page)).toEqual([]);
    expect(noticed).toEqual([]);
    await page.close();
  });

  it.each([390, 1120])('is not wider than a screen of %d pixels', async (width) => {
    const { page } = await open(sampleReport());
    await page.setViewportSize({ width, height: 800 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    await page.close();
  });

  it.each([
    ['a screen of 1280 pixels', 1280, 'screen'],
    ['a screen of 800 pixels', 800, 'screen'],
    // 180 mm, which the margins leave of A4.
    ['paper', 680, 'print'],
  ] as const)('has tables that fit, that of the study too, on %s', async (_, width, media) => {
    for (const report of [sampleReport(), reportWithUnknowns()]) {
      const { page } = await open(report);
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ media });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      const wider = await page.$$eval('.scroll', (tables) =>
        tables.flatMap(({ scrollWidth, clientWidth, textContent }) =>
          scrollWidth > clientWidth ? [textContent!.trim().slice(0, 40)] : [],
        ),
      );
      expect(wider).toEqual([]);
      await page.close();
    }
  });

  it('is dark where that is wanted, and light on paper all the same', async () => {
    const { page } = await open(sampleReport(), 'dark');
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(await background()).toBe('rgb(20, 23, 27)');
    await page.emulateMedia({ media: 'print' });
    expect(await background()).toBe('rgb(255, 255, 255)');
    await page.close();
  });

  it.each([
    ['a light page', 'light', 'screen'],
    ['a dark page', 'dark', 'screen'],
    ['paper', 'light', 'print'],
  ] as const)(
    'has figures of the heat map that can be read on their shades: %s',
    async (_, scheme, media) => {
      const { page } = await open(sampleReport(), scheme);
      await page.emulateMedia({ media });
      const colors = await page.$$eval('svg.heatmap g.cell', (cells) =>
        cells.flatMap((cell) => {
          const [shade, text] = [cell.querySelector('rect.shade'), cell.querySelector('text')];
          return shade === null
            ? []
            : [
                [shade, text!].map(
                  (mark) => mark.ownerDocument.defaultView!.getComputedStyle(mark).fill,
                ),
              ];
        }),
      );
      expect(colors.length).toBeGreaterThan(100);
      expect(new Set(colors.map(([shade]) => shade)).size).toBeGreaterThan(30);
      expect(Math.min(...colors.map(([shade, text]) => contrast(shade!, text!)))).toBeGreaterThan(
        4.5,
      );
      await page.close();
    },
  );

  it('runs nothing that names and paths bring along', async () => {
    const texts = [
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      "'><svg onload=alert(1)>",
      '</title></style><iframe src="http://127.0.0.1:1/"></iframe>',
    ];
    let i = 0;
    const { page, noticed } = await open(withTexts(tinyReport(), () => texts[i++ % texts.length]!));
    expect(await page.$$eval('script, img, iframe', (found) => found.length)).toBe(0);
    expect(await page.textContent('#waste')).toContain(texts[1]);
    expect(noticed).toEqual([]);
    await page.close();
  });

  it('prints on a sane number of pages', async () => {
    const { page } = await open(sampleReport());
    const pdf = (await page.pdf({ preferCSSPageSize: true })).toString('latin1');
    const pages = pdf.match(/\/Type\s*\/Page\b/g)?.length ?? 0;
    expect(pages).toBeGreaterThanOrEqual(8);
    expect(pages).toBeLessThanOrEqual(25);
    await page.close();
  });
});
