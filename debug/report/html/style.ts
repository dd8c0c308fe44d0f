/** What the page of a failure has beyond the looks of every page (gate/reports/html/style.ts). */
import { levelVariables } from './looks.ts';

export const debugStyle = `
${levelVariables}
figure { margin: 1rem 0; min-width: 0; }
figcaption { font-weight: 600; font-size: .9rem; }
.plot svg { display: block; max-width: 100%; height: auto; }
/* letters that cannot be read are no labels: what is wide is moved instead */
.plot.wide { overflow-x: auto; }
.plot.wide svg { max-width: none; }
.plot svg text, .ramp svg text { white-space: pre; fill: var(--ink); }
/* captions of one and of two lines have the plots below them at one height */
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: 0 1.5rem; max-width: 48rem; }
.plots.three { max-width: 72rem; }
.plots figure { display: grid; grid-template-rows: subgrid; grid-row: span 2; gap: .25rem; align-content: start; }
.ramp { display: flex; flex-wrap: wrap; align-items: center; gap: .1rem .5rem; font-size: .8rem; color: var(--quiet); }
.ramp svg { max-width: 100%; vertical-align: -2px; }
.elements code, .elements tbody th { white-space: nowrap; }
.worst-entries caption { text-align: start; font-weight: 600; font-size: .9rem; padding-block: .25rem; white-space: nowrap; }
.worst-entries .number { text-align: end; }
.levels { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .5rem 0; padding: 0; list-style: none; font-size: .85rem; }
.levels svg { vertical-align: -2px; }
.sentences { margin: .5rem 0; padding-inline-start: 1.25rem; }
.suspects dt { color: var(--ink); font-weight: 600; }
.elements { font-variant-numeric: tabular-nums; }
.elements th, .elements td { padding: .15rem .9rem .15rem 0; text-align: start; font-size: .85rem; }
.elements .number { text-align: end; }
.wrong { color: var(--broken); font-weight: 600; }
@media print { .plot.wide { overflow: visible; } .plot.wide svg { max-width: 100%; } figure { break-inside: avoid; } details::details-content { content-visibility: visible; block-size: auto; } }
`;
