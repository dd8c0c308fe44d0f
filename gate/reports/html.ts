/** The report as one page without other files: for reading, it needs no network and no scripts. */

import { counted } from '../../reference/tensor.ts';
import { executionText } from '../report.ts';
import type { GateReport } from '../run.ts';
import { blockedBy, cut, type Finding, failuresFirst, findingsOf, groupBy, type Sign, subjectOf } from './findings.ts';
import { findingOf } from './html/finding.ts';
import { marginsOf } from './html/margins.ts';
import { matrixOf } from './html/matrix.ts';
import { policyFor } from './html/policy.ts';
import { script } from './html/script.ts';
import { ALL_SIGNS, SIGNS, signOf } from './html/signs.ts';
import { style } from './html/style.ts';
import { type Markup, markup, raw } from './markup.ts';

/** So many failures are told in full: a page with thousands of cases opens nowhere. */
const MOST_FINDINGS = 300;
const LONGEST = 2000;
/** Known failures, in the order in which they are listed. */
const KNOWN: readonly Sign[] = ['expected', 'flaky', 'recommended'];

const policy = policyFor(style, script);

function countsOf(findings: readonly Finding[]): Markup {
  const groups = groupBy(findings, ({ sign }) => sign);
  const present = ALL_SIGNS.filter((sign) => groups.has(sign));
  return markup`<ul class="counts">${present.map((sign) => markup`<li>${signOf(sign)} ${groups.get(sign)?.length} ${(groups.get(sign)?.length ?? 0) === 1 ? SIGNS[sign].called : SIGNS[sign].many}</li>`)}</ul>`;
}

function headOf(report: GateReport, findings: readonly Finding[]): Markup {
  const { command, seed, runs, shard, fixtures, conforms, enforceRecommended, summary } = report;
  const about = [
    ...(fixtures === undefined
      ? [`seed ${seed}`, `${counted(runs, 'run')} a law`]
      : [`fixtures ${fixtures}`, `seed ${seed}`]),
    `${counted(summary.cases, 'case')} in ${summary.seconds.toFixed(1)} s`,
    ...(enforceRecommended ? ['recommended laws enforced'] : []),
    ...(shard ? [`part ${shard.index} of ${shard.of} only`] : []),
  ].join(' · ');
  return markup`
<header>
<h1>Log-linear attention conformance</h1>
${command ? markup`<p><code>${cut(command.join(' '), LONGEST)}</code></p>` : null}
<p class="verdict">${signOf(conforms ? 'passed' : 'failed')}${conforms ? 'conforms' : 'does not conform'}</p>
${countsOf(findings)}
<p class="small quiet">${about}</p>
</header>`;
}

function firstOf(
  failures: readonly Finding[],
  findings: readonly Finding[],
  anchors: Map<number, string>,
): Markup | null {
  const [first, ...others] = failures;
  if (!first) return null;
  const blocked = blockedBy(first, findings);
  const more = [
    ...(others.length > 0 ? [`${counted(others.length, 'other failure')} below may follow from the same fault`] : []),
    ...(blocked.length > 0 ? [`${counted(blocked.length, 'law')} could not be judged because of it`] : []),
  ].join('; ');
  return markup`
<section class="first" id="first" data-group>
<h2>Look at this first</h2>
${more ? markup`<p class="small">${more}.</p>` : null}
${findingOf(first, { blocked, id: anchors.get(first.at) ?? 'first-failure', open: true })}
</section>`;
}

function filterOf(findings: readonly Finding[]): Markup {
  const present = ALL_SIGNS.filter((sign) => findings.some((finding) => finding.sign === sign));
  const box = (sign: Sign): Markup =>
    markup`<label><input type="checkbox" value="${sign}" checked> ${signOf(sign)} ${SIGNS[sign].called}</label>`;
  return markup`
<div class="filter" role="search" data-script hidden>
<label class="small quiet">Law, system, reason <input type="search" id="search" autocomplete="off" spellcheck="false"></label>
<fieldset><legend class="small quiet">Show</legend>${present.map(box)}</fieldset>
<span class="small" id="shown" role="status"></span>
</div>`;
}

function listOf(
  id: string,
  title: string,
  about: string,
  list: readonly Finding[],
  anchors: Map<number, string>,
  findings: readonly Finding[],
): Markup | null {
  if (list.length === 0) return null;
  const rest = list.length - MOST_FINDINGS;
  return markup`
<section id="${id}" data-group>
<h2>${title} (${list.length})</h2>
<p class="small quiet">${about} <span data-script hidden><button type="button" data-open="yes">open all</button> <button type="button" data-open="no">close all</button></span></p>
${list.slice(0, MOST_FINDINGS).map((finding) => findingOf(finding, { blocked: blockedBy(finding, findings), id: anchors.get(finding.at) ?? `v${finding.at}` }))}
${rest > 0 ? markup`<p>And ${rest} more, which the matrix and the JSON report have.</p>` : null}
</section>`;
}

/** By implementation and reason: the same few reasons hold for hundreds of verdicts. */
function notCoveredOf(findings: readonly Finding[]): Markup | null {
  const list = findings.filter(({ sign }) => sign === 'not-covered');
  if (list.length === 0) return null;
  const groups = [...groupBy(list, ({ verdict }) => JSON.stringify([subjectOf(verdict), verdict.reason ?? '']))];
  const row = ([key, each]: [string, Finding[]]): Markup => {
    const [subject, reason] = JSON.parse(key) as [string, string];
    const unique = (of: (finding: Finding) => string): string => [...new Set(each.map(of))].join(', ');
    const laws = unique(({ verdict }) => verdict.law);
    const systems = unique(({ verdict }) => verdict.system);
    return markup`
<tr data-item="not-covered" data-text="${`${subject} ${reason} ${laws} ${systems}`.toLowerCase()}"><th scope="row">${subject}</th><td>${cut(reason, LONGEST)}</td><td class="number">${each.length}</td><td><details><summary>which</summary><p class="small">laws: ${laws}</p><p class="small">systems: ${systems}</p></details></td></tr>`;
  };
  return markup`
<section id="not-covered" data-group>
<h2>Not covered (${list.length})</h2>
<p class="small quiet">The implementation was not asked: neither a pass nor a failure.</p>
<div class="scroll" tabindex="0" role="region" aria-label="what is not covered">
<table class="lists"><thead><tr><th scope="col">implementation</th><th scope="col">reason</th><th scope="col" class="number">verdicts</th><td></td></tr></thead>
<tbody>${groups.map(row)}</tbody></table>
</div>
</section>`;
}

/** Where each verdict is told: a failure by itself, what is blocked by the failure that blocks it. */
function anchorsOf(told: readonly Finding[], findings: readonly Finding[]): Map<number, string> {
  const anchors = new Map(told.map(({ at }) => [at, `v${at}`]));
  for (const failure of told) {
    for (const { at } of blockedBy(failure, findings)) if (!anchors.has(at)) anchors.set(at, `v${failure.at}`);
  }
  return anchors;
}

export function htmlOf(report: GateReport): string {
  const findings = findingsOf(report);
  const failures = failuresFirst(findings);
  const known = KNOWN.flatMap((sign) => findings.filter((finding) => finding.sign === sign));
  const [, ...others] = failures;
  const anchors = anchorsOf([...failures.slice(0, MOST_FINDINGS + 1), ...known.slice(0, MOST_FINDINGS)], findings);
  const ran = executionText(report);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${raw(policy)}">
<link rel="icon" href="data:,">
<title>${report.conforms ? '✓ conforms' : '✗ does not conform'} – log-linear attention</title>
<style>${raw(style)}</style>
</head>
<body>
<a class="skip" href="#matrix">to the matrix of laws and systems</a>
${headOf(report, findings)}
<main>
${firstOf(failures, findings, anchors)}
${filterOf(findings)}
<section id="matrix">
<h2>Laws and systems</h2>
<ul class="legend" data-legend>${ALL_SIGNS.filter((sign) => findings.some((each) => each.sign === sign)).map((sign) => markup`<li>${signOf(sign)} ${SIGNS[sign].called}</li>`)}</ul>
<p class="small quiet">Empty: the law does not speak about the system.</p>
${matrixOf(findings, anchors)}
</section>
${listOf('failures', 'Other failures', 'What others depend on comes first.', others, anchors, findings)}
${listOf('known', 'Known failures', 'They do not count against the run, for the reason given.', known, anchors, findings)}
${marginsOf(findings)}
${notCoveredOf(findings)}
${ran === '' ? null : markup`<section id="execution"><h2>Where it ran</h2><pre>${ran}</pre></section>`}
</main>
<footer>Signs are shapes as well as colours. Every failure can be seen again with its command, in the folder that this run was started in.</footer>
<div id="said" class="skip" role="status"></div>
<script>${raw(script)}</script>
</body>
</html>
`.markup;
}
