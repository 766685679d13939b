/**
 * Takes the picture of an analysis that the README shows.
 *   usage: node scripts/screenshot-report.ts REPORT.json [docs/analysis-report.png]
 * REPORT.json is what `jsonReport` writes. Needs Debian's package chromium.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { htmlReport } from '../src/analysis/report/html.ts';
import { readJsonReport } from '../src/analysis/report/json.ts';

/** Down to the areas of types, as far as they come so early. */
const VIEW = { width: 1120, height: 1525 };

const [source, target = 'docs/analysis-report.png'] = process.argv.slice(2);
if (source === undefined) {
  console.error('usage: node scripts/screenshot-report.ts REPORT.json [PICTURE.png]');
  process.exit(2);
}
const folder = await mkdtemp(join(tmpdir(), 'stowage-report-'));
try {
  const file = join(folder, 'report.html');
  await writeFile(file, htmlReport(readJsonReport(await readFile(source, 'utf8'))));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  const page = await browser.newPage({ viewport: VIEW, colorScheme: 'light' });
  await page.goto(pathToFileURL(file).href);
  await page.screenshot({ path: resolve(target) });
  await browser.close();
} finally {
  await rm(folder, { recursive: true, force: true });
}
