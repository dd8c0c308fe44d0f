/** Plots as SVG text, drawn without a browser. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { type Markup, markup, raw } from '../../../gate/reports/markup.ts';

/** Okabe and Ito's colours, which colour-blind readers tell apart; black and yellow are left out, one of which is lost on each page. */
export const LEVEL_COLORS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9', '#8c6bb1', '#999999'];
export const levelColor = (level: number): string => LEVEL_COLORS[level % LEVEL_COLORS.length];

/**
 * A plot with a caption. What it shows is said in words for whoever does not see it.
 * @param title shown above it
 * @param label what is seen in it, in a sentence
 */
export function figure(title: string, label: string, options: Plot.PlotOptions): Markup {
  const { document } = parseHTML('<html></html>');
  const plot = Plot.plot({ ...options, document });
  const svg = (plot as unknown as { outerHTML: string }).outerHTML
    // the page has the few rules that the plot brings, and nothing else may set styles
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace(/^<svg /, '<svg aria-hidden="true" ');
  const isWide = (options.width ?? 0) > 600;
  const inside = isWide
    ? markup`<div class="plot wide" tabindex="0" role="img" aria-label="${label}">${raw(svg)}</div>`
    : markup`<div class="plot" role="img" aria-label="${label}">${raw(svg)}</div>`;
  return markup`<figure><figcaption>${title}</figcaption>${inside}</figure>`;
}
