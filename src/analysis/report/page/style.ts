/** How the page looks: on screens, light and dark, and on paper. */

/**
 * Style sheet of the page. Fonts are those of the reader's system. The colours of curves are
 * vermilion, blue and green after the palette of Okabe and Ito, dark enough for thin lines.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f6f7f9; --ink: #1b1f24; --soft: #57606a; --rule: #d5dae0;
  --grid: #e6e9ed; --axis: #8a939d; --faint: #6c757f; --accent: #0a5ea8; --copies: #c9540b; --bar: #cfe0f1;
  --heat: #0a5ea8; --s1: #0a5ea8; --s2: #c9540b; --s3: #00785a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --panel: #1c2026; --ink: #e4e8ec; --soft: #a0a9b3; --rule: #363d45;
    --grid: #2a3037; --axis: #78828d; --faint: #858f9a; --accent: #69b1f2; --copies: #f0925a; --bar: #24486b;
    --heat: #3f8fd6; --s1: #69b1f2; --s2: #f0925a; --s3: #45c9a0;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1060px; margin: 0 auto; padding: 36px 28px 72px; }
header h1 { font-size: 15px; font-weight: 600; color: var(--soft); margin: 0 0 10px; letter-spacing: .01em; }
.headline { font-size: 33px; line-height: 1.2; font-weight: 650; letter-spacing: -.015em; margin: 0 0 22px; max-width: 24em; text-wrap: balance; }
.headline b { color: var(--copies); font-weight: inherit; }
h2 { font-size: 22px; line-height: 1.25; letter-spacing: -.01em; margin: 60px 0 6px; padding-top: 18px; border-top: 1px solid var(--rule); }
h2 + p { margin-top: 0; }
h3 { font-size: 16px; margin: 30px 0 8px; }
p { max-width: 46em; }
.lead { color: var(--soft); margin: 0 0 18px; }
.note, .meta { color: var(--soft); font-size: 13px; max-width: 62em; }
.note { margin: 8px 0 0; max-width: 62em; }
.none { color: var(--soft); font-style: italic; }
a { color: var(--accent); }
code, .name { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86em; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 22px 0 0; font-size: 14px; }
nav a { text-decoration: none; }
nav a:hover, nav a:focus { text-decoration: underline; }
.warning { border: 1px solid var(--copies); border-left-width: 6px; border-radius: 4px; background: var(--panel); padding: 10px 16px; margin: 0 0 20px; font-size: 14px; }
.warning p { margin: 0; max-width: none; }
.warning ul { margin: 6px 0; max-width: none; overflow-wrap: anywhere; }
.warning b { color: var(--copies); }
.split { display: flex; height: 30px; border-radius: 4px; overflow: hidden; }
.split span { min-width: 2px; }
.split .distinct { background: var(--accent); }
.split .copies { background: var(--copies); }
.keys { display: flex; flex-wrap: wrap; gap: 4px 26px; margin: 8px 0 28px; padding: 0; list-style: none; font-size: 14px; }
.keys li::before { content: ""; display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 8px; background: var(--k); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(185px, 1fr)); gap: 1px; border: 1px solid var(--rule); border-radius: 6px; overflow: hidden; margin: 0; }
.tiles div { box-shadow: 0 0 0 1px var(--rule); padding: 14px 18px 13px; }
.tiles dt { color: var(--soft); font-size: 13px; }
.tiles dd { margin: 2px 0 0; font-size: 25px; font-weight: 600; letter-spacing: -.01em; line-height: 1.25; }
.tiles .sub { display: block; font-size: 13px; font-weight: 400; color: var(--soft); letter-spacing: 0; }
.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 26px 36px; margin: 18px 0 30px; }
.charts .wide { grid-column: 1 / -1; }
figure.chart { margin: 0; min-width: 0; }
figcaption { font-weight: 600; margin-bottom: 4px; }
figure.chart svg:not(.key) { display: block; width: 100%; height: auto; color: var(--ink); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 0 0 6px; padding: 0; list-style: none; font-size: 13px; color: var(--soft); }
.key { width: 26px; height: 12px; margin-right: 4px; vertical-align: -1px; }
.key.diamond { width: 14px; margin-right: 2px; }
.treemap text { font-size: 12px; fill: #15181b; }
.treemap .size { fill-opacity: .72; }
.treemap .group { fill: var(--ink); font-weight: 600; }
.heatmap text { font-size: 12px; fill: currentColor; }
.heatmap .group { font-weight: 600; }
.heatmap .title { font-size: 11.5px; fill: var(--soft); }
.heatmap .shade { fill: color-mix(in srgb, var(--heat) var(--v), var(--page)); }
.heatmap .unknown { fill: none; stroke: var(--rule); stroke-dasharray: 2 3; }
figure.chart:has(> .heatmap) { overflow-x: auto; }
figure.chart > svg.heatmap { min-width: 720px; }
.scroll { overflow-x: auto; margin: 20px 0 0; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; line-height: 1.4; }
caption { text-align: left; font-weight: 600; font-size: 15px; padding: 0 0 8px; }
caption span { font-weight: 400; color: var(--soft); font-size: 13px; }
th, td { padding: 5px 16px 5px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--grid); }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-weight: 500; border-bottom: 1px solid var(--axis); vertical-align: bottom; }
tbody th { font-weight: 400; }
tr.heading th { font-weight: 600; padding-top: 16px; border-bottom-color: var(--rule); }
tr.group > * { font-weight: 600; background: var(--panel); }
tr.member > th { padding-left: 18px; }
tr.group > th { padding-left: 6px; }
th.number, td.number { text-align: right; white-space: nowrap; }
td.text { min-width: 7em; }
th.name { min-width: 15em; }
th.text { min-width: 11em; }
thead th.number { white-space: normal; }
td.number + td:not(.number), th.number + th:not(.number) { padding-left: 14px; }
thead .name { font: inherit; font-weight: 500; }
.bar { display: inline-block; min-width: 104px; padding: 0 5px; background: linear-gradient(90deg, var(--bar) var(--w), transparent var(--w)); }
.heat { display: block; margin: -5px -16px -5px 0; padding: 5px 10px; background: color-mix(in srgb, var(--heat) var(--v), var(--page)); }
.heat.unknown { background: none; color: var(--soft); }
td:last-child .heat { margin-right: 0; }
.recalled { color: var(--faint); }
/* Seven columns have to fit: all but the figures may break, at spaces only. */
#study th.text { min-width: 9em; }
#study td.text { min-width: 4em; }
#study thead th { min-width: 0; }
#study td:nth-child(2) { white-space: normal; min-width: 6.5em; }
.swatch { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 7px; background: var(--k); }
.way { display: grid; grid-template: "name track amount" auto / 19em 1fr 9em; gap: 14px; align-items: center; margin: 7px 0; }
.way .track { grid-area: track; height: 18px; background: var(--panel); border-radius: 3px; overflow: hidden; }
.way .track span { display: block; height: 100%; background: var(--accent); min-width: 1px; }
.way .after span { background: var(--s3); }
.way .amount { grid-area: amount; text-align: right; }
ul.plain { padding-left: 1.2em; max-width: 52em; }
footer { margin-top: 56px; padding-top: 14px; border-top: 1px solid var(--rule); }
@media screen and (max-width: 900px) {
  table { font-size: 12.5px; }
  th, td { padding-right: 9px; }
  th.text { min-width: 8em; }
  td.text { min-width: 6em; }
  .heat { margin-right: -9px; }
  .bar { min-width: 72px; }
}
@media screen and (max-width: 720px) {
  main { padding: 22px 16px 48px; }
  .headline { font-size: 25px; }
  .charts { grid-template-columns: minmax(0, 1fr); }
  .way { grid-template: "name amount" auto "track track" auto / 1fr max-content; gap: 3px 14px; margin: 10px 0; }
}
@page { size: A4; margin: 16mm 15mm 17mm; }
@media print {
  :root {
    color-scheme: light;
    --page: #ffffff; --panel: #f3f4f6; --ink: #000000; --soft: #454c54; --rule: #bfc5cc;
    --grid: #dde1e6; --axis: #6f7882; --faint: #6c757f; --accent: #0a5ea8; --copies: #c9540b; --bar: #cfe0f1;
    --heat: #0a5ea8; --s1: #0a5ea8; --s2: #c9540b; --s3: #00785a;
  }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  .headline { font-size: 22pt; }
  h2 { margin-top: 26pt; padding-top: 10pt; break-after: avoid; }
  h3, caption, thead { break-after: avoid; }
  table { font-size: 8.5pt; }
  tr, figure, .tiles, .way { break-inside: avoid; }
  .tiles { grid-template-columns: repeat(auto-fit, minmax(30mm, 1fr)); }
  .tiles div { padding: 9px 10px; }
  .tiles dd { font-size: 13pt; }
  .tiles dt, .tiles .sub, .legend, .keys { font-size: 8.5pt; }
  .way { grid-template-columns: 72mm 1fr 32mm; }
  th.name { min-width: 11em; }
  th.text { min-width: 9em; }
  th, td { padding-right: 10px; }
  .heat { margin-right: -10px; }
  .bar { min-width: 72px; }
  thead { display: table-header-group; }
  .scroll, figure.chart:has(> .heatmap) { overflow: visible; }
  figure.chart > svg.heatmap { min-width: 0; }
  .charts { gap: 16pt 20pt; }
  .note, .meta { font-size: 8.5pt; }
}
`;
