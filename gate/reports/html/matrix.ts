/** The matrix: one row a law, for each implementation one column a system, one sign a verdict. */
import { lawText } from '../../law-text.ts';
import { type Finding, groupBy, lawRank, subjectOf, systemRank } from '../findings.ts';
import { type Markup, markup } from '../markup.ts';
import { SIGNS } from './signs.ts';

/** Which part of the page tells of a verdict, by the verdict's place. */
export type Anchors = ReadonlyMap<number, string>;

interface Column {
  subject: string;
  system: string;
  /** Whether it is the first of its implementation. */
  isFirst: boolean;
}

function cell(finding: Finding | undefined, { subject, system, isFirst }: Column, anchors: Anchors): Markup {
  const edge = isFirst ? 'edge' : '';
  if (!finding) return markup`<td class="${edge}"></td>`;
  const { sign, verdict, at } = finding;
  const { character, called } = SIGNS[sign];
  const data = markup`class="${edge}" data-sign="${sign}" data-text="${`${system} ${subject}`.toLowerCase()}"`;
  const anchor = anchors.get(at);
  // what is not covered is told by its reasons, in one list; a link each would be hundreds of stops for a keyboard
  if (anchor === undefined) {
    return markup`<td ${data}><span class="sign ${sign}" role="img" aria-label="${called}">${character}</span></td>`;
  }
  const label = `${verdict.law}, ${system}, ${subject}: ${called}`;
  return markup`<td ${data}><a class="sign ${sign}" href="#${anchor}" title="${label}" aria-label="${label}">${character}</a></td>`;
}

const keyOf = (law: string, subject: string, system: string): string => JSON.stringify([law, subject, system]);

export function matrixOf(findings: readonly Finding[], anchors: Anchors): Markup {
  const laws = [...new Set(findings.map(({ verdict }) => verdict.law))].sort((a, b) => lawRank(a) - lawRank(b));
  const subjects = [...groupBy(findings, ({ verdict }) => subjectOf(verdict))].map(([subject, each]) => {
    const systems = [...new Set(each.map(({ verdict }) => verdict.system))].sort(
      (a, b) => systemRank(a) - systemRank(b),
    );
    return { subject, systems };
  });
  const columns = subjects.flatMap(({ subject, systems }) =>
    systems.map((system, i): Column => ({ subject, system, isFirst: i === 0 })),
  );
  const byPlace = new Map(
    findings.map((finding) => {
      const { law, system } = finding.verdict;
      return [keyOf(law, subjectOf(finding.verdict), system), finding];
    }),
  );
  const row = (law: string): Markup => {
    const statement = lawText(law)?.statement ?? '';
    const cells = columns.map((column) =>
      cell(byPlace.get(keyOf(law, column.subject, column.system)), column, anchors),
    );
    return markup`
<tr data-text="${`${law} ${statement}`.toLowerCase()}"><th scope="row" title="${statement}">${law}</th>${cells}</tr>`;
  };
  return markup`
<div class="scroll" tabindex="0" role="region" aria-label="verdicts, a row for each law">
<table class="matrix">
<thead>
<tr><td></td>${subjects.map(({ subject, systems }) => markup`<th scope="colgroup" class="edge" colspan="${systems.length}">${subject}</th>`)}</tr>
<tr><td></td>${columns.map(({ system, isFirst }) => markup`<th scope="col" class="${isFirst ? 'edge' : ''}"><span>${system}</span></th>`)}</tr>
</thead>
<tbody>${laws.map(row)}</tbody>
</table>
</div>`;
}
