/** The report as one page without other files. Its plots are drawn already: it needs no network, and scripts for nothing but copying. */

import { copyScript } from '../../gate/reports/html/copy.ts';
import { policyFor } from '../../gate/reports/html/policy.ts';
import { signOf } from '../../gate/reports/html/signs.ts';
import { style as commonStyle } from '../../gate/reports/html/style.ts';
import { type Markup, markup, raw } from '../../gate/reports/markup.ts';
import { axes, systemOf } from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import { caseToJson, jsonText } from '../../reference/case-json.ts';
import { counted, toDense } from '../../reference/tensor.ts';
import type { Cause } from '../diagnose/cause.ts';
import { isWrong } from '../failure.ts';
import { fieldsOf, nested, ratioText, rowsOf, sizesText, tensorsIn } from '../minimise/print.ts';
import { worstOutput } from '../minimise/still-wrong.ts';
import type { ProbedJacobian } from '../probe/probed.ts';
import { curvesOf } from './html/curves.ts';
import { jacobianOf, matricesOf } from './html/matrix.ts';
import { debugStyle } from './html/style.ts';
import { type DebugReport, shownFailure, testsOf } from './report.ts';

const style = commonStyle + debugStyle;
const policy = policyFor(style, copyScript);

/** Characters of a case, of a tensor. */
const LONGEST = 20_000;
const LONGEST_TENSOR = 600;

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`;

const sentencesOf = (sentences: readonly string[]): Markup | null =>
  sentences.length === 0
    ? null
    : markup`<ul class="sentences">${sentences.map((each) => markup`<li>${each}</li>`)}</ul>`;

interface Section {
  id: string;
  title: string;
  content: Markup;
}

/** A section, where there is anything in it. */
function section(id: string, title: string, ...contents: (Markup | null)[]): Section | null {
  const there = contents.filter((each) => each !== null);
  if (there.length === 0) return null;
  return { id, title, content: markup`\n<section id="${id}">\n<h2>${title}</h2>\n${there}\n</section>` };
}

/** Text with a button that copies it. */
const copied = (id: string, text: string): Markup =>
  markup`<div class="again"><pre id="${id}" tabindex="0">${text}</pre><button type="button" data-copy="${id}" data-script hidden>copy</button></div>`;

function folded(id: string, title: string, text: string): Markup {
  return markup`<details class="finding"><summary><span class="name">${title}</span></summary><div>${copied(id, text)}</div></details>`;
}

function headOf(report: DebugReport): Markup {
  const { implementation, failure, source, seconds } = report;
  const wrong = isWrong(failure);
  return markup`
<header>
<h1>${implementation}: ${failure.c.system} in ${failure.precision.name}</h1>
<p class="verdict">${signOf(wrong ? 'failed' : 'passed')}${wrong ? 'wrong' : 'within its bounds'}</p>
<p class="small quiet">${source} · ${sizesText(failure.c)} · ${seconds.toFixed(1)} s</p>
</header>`;
}

function outputsTable({ localisation, failure }: DebugReport): Markup {
  const row = ({ name, wrong, total, worst }: DebugReport['localisation']['outputs'][number]): Markup => {
    const place = worst ? `${name}[${Object.values(worst.index).join(',')}]` : '';
    const numbers = worst
      ? [String(worst.actual), String(worst.expected), worst.bound.toPrecision(3), ratioText(worst.ratio)]
      : ['', '', '', ''];
    return markup`<tr><th scope="row">${signOf(wrong > 0 ? 'failed' : 'passed')} ${name}</th><td class="number">${wrong} of ${total}</td><td><code>${place}</code></td>${numbers.map((each) => markup`<td class="number">${each}</td>`)}</tr>`;
  };
  return markup`${sentencesOf(failure.faults)}<div class="scroll" tabindex="0" role="region" aria-label="outputs">
<table class="lists elements"><thead><tr>${['output', 'wrong', 'worst element', 'actual', 'expected', 'bound', 'of the bound'].map((head) => markup`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${localisation.outputs.map(row)}</tbody></table></div>`;
}

function whereOf(report: DebugReport): Section | null {
  const { localisation, failure, probed } = report;
  const shown = localisation.outputs.filter(({ wrong }) => wrong > 0);
  const P = probed?.P ?? null;
  const wrongP = P && P.wrong > 0 && systemOf(failure.c).logLinear ? P : null;
  const plots = shown.map((located, i) => {
    const errors = failure.outputs.find(({ name }) => name === located.name);
    const inside = curvesOf(located, errors, located.name === 'o' ? wrongP : null);
    if (i === 0) return inside;
    return markup`<details class="finding"><summary><span class="name">${located.name}</span></summary><div>${inside}</div></details>`;
  });
  return section('where', 'Where it is wrong', outputsTable(report), sentencesOf(localisation.sentences), ...plots);
}

/** The first is there to be seen, the others on demand. */
function jacobianDetails(jacobian: ProbedJacobian, c: Case, isOpen: boolean): Markup {
  const letters = axes(c, jacobian.name);
  const heads = letters.startsWith('BT') ? (letters.includes('G') ? 'group' : 'head') : null;
  const title = `Jacobian of the gradient of ${jacobian.name}: ${counted(jacobian.wrong, 'entry is', 'entries are')} wrong`;
  const inside = jacobianOf(jacobian, heads);
  return markup`<details class="finding"${raw(isOpen ? ' open' : '')}><summary><span class="name">${title}</span></summary><div>${inside}</div></details>`;
}

function computesOf({ probed, failure }: DebugReport): Section | null {
  if (!probed) return null;
  const { P, levelMap, isReliable, jacobians } = probed;
  return section(
    'computes',
    'What it computes',
    isReliable ? null : markup`<p><strong>A hint only:</strong> a premise of the probes does not hold.</p>`,
    sentencesOf(probed.sentences),
    P && P.wrong > 0 ? matricesOf(P, levelMap, systemOf(failure.c).logLinear) : null,
    ...jacobians.map((each, i) => jacobianDetails(each, failure.c, i === 0)),
  );
}

function diagnosisOf({ diagnosis }: DebugReport): Section | null {
  if (!diagnosis) return null;
  const { causes, pairs, forward, text } = diagnosis;
  const named = [...causes, ...pairs, ...forward];
  const one = ({ names, bug, line, agrees, of, telling }: Cause): Markup => markup`
<dt>${names.join(', ')}</dt><dd>${bug}<br><span class="quiet">as it should be:</span> <code>${line}</code><br><span class="quiet">the same answers on ${agrees} of ${of} cases; ${telling} tell it from what is right</span></dd>`;
  return section(
    'diagnosis',
    'Most likely',
    sentencesOf(text),
    named.length === 0 ? null : markup`<dl class="suspects">${named.map(one)}</dl>`,
  );
}

function smallestOf(report: DebugReport): Section | null {
  const { minimised } = report;
  const failure = shownFailure(report);
  const output = worstOutput(failure);
  if (!output) return null;
  const about = minimised
    ? `${minimised.questions} questions in ${minimised.seconds.toFixed(1)} s. ${minimised.isMinimal ? 'Nothing that was tried makes it smaller.' : 'The budget ended before everything was tried.'}`
    : 'As it was given: it was not minimised.';
  const { c } = failure;
  const tensors = tensorsIn(c).map(([name, value]) => [name, cut(nested(toDense(value), value.shape), LONGEST_TENSOR)]);
  const rows = rowsOf(output, 60).map(
    ({ place, expected, actual, ratio, isWrong: wrong }) =>
      markup`<tr><th scope="row"><code>${place}</code></th><td class="number">${expected}</td><td class="number ${wrong ? 'wrong' : ''}">${actual}</td><td class="number ${wrong ? 'wrong' : ''}">${ratio}${wrong ? ' ✗' : ''}</td></tr>`,
  );
  const left = output.ratio.length - rows.length;
  return section(
    'smallest',
    minimised ? 'The smallest case' : 'The case',
    markup`<p class="small">${sizesText(c)}. ${about}</p>`,
    markup`<dl>${[...fieldsOf(c), ...tensors].map(([name, text]) => markup`<dt>${name}</dt><dd><code>${text}</code></dd>`)}</dl>`,
    markup`<div class="scroll" tabindex="0" role="region" aria-label="elements"><table class="lists elements"><thead><tr><th scope="col">element</th><th scope="col">expected</th><th scope="col">actual</th><th scope="col">of the bound</th></tr></thead><tbody>${rows}</tbody></table></div>`,
    left > 0 ? markup`<p class="small">And ${left} more elements.</p>` : null,
  );
}

function testsSection(report: DebugReport): Section | null {
  const tests = testsOf(report);
  const c = jsonText(caseToJson(shownFailure(report).c));
  const whole = c.length <= LONGEST ? folded('case-json', 'The case as JSON', c) : null;
  if (!tests) {
    return section('tests', 'Tests', markup`<p>The case is too large to be written into a test.</p>`, whole);
  }
  return section(
    'tests',
    'The same as a test',
    markup`<p class="small">Say in <code>kernel</code> how yours is called.</p>`,
    folded('test-torch', 'Python with torch', tests.torch),
    folded('test-numpy', 'Python with numpy', tests.numpy),
    folded('test-typescript', 'TypeScript', tests.typescript),
    whole,
  );
}

/** Past what is long: to the smallest case, or to the first section that is there. */
function skipLink({ minimised }: DebugReport, sections: readonly Section[]): Markup | null {
  const smallest = sections.find(({ id }) => id === 'smallest');
  if (smallest) return markup`<a class="skip" href="#smallest">to the ${minimised ? 'smallest ' : ''}case</a>`;
  const [first] = sections;
  return first ? markup`<a class="skip" href="#${first.id}">to the first part: ${first.title}</a>` : null;
}

export function debugHtml(report: DebugReport): string {
  const { implementation, failure, replay, notes, intermediates } = report;
  const wrong = isWrong(failure);
  const sections = [
    diagnosisOf(report),
    whereOf(report),
    computesOf(report),
    section('intermediates', 'What it gave beside the answer', sentencesOf(intermediates)),
    wrong ? smallestOf(report) : null,
    wrong ? testsSection(report) : null,
    section('notes', 'Notes', sentencesOf(notes)),
    section('again', 'Again', copied('replay', replay)),
  ].filter((each) => each !== null);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${raw(policy)}">
<link rel="icon" href="data:,">
<title>${wrong ? '✗' : '✓'} ${implementation} – ${failure.c.system}</title>
<style>${raw(style)}</style>
</head>
<body>
${skipLink(report, sections)}
${headOf(report)}
<main>
${sections.map(({ content }) => content)}
</main>
<footer>Colours are those that colour-blind readers tell apart. What is wrong has a cross or a line around it as well, a level a shape or its number.</footer>
<div id="said" class="skip" role="status"></div>
<script>${raw(copyScript)}</script>
</body>
</html>
`.markup;
}
