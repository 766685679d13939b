/** Draws with Observable Plot, without a browser. */
import { plot as draw, type PlotOptions } from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { type Markup, trusted } from '../markup.ts';

/**
 * Colours and dashes of curves, in the order in which they are given out. Colours are variables of
 * the page (style.ts), so that a dark page and paper have their own; dashes tell curves apart for
 * those who see no colours, and in print without them.
 */
export const STROKES = [
  { color: 'var(--s1)', dash: '' },
  { color: 'var(--s2)', dash: '6 3' },
  { color: 'var(--s3)', dash: '2 3' },
] as const;

/** A chart as SVG. Texts in it are ours: nothing that comes from images may be handed in. */
export function plot(options: PlotOptions & { readonly ariaLabel: string }): Markup {
  const { document } = parseHTML('<!doctype html><body></body>');
  const chart = draw({
    // Pages scale it; two stand beside each other.
    width: 470,
    height: 290,
    marginLeft: 52,
    marginRight: 16,
    marginTop: 14,
    marginBottom: 40,
    ...options,
    document: document as never,
  });
  // Set here, because Plot sets it in a way that only browsers know.
  chart.setAttribute('style', 'font-family:inherit;font-size:12px;overflow:visible');
  chart.setAttribute('role', 'img');
  return trusted(String(chart.outerHTML));
}
