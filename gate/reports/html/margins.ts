/** How near the bound the passing verdicts came: one strip a law, a tick for each system and implementation, a dot for the worst. */

import { counted } from '../../../reference/tensor.ts';
import { few, place } from '../../report.ts';
import { type Finding, groupBy, lawRank, titleOf } from '../findings.ts';
import { type Markup, markup } from '../markup.ts';

/** The strip is logarithmic, from here to the bound. */
const LEAST = 1e-6;
const WIDTH = 400;
const HEIGHT = 18;
const PAD = 8;
const MARKS = [1e-6, 1e-4, 1e-2, 1];

const across = (ratio: number): number => {
  const part = 1 - Math.log(Math.min(1, Math.max(ratio, LEAST))) / Math.log(LEAST);
  return Number((PAD + part * (WIDTH - 2 * PAD)).toFixed(1));
};

const ratioOf = ({ verdict }: Finding): number => verdict.worst?.ratio ?? 0;

function strip(ratios: readonly number[], worst: number, label: string): Markup {
  const middle = HEIGHT / 2;
  // verdicts that came equally near are one tick
  const ticks = [...new Set(ratios.map(across))];
  return markup`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}"><line class="axis" x1="${PAD}" y1="${middle}" x2="${WIDTH - PAD}" y2="${middle}"/><line class="limit" x1="${across(1)}" y1="0" x2="${across(1)}" y2="${HEIGHT}"/>${ticks.map((x) => markup`<line class="tick" x1="${x}" y1="4" x2="${x}" y2="14"/>`)}<circle class="worst" cx="${across(worst)}" cy="${middle}" r="5"/></svg>`;
}

const scale = (): Markup =>
  markup`<svg class="scale" viewBox="0 0 ${WIDTH} 20" role="img" aria-label="a logarithmic scale from 1e-6 to 1, the bound">${MARKS.map(
    (mark) => {
      const anchor = mark === LEAST ? 'start' : mark === 1 ? 'end' : 'middle';
      return markup`<text x="${across(mark)}" y="14" text-anchor="${anchor}">${mark === 1 ? 'bound' : mark === LEAST ? '10⁻⁶' : mark === 1e-4 ? '10⁻⁴' : '10⁻²'}</text>`;
    },
  )}</svg>`;

function row(law: string, findings: readonly Finding[]): Markup {
  const nearest = findings.reduce((a, b) => (ratioOf(b) > ratioOf(a) ? b : a));
  const { verdict } = nearest;
  const worst = ratioOf(nearest);
  const near = findings.filter((finding) => ratioOf(finding) > 0);
  const label = `${counted(near.length, 'verdict')}, the nearest at ${few(worst)} of the bound`;
  const at = verdict.worst ? place(verdict.worst) : '';
  return markup`
<tr data-item="passed" data-text="${findings
    .map(({ verdict: each }) => titleOf(each))
    .join(' ')
    .toLowerCase()}"><th scope="row">${law}</th><td class="number">${few(worst)}</td><td>${verdict.system} · ${verdict.implementation} <code class="quiet">${at}</code></td><td>${strip(near.map(ratioOf), worst, label)}</td></tr>`;
}

export function marginsOf(findings: readonly Finding[]): Markup | null {
  const passed = findings.filter(({ sign, verdict }) => sign === 'passed' && verdict.worst !== null);
  const laws = [...groupBy(passed, ({ verdict }) => verdict.law)];
  const worstOf = (each: readonly Finding[]): number => Math.max(...each.map(ratioOf));
  const near = laws
    .filter(([, each]) => worstOf(each) > 0)
    .sort(([a, left], [b, right]) => worstOf(right) - worstOf(left) || lawRank(a) - lawRank(b));
  const exact = laws.filter(([, each]) => worstOf(each) === 0);
  if (near.length === 0) return null;
  return markup`
<section id="margins">
<h2>How near the bound</h2>
<p>Of the laws that hold, the worst ratio of a difference to what it may be; above 1 a law is broken. One tick for each system and implementation, the dot is the nearest.</p>
<div class="scroll" tabindex="0" role="region" aria-label="how near the bound each law came">
<table class="margins">
<thead><tr><th scope="col">law</th><th scope="col" class="number">ratio</th><th scope="col">where</th><td>${scale()}</td></tr></thead>
<tbody>${near.map(([law, each]) => row(law, each))}</tbody>
</table>
</div>
${exact.length > 0 ? markup`<p class="small quiet">Without any difference: ${exact.map(([law]) => law).join(', ')}.</p>` : null}
</section>`;
}
