/** Bytes by group and type, as areas. */
import { type HierarchyRectangularNode, hierarchy, treemap, treemapSquarify } from 'd3-hierarchy';
import type { Figures } from '../../metrics/schema.ts';
import { groupColor, groupTitle } from '../groups.ts';
import { html, type Markup } from '../markup.ts';
import { showBytes, showShare } from '../units.ts';
import { chartFigure } from './figure.ts';
import { FONT, fits, fitting } from './letters.ts';

const WIDTH = 960;
const HEIGHT = 430;
/** Smaller ones are drawn together, as `others` of their group: nobody could see them. */
const SMALLEST_SHARE = 0.002;

interface Node {
  readonly name: string;
  readonly group: string;
  readonly bytes: number;
  readonly children?: readonly Node[];
}

function treeOf(types: Figures['types'], total: number): Node {
  const rows = types.filter(({ type, bytes }) => type !== '' && bytes > 0);
  const groups = [...Map.groupBy(rows, ({ group }) => group)].map(([group, members]): Node => {
    const [small, large] = [
      members.filter(({ bytes }) => bytes < total * SMALLEST_SHARE),
      members.filter(({ bytes }) => bytes >= total * SMALLEST_SHARE),
    ];
    const rest = small.reduce((sum, { bytes }) => sum + bytes, 0);
    const children: Node[] = large.map(({ type, bytes }) => ({ name: type, group, bytes }));
    if (rest > 0) children.push({ name: 'others', group, bytes: rest });
    return { name: group, group, bytes: 0, children };
  });
  return { name: '', group: '', bytes: 0, children: groups };
}

const round = (value: number): string => value.toFixed(1);

function tile(node: HierarchyRectangularNode<Node>, total: number): Markup {
  const { x0, y0, x1, y1, data } = node;
  const [width, height] = [x1 - x0, y1 - y0];
  const bytes = node.value ?? 0;
  const name = height > FONT + 6 ? fitting(data.name, width) : '';
  const size = showBytes(bytes);
  const hasSize = name !== '' && height > 2 * FONT + 10 && fits(size, width);
  return html`<g transform="translate(${round(x0)},${round(y0)})"><title>${groupTitle(data.group)}, ${data.name}: ${showBytes(bytes)}, ${showShare(bytes / total)}</title><rect width="${round(width)}" height="${round(height)}" fill="${groupColor(data.group)}"/>${
    name === '' ? undefined : html`<text x="5" y="15">${name}</text>`
  }${hasSize ? html`<text x="5" y="30" class="size">${size}</text>` : undefined}</g>`;
}

function heading(node: HierarchyRectangularNode<Node>, total: number): Markup | undefined {
  const width = node.x1 - node.x0;
  const name = groupTitle(node.data.name);
  const long = `${name} ${showShare((node.value ?? 0) / total)}`;
  const text = fits(long, width) ? long : fitting(name, width);
  if (text === '') return undefined;
  return html`<text class="group" x="${round(node.x0 + 4)}" y="${round(node.y0 + 13)}">${text}</text>`;
}

/** Types by the bytes of their files, within their groups. */
export function typeTreemap(types: Figures['types']): Markup {
  const title = 'Bytes by type of file';
  const total = types.reduce((sum, { type, bytes }) => sum + (type === '' ? 0 : bytes), 0);
  if (total === 0) {
    return chartFigure({
      title,
      body: html`<p class="none">Nothing to draw.</p>`,
      legend: [],
      wide: true,
    });
  }
  const root = hierarchy<Node>(treeOf(types, total))
    .sum(({ bytes }) => bytes)
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const placed = treemap<Node>()
    .tile(treemapSquarify)
    .size([WIDTH, HEIGHT])
    .paddingInner(2)
    .paddingTop((node) => (node.depth === 1 ? 18 : 0))(root);
  const groups = placed.children ?? [];
  const largest = groups
    .slice(0, 3)
    .map(({ data, value = 0 }) => `${groupTitle(data.name)} ${showShare(value / total)}`);
  const body = html`<svg class="treemap" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}. Largest: ${largest.join(', ')}.">
${groups.map((group) => heading(group, total))}
${placed.leaves().map((leaf) => tile(leaf, total))}
</svg>`;
  return chartFigure({
    title,
    body,
    legend: [],
    wide: true,
    note: `Areas are bytes of files in all distinct layers, copies counted: ${showBytes(total)} in all.`,
  });
}
