/** The top of the page, and what would help. */
import type { AnalysisReport } from '../../metrics/schema.ts';
import { headlineOf, missingOf } from '../headline.ts';
import { type Content, html, type Markup } from '../markup.ts';
import {
  show,
  showBytes,
  showCount,
  showLargeCount,
  showNumberOf,
  showRatio,
  showShare,
} from '../units.ts';
import { table } from './table.ts';

function sentence(report: AnalysisReport): Markup {
  const { bytes, copyBytes } = headlineOf(report);
  if (bytes === 0) return html`There are no files in what was read.`;
  return html`Of ${showBytes(bytes)} in files, <b>${showBytes(copyBytes)} are copies</b>.`;
}

function split(report: AnalysisReport): Markup | undefined {
  const { bytes, copyBytes, copyShare } = headlineOf(report);
  if (copyShare === null) return undefined;
  const distinct = bytes - copyBytes;
  return html`<div class="split" role="img" aria-label="${showShare(1 - copyShare)} distinct, ${showShare(copyShare)} copies"><span class="distinct" style="flex:${(1 - copyShare).toFixed(4)}"></span><span class="copies" style="flex:${copyShare.toFixed(4)}"></span></div>
<ul class="keys"><li style="--k:var(--accent)">distinct: ${showBytes(distinct)}, ${showShare(1 - copyShare)}</li><li style="--k:var(--copies)">copies of the same: ${showBytes(copyBytes)}, ${showShare(copyShare)}</li></ul>`;
}

function tile(name: string, figure: Content, sub: Content): Markup {
  return html`<div><dt>${name}</dt><dd>${figure}<span class="sub">${sub}</span></dd></div>\n`;
}

function tiles(report: AnalysisReport): Markup {
  const { correct } = report;
  const { images, layers, dedup, sharing } = correct;
  const { overall } = dedup;
  return html`<dl class="tiles">
${images === null ? undefined : tile('Images', showCount(images.count), `of ${images.repositories === 1 ? '1 repository' : `${showCount(images.repositories)} repositories`}`)}
${tile('Distinct layers', showCount(layers.count), layers.compressedSize === null ? 'stored size not known' : `${show(layers.compressedSize.sum ?? 0, 'bytes')} as stored`)}
${tile('Files', showLargeCount(overall.files), `${showLargeCount(overall.distinctFiles)} distinct contents`)}
${tile('Deduplication of files', overall.byteRatio === null ? '–' : showRatio(overall.byteRatio), `by bytes; ${show(overall.countRatio, 'ratio')} by count; n = ${showLargeCount(overall.files)}`)}
${sharing === null ? undefined : tile('Sharing of layers', show(sharing.ratio, 'ratio'), `${showBytes(sharing.withoutSharing)} ${sharing.measuredBy === 'compressed-size' ? '' : 'of tars '}if each image kept its own`)}
</dl>`;
}

/** What could not be read, before figures that lack it. */
function warning(report: AnalysisReport): Markup | undefined {
  const missing = missingOf(report);
  if (missing === undefined) return undefined;
  const { title, kinds, first, count } = missing;
  const left = count - first.length;
  return html`<aside class="warning" aria-label="What is missing">
<p><b>${title}</b>, ${kinds}.</p>
<ul class="plain">${first.map(({ what, reason }) => html`<li><span class="name">${what}</span>: ${reason}</li>\n`)}</ul>
<p><a href="#problems">${left === 0 ? 'What could not be read' : `And ${showCount(left)} more: what could not be read`}</a></p>
</aside>
`;
}

/** Title, headline and key figures. */
export function overview(report: AnalysisReport): Markup {
  const { sources, createdAt, version } = report;
  const titles = sources.map(({ title }) => title).join('; ');
  const notes = sources.flatMap(({ note }) => (note === null ? [] : [note]));
  return html`<header>
<h1>Image analysis of ${titles === '' ? 'nothing' : titles}</h1>
${warning(report)}
<p class="headline">${sentence(report)}</p>
${split(report)}
${tiles(report)}
${notes.map((note) => html`<p class="meta">${note}</p>`)}
<p class="meta">Made ${createdAt.replace('T', ' ').replace(/\.\d+Z$/, 'Z')} by Stowage ${version}. Sizes are by thousands: 1 MB is 1,000,000 bytes.</p>
</header>
`;
}

interface Way {
  readonly name: string;
  readonly bytes: number | null;
  readonly after: boolean;
}

function ways(rows: readonly Way[], whole: number): Markup {
  return html`${rows.map(({ name, bytes, after }) => {
    const share = bytes === null || whole === 0 ? null : bytes / whole;
    const width = Math.min(100, (share ?? 0) * 100).toFixed(1);
    return html`<div class="way"><span>${name}</span><span class="track${after ? ' after' : ''}" aria-hidden="true"><span style="width:${width}%"></span></span><span class="amount">${show(bytes, 'bytes')}${share === null ? undefined : `, ${showShare(share)}`}</span></div>\n`;
  })}`;
}

function estimateOf({ estimate }: AnalysisReport): Markup {
  const { off, dedup, replicas, method } = estimate;
  const known = replicas.filter(({ bytes }) => bytes !== null);
  const whole = Math.max(off ?? 0, dedup ?? 0);
  const wholeOfReplicas = Math.max(0, ...known.map(({ bytes }) => bytes ?? 0));
  return html`${ways(
    [
      { name: 'Each distinct layer as it was pushed', bytes: off, after: false },
      { name: 'Every file once, layers rebuilt on pull', bytes: dedup, after: true },
    ],
    whole,
  )}
<p class="note">What Stowage would store with <code>dedup.policy</code> off and dedup.${method === '' ? '' : ` Estimated by: ${method}.`}</p>
${
  known.length === 0
    ? undefined
    : html`<h3>With three replicas</h3>
${ways(
  replicas.toReversed().map(({ intact, taken, bytes }) => ({
    name: `${intact} intact, ${taken} taken apart`,
    bytes,
    after: taken > 0,
  })),
  wholeOfReplicas,
)}`
}`;
}

/** What Stowage would store, and what other grains of deduplication would find. */
export function whatWouldHelp(report: AnalysisReport): Markup {
  const { chunks } = report;
  const { saving } = headlineOf(report);
  const lead =
    saving === null
      ? 'What storing the layers would take cannot be told from these sources.'
      : saving > 0
        ? `Storing every file once would save ${showShare(saving)} of the space of the layers.`
        : 'Storing every file once would not save space: there is too little that occurs twice.';
  return html`<section id="help"><h2>What would help</h2>
<p class="lead">${lead}</p>
${estimateOf(report)}
${
  chunks.length === 0
    ? undefined
    : table({
        caption: html`Deduplication by grain <span>what is cut are the bodies of files in uncompressed layers</span>`,
        rows: chunks,
        columns: [
          { title: 'Grain', kind: 'name', cell: ({ method }) => method },
          { title: 'Bytes', kind: 'number', cell: ({ bytes }) => showBytes(bytes) },
          { title: 'Distinct bytes', kind: 'number', cell: (row) => showBytes(row.distinctBytes) },
          { title: 'Ratio', kind: 'number', cell: ({ byteRatio }) => show(byteRatio, 'ratio') },
          { title: 'n, pieces', kind: 'number', cell: (row) => showCount(row.chunks) },
          { title: 'Distinct', kind: 'number', cell: (row) => showCount(row.distinctChunks) },
        ],
      })
}
</section>
`;
}

/** Figures that could not be had, what went wrong, what is odd. */
export function remarks(report: AnalysisReport): Markup {
  const { unknown, problems, leftOut, timings } = report;
  const list = (items: readonly Content[]) =>
    html`<ul class="plain">${items.map((item) => html`<li>${item}</li>\n`)}</ul>`;
  return html`<section id="remarks"><h2>What to know about these figures</h2>
<p>Columns headed <em>ours</em> follow the definitions of this tool: hard links count once, whiteouts are no files, links have no
content. Columns headed <em>as the study counts</em> follow the code of the study of 2017 with its quirks, so that figures compare
like with like.</p>
${unknown.length === 0 ? undefined : html`<h3>Not known</h3>${list(unknown.map(({ figure, reason }) => html`<code>${figure}</code>: ${reason}`))}`}
${
  problems.length === 0
    ? undefined
    : html`<h3 id="problems">Could not be read: ${showNumberOf(problems.length, 'problem')}</h3>
${list(problems.slice(0, 50).map(({ what, reason }) => html`<span class="name">${what}</span>: ${reason}`))}
${problems.length > 50 ? html`<p class="note">And ${showCount(problems.length - 50)} more, which are in the CSV and JSON reports.</p>` : undefined}`
}
${
  leftOut.length === 0
    ? undefined
    : html`<h3>Left out</h3>
${list(leftOut.slice(0, 10).map(({ what, reason }) => html`<span class="name">${what}</span>: ${reason}`))}
${leftOut.length > 10 ? html`<p class="note">And ${showCount(leftOut.length - 10)} more, which are in the CSV and JSON reports.</p>` : undefined}`
}
${
  report.remarks.length === 0
    ? undefined
    : table({
        caption: 'Odd, and read all the same',
        rows: report.remarks,
        most: 30,
        columns: [
          { title: 'What', kind: 'name', cell: ({ code }) => code },
          { title: 'Example', kind: 'text', cell: ({ message }) => message },
          { title: 'Times', kind: 'number', cell: ({ count }) => showCount(count) },
          { title: 'Layer', kind: 'name', cell: ({ layer }) => layer.slice(0, 19) },
        ],
      })
}
<footer class="meta">${showBytes(timings.bytesRead)} were read and ${showBytes(timings.bytesUnpacked)} unpacked in ${showCount(timings.scanSeconds)} s (${showCount(timings.scanCpuSeconds)} s of CPU time); queries took ${showCount(timings.querySeconds)} s.</footer>
</section>
`;
}
