/** Rules by which people tell a wrong kernel from a right one, each on one tensor of an answer. */
import { ratioOf } from '../../properties/compare.ts';
import { type Precision, unitRoundoff } from '../../properties/precision.ts';

/** One tensor of an answer: what came out, what is exact, what a plain kernel of the precision says, and our bounds. */
export interface Judged {
  actual: Float64Array;
  exact: Float64Array;
  plain: Float64Array;
  bound: Float64Array;
  /** The likely bound where inputs are independent, else the one above. */
  likely: Float64Array;
}

export interface Rule {
  name: string;
  accuses(judged: Judged, precision: Precision): boolean;
}

const rms = (values: Float64Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
const apart = (a: Float64Array, b: Float64Array): Float64Array => a.map((x, i) => (x === b[i] ? 0 : x - b[i]));
const largest = (values: Float64Array): number => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** rms(actual - exact) / rms(exact) over the whole tensor, as public kernels of linear attention are tested. */
const rmsRatio = (limit: number): Rule => ({
  name: `rms ratio < ${limit}`,
  accuses({ actual, exact }) {
    const difference = rms(apart(actual, exact));
    return !(difference === 0 || difference < limit * rms(exact));
  },
});

const allclose: Rule = {
  name: 'allclose 1e-3',
  accuses: ({ actual, exact }) => !actual.every((x, i) => Math.abs(x - exact[i]) <= 1e-3 + 1e-3 * Math.abs(exact[i])),
};

/** As kernels of softmax attention are tested; one rounding of the largest output is always allowed. */
const twicePlain: Rule = {
  name: 'twice a plain kernel',
  accuses({ actual, exact, plain }, { output }) {
    const allowed = 2 * largest(apart(plain, exact)) + unitRoundoff(output) * largest(exact);
    return !(largest(apart(actual, exact)) <= allowed);
  },
};

const isOutside = (actual: Float64Array, exact: Float64Array, bound: Float64Array): boolean =>
  actual.some((x, i) => ratioOf(x, exact[i], bound[i]) > 1);

const elementBound: Rule = {
  name: 'our bound, each element',
  accuses: ({ actual, exact, bound }) => isOutside(actual, exact, bound),
};

const likelyBound: Rule = {
  name: 'our likely bound, each element',
  accuses: ({ actual, exact, likely }) => isOutside(actual, exact, likely),
};

export const rules: readonly Rule[] = [
  ...[0.004, 0.005, 0.006, 0.008, 0.01, 0.015].map(rmsRatio),
  allclose,
  twicePlain,
  elementBound,
  likelyBound,
];
