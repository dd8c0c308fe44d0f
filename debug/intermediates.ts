/** Steps on the way that an implementation shows by name, against what they are, in units of the bound, and the first that is wrong. */
import { ratioOf, unravel } from '../properties/compare.ts';
import { systemOf } from '../properties/edit.ts';
import { intermediateBounds } from '../properties/intermediates.ts';
import type { Precision } from '../properties/precision.ts';
import type { Answer, Case } from '../reference/case.ts';
import {
  INTERMEDIATES,
  type IntermediateName,
  type Intermediates,
  intermediatesIn,
  intermediatesOf,
} from '../reference/intermediates.ts';
import { type DenseTensor, elements, toDense } from '../reference/tensor.ts';
import { brief } from './localise/relation.ts';
import { placeWords } from './localise/words.ts';

export interface StepErrors {
  name: IntermediateName;
  /** Letters of its axes; N is the chunk. */
  axes: string;
  shape: number[];
  wrong: number;
  total: number;
  /** The first wrong element in the order of time. */
  first: { index: Record<string, number>; actual: number; expected: number } | null;
  /** How far off the worst element is, in units of its bound. */
  worst: number;
  sentence: string;
}

const timesBound = (ratio: number): string =>
  Number.isFinite(ratio) ? `up to ${ratio.toPrecision(2)} times the bound` : 'some where no error is allowed';

/** Which levels are wrong, where not all are. */
function levelsIn(indices: readonly number[][], axis: number, count: number): string {
  if (axis < 0) return '';
  const levels = [...new Set(indices.map((index) => index[axis]))].sort((x, y) => x - y);
  return levels.length === count ? '' : `, level${levels.length > 1 ? 's' : ''} ${levels.join(', ')} alone`;
}

function errorsOf(c: Case, p: Precision, name: IntermediateName, given: DenseTensor, right: DenseTensor): StepErrors {
  const { axes } = INTERMEDIATES.find((each) => each.name === name) as (typeof INTERMEDIATES)[number];
  const shape = [...right.shape];
  const base = { name, axes, shape, total: elements(shape), first: null };
  if (given.shape.join() !== shape.join()) {
    const sentence = `${name} has shape [${given.shape}], where [${shape}] is wanted`;
    return { ...base, wrong: base.total, worst: Number.POSITIVE_INFINITY, sentence };
  }
  const [a, e] = [toDense(given), toDense(right)];
  const bounds = intermediateBounds(c, p, name);
  const ratios = Float64Array.from(a, (value, at) => ratioOf(value, e[at], bounds[at]));
  const wrong = [...ratios.keys()].filter((at) => !(ratios[at] <= 1));
  const worst = ratios.reduce((most, ratio) => (ratio <= most ? most : ratio), 0);
  if (wrong.length === 0) return { ...base, wrong: 0, worst, sentence: `${name}: nothing is wrong` };
  const indices = wrong.map((at) => unravel(at, shape));
  // the axis after the batch row is time, in tokens or chunks
  const earliest = indices.reduce((x, y, i) => (y[1] < indices[x][1] ? i : x), 0);
  const at = wrong[earliest];
  const index = Object.fromEntries(indices[earliest].map((each, axis) => [axes[axis], each]));
  const which = levelsIn(indices, axes.indexOf('L'), shape[axes.indexOf('L')]);
  const place = placeWords(index).replace(/\bN (\d+)/, 'chunk $1');
  const sentence =
    `${wrong.length} of ${base.total} elements of ${name} are wrong${which}, ${timesBound(worst)}; ` +
    `first ${place}: ${brief(a[at])}, where ${brief(e[at])} is right`;
  return { ...base, wrong: wrong.length, first: { index, actual: a[at], expected: e[at] }, worst, sentence };
}

/** The steps that an answer shows, against what they are, and the first wrong one in words; chunks are those of the case. */
export function compareSteps(
  c: Case,
  precision: Precision,
  { intermediates = {} }: Pick<Answer, 'intermediates'>,
): { steps: StepErrors[]; sentences: string[] } {
  const names = intermediatesIn({ system: systemOf(c), cuSeqlens: c.cuSeqlens });
  const given = names.filter((name) => intermediates[name] !== undefined);
  if (given.length === 0) return { steps: [], sentences: [] };
  const right = intermediatesOf(c) as Required<Intermediates>;
  const steps = given.map((name) => errorsOf(c, precision, name, intermediates[name] as DenseTensor, right[name]));
  const at = steps.findIndex(({ wrong }) => wrong > 0);
  if (at < 0) return { steps, sentences: [`${given.join(', ')}: nothing is wrong`] };
  const before = given.slice(0, at);
  const isFirst = before.length > 0 ? `; ${before.join(', ')} ${before.length > 1 ? 'are' : 'is'} right` : '';
  return { steps, sentences: [`the first wrong step is ${steps[at].name}: ${steps[at].sentence}${isFirst}`] };
}
