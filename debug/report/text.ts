/** What `lla debug` prints: short, the most telling first. */

import { wrapAnsi } from 'fast-wrap-ansi';
import type { Colors } from 'picocolors/types.js';
import { isWrong } from '../failure.ts';
import type { Located } from '../localise/localisation.ts';
import { farWords } from '../localise/words.ts';
import { caseLines, sizesText } from '../minimise/print.ts';
import { worstOutput } from '../minimise/still-wrong.ts';
import type { Probed } from '../probe/probed.ts';
import { type DebugReport, shownFailure } from './report.ts';
import { barsOf, pairRatio, squareOf } from './shades.ts';

const WIDTH = 72;
const MOST_SENTENCES = 6;
/** What the probe says where it found nothing. */
const NOTHING = 'nothing wrong';

const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}`.trimEnd()).join('\n');

/** Sentences that are too long for a line go on, further in, on the next one. */
const wrapped = (sentences: readonly string[], width: number): string[] =>
  width > 400
    ? [...sentences]
    : sentences.flatMap((each) =>
        wrapAnsi(each, Math.max(width - 4, 20))
          .split('\n')
          .map((line, i) => (i === 0 ? line : `  ${line}`)),
      );

const few = (sentences: readonly string[]): string[] => {
  const rest = sentences.length - MOST_SENTENCES;
  return rest > 0 ? [...sentences.slice(0, MOST_SENTENCES), `… and ${rest} more; --json has all`] : [...sentences];
};

/** In one line, for outputs that are not told in full. */
function outputLine({ name, wrong, total, worst, set }: Located, colors: Colors): string {
  if (wrong === 0 || !worst) return `${colors.green('✓')} ${name} is right`;
  const where = set ? `, ${set.words}` : '';
  return `${colors.red('✗')} ${name}: ${wrong} of ${total}${where}; ${farWords(worst)}`;
}

function barsText({ profile, name }: Located): string[] {
  const { byPosition, chunkEdges } = profile;
  if (byPosition.length < 4) return [];
  const { bars, marks, each } = barsOf(byPosition, chunkEdges, WIDTH);
  const of = each > 1 ? `, ${each} positions a sign` : '';
  return [
    `${name} over the position: · right, ▁ just beyond the bound, █ 10⁷ times it or more${of}`,
    bars,
    ...(marks === '' ? [] : [`${marks}  chunks`]),
  ];
}

function matrixText({ P }: Probed): string[] {
  if (!P || P.wrong === 0) return [];
  const size = P.truth.length;
  const ratio = (t: number, s: number): number => pairRatio(P.actual[t][s], P.truth[t][s], P.bound[t][s]);
  return [
    `its P of row ${P.row}, head ${P.head}, a query a line, a key a column: · right, ░▒▓█ wrong`,
    ...squareOf(size, ratio, 24),
  ];
}

/** All of it for people; `colors` that do nothing leave signs that say the same. `width`: columns that sentences are broken at. */
export function debugText(report: DebugReport, colors: Colors, width = Number.POSITIVE_INFINITY): string {
  const { implementation, failure, localisation, probed, diagnosis, minimised, notes, replay, intermediates } = report;
  const { c, precision } = failure;
  const title = `${implementation} · ${c.system} in ${precision.name}, ${sizesText(c)}`;
  const section = (name: string, lines: readonly string[]): string =>
    lines.length === 0 ? '' : `${colors.bold(name)}\n${indented(lines)}`;
  const wrap = (sentences: readonly string[]): string[] => wrapped(sentences, width);
  const beside = section('what it gave beside the answer', wrap(few(intermediates)));
  if (!isWrong(failure)) {
    const right = `${colors.green('✓')} ${title}\n  every output is within its bounds`;
    const known = diagnosis && diagnosis.wrong > 0 ? section('most likely', wrap(diagnosis.text)) : '';
    const computes = (probed?.sentences ?? []).filter((sentence) => sentence !== NOTHING);
    const found = section('what it computes', wrap(few(computes)));
    return [right, known, found, beside].filter((part) => part !== '').join('\n\n');
  }
  const name = worstOutput(failure)?.name;
  const worst = localisation.outputs.find((each) => each.name === name);
  const others = localisation.outputs.filter((each) => each.name !== name);
  const shown = shownFailure(report);
  const output = worstOutput(shown);
  const smallest = minimised
    ? `smallest case (${minimised.questions} questions${minimised.isMinimal ? '; nothing that was tried makes it smaller' : '; the budget ended first'})`
    : 'case';
  return [
    colors.bold(`${colors.red('✗')} ${title}`),
    section('most likely', wrap(diagnosis?.text ?? [])),
    section('where', [
      ...wrap([
        ...failure.faults.map((fault) => `${colors.red('✗')} ${fault}`),
        ...(worst ? [`${colors.red('✗')} ${worst.sentence}`] : []),
        ...others.map((each) => outputLine(each, colors)),
      ]),
      ...padded(worst ? barsText(worst) : []),
    ]),
    section('what it computes', probed ? [...wrap(few(probed.sentences)), ...padded(matrixText(probed))] : []),
    beside,
    section(smallest, caseLines(shown, output)),
    section('notes', wrap(notes)),
    section('again', [replay]),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const padded = (lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', ...lines]);
