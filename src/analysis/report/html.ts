/** The report as one page that needs nothing but itself. */
import type { AnalysisReport } from '../metrics/schema.ts';
import { headlineOf } from './headline.ts';
import { html, trusted } from './markup.ts';
import { besideDockerHub } from './page/beside.ts';
import { images, layers, types } from './page/content.ts';
import { dedup, waste } from './page/copies.ts';
import { overview, remarks, whatWouldHelp } from './page/overview.ts';
import { STYLE } from './page/style.ts';
import { showBytes } from './units.ts';

/** Nothing is loaded from anywhere, no script runs, nothing is sent. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** A page for people, on screens and on paper. Whatever images hold is text in it. */
export function htmlReport(report: AnalysisReport): string {
  const { bytes, copyBytes } = headlineOf(report);
  const links = [
    ['help', 'What would help'],
    ['types', 'What the files are'],
    ['dedup', 'What occurs several times'],
    ['waste', 'Where space is wasted'],
    ['layers', 'Layers'],
    ...(report.correct.images === null ? [] : [['images', 'Images'] as const]),
    ['study', 'Docker Hub 2017'],
    ['remarks', 'Remarks'],
  ] as const;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Image analysis: ${showBytes(copyBytes)} of ${showBytes(bytes)} are copies</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<main>
${overview(report)}
<nav aria-label="Sections">${links.map(([id, title]) => html`<a href="#${id}">${title}</a>`)}</nav>
${whatWouldHelp(report)}
${types(report)}
${dedup(report)}
${waste(report)}
${layers(report)}
${images(report)}
${besideDockerHub(report)}
${remarks(report)}
</main>
</body>
</html>
`.toString();
}
