/** What the page of a failure has beyond the looks of every page (gate/reports/html/style.ts). */
export const debugStyle = `
figure { margin: 1rem 0; min-width: 0; }
figcaption { font-weight: 600; font-size: .9rem; }
.plot { overflow-x: auto; }
.plot svg { display: block; max-width: 100%; height: auto; }
/* letters that cannot be read are no labels: what is wide is moved instead */
.plot.wide svg { min-width: 36rem; }
.plot svg text { white-space: pre; fill: var(--ink); }
.plots { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
.plots figure { flex: 1 1 18rem; max-width: 24rem; }
.elements code, .elements tbody th { white-space: nowrap; }
.levels { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .5rem 0; padding: 0; list-style: none; font-size: .85rem; }
.levels svg { vertical-align: -2px; }
.sentences { margin: .5rem 0; padding-inline-start: 1.25rem; }
.suspects dt { color: var(--ink); font-weight: 600; }
.elements { font-variant-numeric: tabular-nums; }
.elements th, .elements td { padding: .15rem .9rem .15rem 0; text-align: start; font-size: .85rem; }
.wrong { color: var(--broken); font-weight: 600; }
@media print { .plot { overflow: visible; } figure { break-inside: avoid; } details::details-content { content-visibility: visible; block-size: auto; } }
`;
