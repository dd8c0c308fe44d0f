/** Whether outputs are divided by the sum of their weights, or softmax is taken of the scores: then a query's weights add up to 1. */
import { systemOf, tensorBy } from '../../properties/edit.ts';
import { held, type Lab, plainCase, readMatrices, shapeFor, squareOf } from './lab.ts';
import { isPast } from './pairs.ts';
import type { Finding } from './probed.ts';

/** A way to come from the weights of a query to those that it reads with. */
interface Way {
  kind: string;
  words: string;
  of(weights: readonly number[]): number[];
}

const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0);

const WAYS: readonly Way[] = [
  {
    kind: 'right',
    words: '',
    of: (weights) => [...weights],
  },
  {
    kind: 'divided-by-the-weights',
    words: 'outputs are divided by the sum of their weights, as softmax does',
    of: (weights) => weights.map((each) => each / sum(weights)),
  },
  {
    kind: 'divided-by-one-or-more',
    words: 'outputs are divided by the sum of their weights, where that is more than 1 in size',
    of: (weights) => weights.map((each) => each / Math.max(Math.abs(sum(weights)), 1)),
  },
  {
    kind: 'softmax-of-scores',
    words: 'softmax is taken of the scores, before the mask multiplies them',
    of: (weights) => weights.map((each) => Math.exp(each) / sum(weights.map(Math.exp))),
  },
];

/** Keys of four lengths: scores of 1/4 ... 1, times a size. */
const score = (s: number, size: number): number => (size * (1 + (s % 4))) / 4;

/** Of P with scores of a size, which ways it can have come about. */
async function waysAt(lab: Lab, size: number): Promise<Way[]> {
  const { T, row, head } = lab;
  const k = tensorBy(shapeFor(lab.c, 'k'), ([, s, , i]) => (i === 0 ? score(s, size) : 0));
  const P = squareOf(lab, await readMatrices(lab, held(lab, plainCase(lab, { k }))), row, head);
  return WAYS.filter(({ of }) =>
    Array.from({ length: T }, (_, t) => t).every((t) => {
      const keys = Array.from({ length: t + 1 }, (_, s) => s).filter((s) => isPast(lab, row, t, s));
      const wanted = of(keys.map((s) => score(s, size)));
      return keys.every((s, i) => Math.abs(P[t * T + s] / wanted[i] - 1) < 0.02);
    }),
  );
}

/** Null where weights are as they are. An erase makes others of them. */
export async function dividedOf(lab: Lab): Promise<Finding | null> {
  if (lab.T < 2 || systemOf(lab.c).recurrence?.beta) return null;
  const [large, small] = [await waysAt(lab, 1), await waysAt(lab, 2 ** -8)];
  const both = large.filter((way) => small.includes(way));
  const [found] = both;
  return found && found.kind !== 'right' ? { kind: found.kind, sentence: found.words } : null;
}
