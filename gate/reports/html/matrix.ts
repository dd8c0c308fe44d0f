/** The matrix of an implementation: one row a law, one column a system, one sign a verdict. */
import { findLaw } from '../../../properties/laws/all.ts';
import { type Finding, groupBy, lawRank, subjectOf, systemRank } from '../findings.ts';
import { type Markup, markup } from '../markup.ts';
import { SIGNS } from './signs.ts';

/** Which part of the page tells of a verdict, by the verdict's place. */
export type Anchors = ReadonlyMap<number, string>;

function cell(finding: Finding | undefined, anchors: Anchors): Markup {
  if (!finding) return markup`<td></td>`;
  const { sign, verdict, at } = finding;
  const { character, called } = SIGNS[sign];
  const data = markup`data-sign="${sign}" data-text="${verdict.system}"`;
  const anchor = anchors.get(at);
  // what is not covered is told by its reasons, in one list; a link each would be hundreds of stops for a keyboard
  if (anchor === undefined)
    return markup`<td ${data}><span class="sign ${sign}" role="img" aria-label="${called}">${character}</span></td>`;
  const label = `${verdict.law}, ${verdict.system}: ${called}`;
  return markup`<td ${data}><a class="sign ${sign}" href="#${anchor}" title="${label}" aria-label="${label}">${character}</a></td>`;
}

function matrix(name: string, findings: readonly Finding[], anchors: Anchors): Markup {
  const unique = (of: (finding: Finding) => string, rank: (name: string) => number): string[] =>
    [...new Set(findings.map(of))].sort((a, b) => rank(a) - rank(b));
  const systems = unique(({ verdict }) => verdict.system, systemRank);
  const laws = unique(({ verdict }) => verdict.law, lawRank);
  const byPlace = new Map(findings.map((finding) => [`${finding.verdict.law} ${finding.verdict.system}`, finding]));
  const row = (law: string): Markup => {
    const statement = findLaw(law)?.statement ?? '';
    return markup`
<tr data-text="${`${law} ${statement} ${name}`.toLowerCase()}"><th scope="row" title="${statement}">${law}</th>${systems.map((system) => cell(byPlace.get(`${law} ${system}`), anchors))}</tr>`;
  };
  return markup`
<h3>${name}</h3>
<div class="scroll" tabindex="0" role="region" aria-label="${`verdicts of ${name}`}">
<table class="matrix">
<thead><tr><td></td>${systems.map((system) => markup`<th scope="col"><span>${system}</span></th>`)}</tr></thead>
<tbody>${laws.map(row)}</tbody>
</table>
</div>`;
}

export function matricesOf(findings: readonly Finding[], anchors: Anchors): Markup {
  const groups = [...groupBy(findings, ({ verdict }) => subjectOf(verdict))];
  return markup`${groups.map(([name, each]) => matrix(name, each, anchors))}`;
}
