/** Plots as SVG text, drawn without a browser. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { type Markup, markup, raw } from '../../../gate/reports/markup.ts';

/** A plot without what is around it; what it shows has to be said elsewhere. */
export function svgOf(options: Plot.PlotOptions): Markup {
  const { document } = parseHTML('<html></html>');
  const plot = Plot.plot({ ...options, document });
  const svg = (plot as unknown as { outerHTML: string }).outerHTML
    // the page has the few rules that the plot brings, and nothing else may set styles
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace(/^<svg /, '<svg aria-hidden="true" ');
  return raw(svg);
}

/**
 * A plot with a caption. What it shows is said in words for whoever does not see it.
 * @param title shown above it
 * @param label what is seen in it, in a sentence
 * @param below what its colours mean
 */
export function figure(title: string, label: string, options: Plot.PlotOptions, below: Markup | null = null): Markup {
  const isWide = (options.width ?? 0) > 600;
  const svg = svgOf(options);
  const inside = isWide
    ? markup`<div class="plot wide" tabindex="0" role="img" aria-label="${label}">${svg}</div>`
    : markup`<div class="plot" role="img" aria-label="${label}">${svg}</div>`;
  return markup`<figure><figcaption>${title}</figcaption><div>${inside}${below}</div></figure>`;
}
