/** The implementation's own P against the true one, entry by entry. */

import { ratioOf } from '../../properties/compare.ts';
import { counted } from '../../reference/tensor.ts';
import { labelsOf, named } from '../localise/localise.ts';
import { type Hypothesis, type Labels, simplestSet } from '../localise/search.ts';
import { shareWords } from '../localise/words.ts';
import { type Lab, type Matrices, rows, squareOf } from './lab.ts';
import { isPast, PAIR_AXES, pairSets, trueLevel } from './pairs.ts';
import type { Finding, ProbedMatrix } from './probed.ts';

const MOST_PAIRS = 1000;

/** Ratios of every entry of one head; above 1 is wrong. */
export const ratiosOf = (actual: Float64Array, truth: Float64Array, bound: Float64Array): Float64Array =>
  actual.map((value, at) => ratioOf(value, truth[at], bound[at]));

/** Pairs in words, the first few of them. */
export function pairWords(pairs: readonly { t: number; s: number }[]): string {
  const shown = pairs.slice(0, 3).map(({ t, s }) => `P[${t},${s}]`);
  return shown.join(', ') + (pairs.length > 3 ? ', …' : '');
}

/** The simplest set of wrong pairs in words, with how good it is; null where none is good enough. */
export function pairSetWords(labels: Labels, hypotheses: readonly Hypothesis[]): string | null {
  const found = named(simplestSet(labels, hypotheses), hypotheses, (cut) => (cut === '' ? 'everywhere' : ''));
  return found && [found.words, ...shareWords(found)].join('; ');
}

/** Which entries of P are no numbers: before all else, since nothing can be read off them. */
export function noNumbers(lab: Lab, { row, head, actual }: ProbedMatrix): Finding | null {
  const { T } = lab;
  const isNone = actual.flat().map((value) => !Number.isFinite(value));
  const count = isNone.filter(Boolean).length;
  if (count === 0) return null;
  const hypotheses = pairSets(lab, row, head, (at) => isNone[at]);
  const labels = Int8Array.from(isNone, (each) => (each ? 1 : -1));
  const all = actual.flat().every(Number.isNaN) ? 'NaN' : 'NaN or infinite';
  const where = pairSetWords({ axes: PAIR_AXES, shape: [T, T], labels }, hypotheses);
  const pairs = [...isNone.keys()].filter((at) => isNone[at]).map((at) => ({ t: Math.floor(at / T), s: at % T }));
  return {
    kind: 'no-numbers',
    sentence: `${count} of ${T * T} entries of P are no numbers (${all}): ${where ?? pairWords(pairs)}`,
  };
}

/** One head that is wrong, the one where the failure is worst if it is one of them; how many others are. */
export function matrixOf(lab: Lab, actual: Float64Array, right: Matrices): ProbedMatrix {
  const { T, B, H } = lab;
  const wrongHeads: ProbedMatrix['wrongHeads'] = [];
  for (let row = 0; row < B; row++) {
    for (let head = 0; head < H; head++) {
      const [a, e, b] = [actual, right.values, right.bound].map((each) => squareOf(lab, each, row, head));
      const wrong = ratiosOf(a, e, b).filter((each) => !(each <= 1)).length;
      if (wrong > 0) wrongHeads.push({ row, head, wrong });
    }
  }
  const isWorst = ({ row, head }: { row: number; head: number }): boolean => row === lab.row && head === lab.head;
  const chosen = wrongHeads.find(isWorst) ?? wrongHeads[0] ?? { row: lab.row, head: lab.head };
  const { row, head } = chosen;
  const [a, e, b] = [actual, right.values, right.bound].map((each) => squareOf(lab, each, row, head));
  const ratio = ratiosOf(a, e, b);
  const places = [...ratio.keys()].filter((at) => !(ratio[at] <= 1)).sort((x, y) => ratio[y] - ratio[x] || x - y);
  const wrongPairs = places.slice(0, MOST_PAIRS).map((at) => ({ t: Math.floor(at / T), s: at % T, ratio: ratio[at] }));
  const hypotheses = places.length > 0 ? pairSets(lab, row, head, (at) => !(ratio[at] <= 1)) : [];
  const labels = labelsOf({ axes: PAIR_AXES, shape: [T, T], ratio, expected: e, bound: b });
  const set = pairSetWords(labels, hypotheses);
  const sentences: string[] = [];
  if (places.length > 0) {
    const which = B * H > 1 ? ` of row ${row}, head ${head},` : '';
    sentences.push(
      `${counted(places.length, 'entry', 'entries')} of P${which} ${places.length === 1 ? 'is' : 'are'} wrong: ${set ?? `no simple set, such as ${pairWords(wrongPairs)}`}`,
    );
    const future = places
      .filter((at) => at % T > Math.floor(at / T) && a[at] !== 0 && !Number.isNaN(a[at]))
      .sort((x, y) => x - y);
    if (future.length > 0) {
      const [first] = future.map((at) => ({ t: Math.floor(at / T), s: at % T }));
      sentences.push(
        `query ${first.t} reads key ${first.s}, which is after it${future.length > 1 ? `, and ${counted(future.length - 1, 'pair')} more like it` : ''}`,
      );
    }
    const missing = places.filter((at) => a[at] === 0);
    if (missing.length > 0) {
      const pairs = missing.map((at) => ({ t: Math.floor(at / T), s: at % T }));
      sentences.push(
        `${counted(missing.length, 'key')} of a query ${missing.length === 1 ? 'is' : 'are'} not read at all: ${pairWords(pairs)}`,
      );
    }
    const foreign = places.filter(
      (at) => at % T <= Math.floor(at / T) && !isPast(lab, row, Math.floor(at / T), at % T),
    );
    if (foreign.length > 0) {
      const [first] = foreign.map((at) => ({ t: Math.floor(at / T), s: at % T }));
      sentences.push(`query ${first.t} reads key ${first.s} of another packed sequence`);
    }
  }
  if (wrongHeads.length > 0 && wrongHeads.length < B * H) {
    const list = wrongHeads.map(({ row: r, head: h }) => (B > 1 ? `row ${r} head ${h}` : `head ${h}`));
    sentences.push(
      `P is wrong for ${list.slice(0, 8).join(', ')}${list.length > 8 ? ', …' : ''} and right for the others`,
    );
  }
  const levels = Float64Array.from({ length: T * T }, (_, at) => trueLevel(lab, row, Math.floor(at / T), at % T));
  return {
    row,
    head,
    truth: rows(e, T),
    actual: rows(a, T),
    bound: rows(b, T),
    levels: rows(levels, T),
    wrongPairs,
    wrong: places.length,
    wrongHeads,
    set,
    sentences,
  };
}
