/** How the page looks: dark and light, colours that colour-blind readers tell apart, and shapes for whoever does not see them. */
export const style = `
:root {
  color-scheme: light dark;
  --page: light-dark(#ffffff, #14171c);
  --panel: light-dark(#f5f7f9, #1c2027);
  --ink: light-dark(#1a1e24, #e6e9ee);
  --quiet: light-dark(#57606a, #a3abb6);
  --line: light-dark(#d5dae0, #363c46);
  --accent: light-dark(#005a9c, #6cb6ff);
  --holds: light-dark(#00664c, #4fd1a5);
  --broken: light-dark(#b02a00, #ff9a76);
  --blocked: light-dark(#7a5200, #e6b450);
  --known: light-dark(#6b3fa0, #c9a6ff);
  font: 16px / 1.5 system-ui, sans-serif;
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem clamp(.75rem, 3vw, 2rem) 4rem; max-width: 92rem; background: var(--page); color: var(--ink); overflow-wrap: break-word; }
h1 { margin: .5rem 0 .25rem; font-size: clamp(1.3rem, 4vw, 1.8rem); line-height: 1.2; }
h2 { margin: 0 0 .5rem; font-size: 1.25rem; }
h3 { margin: 1rem 0 .25rem; font-size: 1rem; }
p { margin: .5rem 0; }
a { color: var(--accent); }
code, pre, .mono { font: .85rem / 1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { overflow-wrap: anywhere; }
pre { margin: .25rem 0; padding: .5rem .75rem; max-height: 20rem; overflow: auto; border: 1px solid var(--line); border-radius: .375rem; background: var(--page); white-space: pre-wrap; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); }
.small { font-size: .85rem; }
[hidden] { display: none !important; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
section { margin-top: 1.5rem; padding: clamp(.75rem, 2.5vw, 1.25rem); border: 1px solid var(--line); border-radius: .5rem; background: var(--panel); }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; z-index: 3; padding: .25rem .5rem; background: var(--page); }

.verdict { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; margin: 1rem 0 .75rem; font-size: 1.25rem; font-weight: 700; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem; margin: 0; padding: 0; list-style: none; }
.counts li { display: flex; align-items: center; gap: .4rem; padding: .2rem .7rem .2rem .4rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--panel); font-size: .9rem; font-variant-numeric: tabular-nums; }
.first { border: 2px solid var(--broken); }

/* a sign is a shape and a character, and then a colour */
.sign { display: inline-grid; place-items: center; flex: none; width: 1.3rem; height: 1.3rem; border: 2px solid transparent; font: 700 .8rem / 1 system-ui, sans-serif; text-decoration: none; color: inherit; }
.sign.passed { color: var(--holds); }
.sign.failed { background: var(--broken); color: var(--page); border-radius: .15rem; }
.sign.error { background: var(--broken); color: var(--page); border-radius: 50%; }
.sign.fixed { border-color: var(--broken); color: var(--broken); border-radius: .15rem; }
.sign.blocked { border-color: var(--blocked); border-style: dashed; color: var(--blocked); border-radius: .15rem; }
.sign.expected, .sign.flaky, .sign.recommended { border-color: var(--known); color: var(--known); border-radius: 50%; }
.sign.not-covered { color: var(--quiet); }
.verdict .sign { width: 2rem; height: 2rem; font-size: 1.2rem; }
.verdict .sign.passed { border-color: var(--holds); border-radius: 50%; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .5rem 0; padding: 0; list-style: none; font-size: .85rem; }
.legend li { display: flex; align-items: center; gap: .35rem; }

.filter { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; align-items: end; gap: .5rem 1rem; margin: 1.5rem 0 0; padding: .75rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--page); }
.filter fieldset { display: flex; flex-wrap: wrap; gap: .1rem .8rem; margin: 0; padding: 0; border: 0; }
.filter fieldset label { display: flex; align-items: center; gap: .35rem; font-size: .85rem; }
.filter legend { padding: 0; }
input[type="checkbox"] { width: 1.1rem; height: 1.1rem; accent-color: var(--accent); }
input[type="search"] { display: block; width: min(20rem, 80vw); min-height: 2.25rem; padding: .25rem .5rem; border: 1px solid var(--quiet); border-radius: .25rem; background: var(--page); color: var(--ink); font: inherit; }
button { min-height: 2rem; padding: .15rem .75rem; border: 1px solid var(--accent); border-radius: .25rem; background: var(--page); color: var(--accent); font: inherit; font-size: .85rem; cursor: pointer; }

.scroll { overflow-x: auto; }
table { font-size: .88rem; }
th, td { padding: .15rem .3rem; text-align: start; vertical-align: middle; }
tbody th, tbody td { border-top: 1px solid var(--line); }
table { border-collapse: separate; border-spacing: 0; }
tbody th { font-weight: 400; }
.matrix td { padding: .1rem; text-align: center; }
.matrix .edge { padding-inline-start: 1rem; }
.matrix th[scope="colgroup"] { overflow: hidden; max-width: 0; text-overflow: ellipsis; white-space: nowrap; }
.matrix td .sign { margin: auto; }
.matrix th[scope="col"] { height: 1px; vertical-align: bottom; font-weight: 400; font-size: .8rem; }
.matrix th[scope="col"] span { display: inline-block; writing-mode: vertical-rl; rotate: 180deg; white-space: nowrap; text-align: start; }
.matrix tbody th, .matrix thead td { position: sticky; left: 0; z-index: 1; background: var(--panel); }
.matrix tbody th { padding-inline-end: 1rem; white-space: nowrap; }
.matrix .dim .sign { opacity: .15; }
.matrix tbody tr:hover { background: color-mix(in srgb, var(--accent) 12%, transparent); }

details.finding { margin: .5rem 0; border: 1px solid var(--line); border-radius: .375rem; background: var(--page); }
details.finding > summary { display: flex; gap: .6rem; padding: .5rem .75rem; cursor: pointer; list-style: none; }
details.finding > summary::-webkit-details-marker { display: none; }
details.finding > summary::after { content: "+"; margin-inline-start: auto; color: var(--quiet); font-weight: 700; }
details.finding[open] > summary::after { content: "–"; }
details.finding > div { padding: 0 .75rem .75rem 2.65rem; scroll-margin-top: 9rem; }
.name { font-weight: 600; }
.why { display: block; color: var(--quiet); font-size: .88rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .5rem 0; font-size: .9rem; }
dt { color: var(--quiet); }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.again { display: flex; gap: .5rem; align-items: start; }
.again pre { flex: 1; min-width: 0; }
.terms th { white-space: nowrap; }
.terms { width: 100%; max-width: 46rem; }
.number { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
.margins { width: 100%; min-width: 52rem; }
.margins th, .margins td { padding: .25rem .5rem .25rem 0; vertical-align: top; }
.margins td:last-child { width: 25rem; padding: 0; vertical-align: middle; }
.margins svg { display: block; width: 400px; height: 18px; }
.margins .scale { height: 20px; }
.axis { stroke: var(--line); }
.limit { stroke: var(--broken); stroke-width: 2; }
.tick { stroke: var(--accent); stroke-width: 2; opacity: .4; }
.worst { fill: var(--accent); stroke: var(--page); }
svg text { fill: var(--quiet); font-size: 11px; }
.lists td, .lists th { padding: .35rem 1rem .35rem 0; vertical-align: top; }
footer { margin-top: 2rem; color: var(--quiet); font-size: .85rem; }

@media (max-width: 40rem) {
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .4rem; }
  details.finding > div { padding-inline-start: .75rem; }
  .again { flex-direction: column; align-items: stretch; }
  .filter { position: static; }
  .matrix tbody th { white-space: normal; min-width: 9rem; padding-inline-end: .25rem; }
}
@media print { .filter, button { display: none !important; } section { break-inside: avoid-page; } pre { max-height: none; } }
`;
