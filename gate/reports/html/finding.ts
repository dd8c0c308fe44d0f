/** One verdict with all that is needed to see it again. */

import { counted } from '../../../reference/tensor.ts';
import { lawText } from '../../law-text.ts';
import { few, place, replayCommand } from '../../report.ts';
import { cut, type Finding, titleOf } from '../findings.ts';
import { type Content, type Markup, markup, raw } from '../markup.ts';
import { signOf } from './signs.ts';

/** Characters of a case, of a program's prints; more are cut, with a note. */
const LONGEST_CASE = 4096;
const LONGEST_REASON = 8192;
const LONGEST_COMMAND = 8192;
/** Characters of a line that says what is wrong. */
const LONGEST_WHY = 400;

const row = (term: string, content: Content): Markup => markup`<dt>${term}</dt><dd>${content}</dd>`;

function worstRows({ verdict: { worst, from } }: Finding): Content {
  if (!worst) return null;
  const { actual, expected, bound, ratio } = worst;
  const apart = Math.abs(actual - expected);
  const limit = bound === 0 ? 'no difference is allowed' : `allowed ${bound}, ${few(ratio)} times the bound`;
  return [
    row(
      'worst element',
      markup`<code>${cut(place(worst), LONGEST_WHY)}</code> is <code>${String(actual)}</code>, where <code>${String(expected)}</code> is wanted`,
    ),
    row('apart by', `${apart}; ${limit}`),
    from === undefined ? null : row('from', from),
  ];
}

function termsRow({ verdict: { terms, worst } }: Finding): Content {
  if (!terms || !worst) return null;
  const lines = terms.largest.map(
    ({ cause, value, because }) =>
      markup`<tr><th scope="row">${cause}</th><td class="number">${few(value)}</td><td class="quiet">${because}</td></tr>`,
  );
  return row(
    'bound, its largest terms',
    markup`<span class="quiet">of the drawn case in ${terms.precision}</span><div class="scroll"><table class="terms"><tbody>${lines}</tbody></table></div>`,
  );
}

function blockedRow(blocked: readonly Finding[]): Content {
  if (blocked.length === 0) return null;
  const names = blocked.map(({ verdict: { law } }, i) => markup`${i > 0 ? ', ' : ''}<code>${law}</code>`);
  return row('not judged because of it', names);
}

/** A command with a button that copies it; a command that was cut is none. */
function again(command: string, id: string): Markup {
  const shown = cut(command, LONGEST_COMMAND);
  const button =
    shown === command ? markup`<button type="button" data-copy="${id}" data-script hidden>copy</button>` : null;
  return markup`<div class="again"><pre id="${id}">${shown}</pre>${button}</div>`;
}

function caseRows({ verdict: { drawn } }: Finding, id: string): Content {
  const [c, ...others] = drawn ?? [];
  if (c === undefined) return null;
  const note =
    c.length > LONGEST_CASE
      ? markup`<span class="quiet small">The command above makes all of it again; --save FOLDER keeps it as a file.</span>`
      : null;
  return [
    row('case', markup`<pre id="${id}-case">${cut(c, LONGEST_CASE)}</pre>${note}`),
    ...others.map((each) => row('drawn', markup`<code>${cut(each, LONGEST_CASE)}</code>`)),
  ];
}

export interface FindingOptions {
  blocked: readonly Finding[];
  /** Its anchor; each is on the page once. */
  id: string;
  open?: boolean;
}

/** Wrong fixtures that are listed; the JSON report has all. */
const MOST_FIXTURES = 100;

function fixturesRow({ verdict: { fixtures, cases } }: Finding): Content {
  if (!fixtures || fixtures.failed.length === 0) return null;
  const { failed } = fixtures;
  const lines = failed
    .slice(0, MOST_FIXTURES)
    .map(
      ({ name, probes, why }) =>
        markup`<tr><th scope="row">${name}</th><td>${probes}</td><td class="quiet">${cut(why, LONGEST_WHY)}</td></tr>`,
    );
  const more =
    failed.length > MOST_FIXTURES ? markup`<p class="small">And ${failed.length - MOST_FIXTURES} more.</p>` : null;
  return row(
    'wrong fixtures',
    markup`<span class="quiet">${failed.length} of ${counted(cases, 'fixture')}</span><div class="scroll"><table class="terms"><tbody>${lines}</tbody></table></div>${more}`,
  );
}

/** Open or closed, it is there for readers without scripts too. */
export function findingOf(finding: Finding, { blocked, id, open = false }: FindingOptions): Markup {
  const { verdict, sign, why } = finding;
  const law = lawText(verdict.law);
  const { seed, path, cases, note, reason, status, kept, expected } = verdict;
  const text = [titleOf(verdict), verdict.dtype, law?.statement, why].join(' ').toLowerCase();
  return markup`
<details class="finding" data-item="${sign}" data-text="${cut(text, LONGEST_REASON)}"${open ? raw(' open') : null}>
<summary>${signOf(sign)}<span><span class="name">${verdict.law}</span> · ${verdict.system} · ${verdict.implementation}<span class="why">${cut(why, LONGEST_WHY)}</span></span></summary>
<div id="${id}">
${law ? markup`<p>${law.statement} <span class="quiet">(${law.citation})</span></p>` : null}
<dl>
${expected ? row(expected.kind === 'flaky' ? 'known to be flaky' : 'expected to fail', expected.reason) : null}
${verdict.level === 'recommended' ? row('level', 'recommended: a kernel that breaks it may be right, and still surprise its users') : null}
${kept === undefined ? null : row('kept counterexample', markup`<code>${kept}</code>`)}
${status === 'error' ? row(verdict.failure ?? 'threw', markup`<pre>${cut(reason ?? '', LONGEST_REASON)}</pre>`) : null}
${status === 'blocked' ? row('blocked', reason) : null}
${worstRows(finding)}
${termsRow(finding)}
${note === undefined ? null : row('note', cut(note, LONGEST_REASON))}
${fixturesRow(finding)}
${verdict.fixtures ? null : row('seed', markup`<code>${seed}</code>, path <code>${path ?? 'none'}</code>, after ${counted(cases, 'case')}`)}
${row('again', again(replayCommand(verdict), `${id}-again`))}
${caseRows(finding, id)}
${blockedRow(blocked)}
</dl>
</div>
</details>`;
}
