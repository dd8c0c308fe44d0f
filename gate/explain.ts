/** `lla explain`: where the bound of an element comes from, and which elements of an answer are worst. */
import { compare, ravel, unravel } from '../properties/compare.ts';
import { byName } from '../properties/errors/by-element.ts';
import { costsOf } from '../properties/errors/costs.ts';
import { createModel } from '../properties/errors/model.ts';
import { same, tensorsOf } from '../properties/laws/common.ts';
import { isInside, type Output, outputsOf } from '../properties/outputs.ts';
import type { Precision } from '../properties/precision.ts';
import { type Bounds, boundsOf, explainBound, type Term } from '../properties/tolerance.ts';
import type { Answer, Case } from '../reference/case.ts';
import { InvalidInput } from '../reference/errors.ts';
import { compute } from '../reference/operator.ts';
import { checkCase } from '../reference/shapes.ts';
import { elements, show, type Tensor, toDense } from '../reference/tensor.ts';

const WHERE = 'explain';

export interface Wanted {
  /** Default: o, or the output of the worst element of the answer. */
  output?: string;
  /** Default: the element of that output whose bound is largest against the size of its terms. */
  index?: number[];
  /** Somebody's answer to the case, to be judged. */
  answer?: Answer;
}

/** One element, and what its bound is made of. */
export interface ExplainedElement {
  output: string;
  index: number[];
  exact: number;
  /** What the terms of the element add up to in absolute value. */
  size: number;
  bound: number;
  /** Largest first. `together`: what the bound has beyond the causes one by one. Shares are of all that is listed. */
  terms: { cause: Term['cause'] | 'together'; allows: number; share: number; because: string }[];
}

/** One output of an answer: what is wrong with all of it, or its worst element. Neither where it is empty. */
export interface JudgedOutput {
  output: string;
  holds: boolean;
  wrong?: string;
  worst?: { index: number[]; actual: number; exact: number; difference: number; bound: number; ratio: number };
}

export interface Explanation {
  system: string;
  precision: string;
  /** Of the answer, where there is one: whether every element is there and within its bound. */
  conforms?: boolean;
  outputs?: JudgedOutput[];
  /** null where an answer leaves no element to explain. */
  element: ExplainedElement | null;
}

/** What is known about one output. */
interface Known extends Output {
  exact: Tensor;
  bound: Float64Array;
}

function differenceOf(actual: number, exact: number): number {
  const isEqual = actual === exact || (Number.isNaN(actual) && Number.isNaN(exact));
  return isEqual ? 0 : Math.abs(actual - exact);
}

function judgeOutput(output: string, actual: Tensor | undefined, { exact, bound, shape }: Known): JudgedOutput {
  if (!actual) return { output, holds: false, wrong: `missing, shape ${show(shape)} wanted` };
  if (actual.shape.join() !== shape.join()) {
    return { output, holds: false, wrong: `shape ${show(actual.shape)} where ${show(shape)} is wanted` };
  }
  if (elements(shape) === 0) return { output, holds: true };
  const worst = compare(output, actual, exact, bound);
  const { index, ratio } = worst;
  const difference = differenceOf(worst.actual, worst.expected);
  const numbers = { actual: worst.actual, exact: worst.expected, difference, bound: worst.bound, ratio };
  return { output, holds: ratio <= 1, worst: { index, ...numbers } };
}

function judgePosition(actual: readonly number[], wanted: readonly number[]): JudgedOutput[] {
  if (same('position', actual, wanted).ratio === 0) return [];
  return [{ output: 'position', holds: false, wrong: `${show(actual)} where ${show(wanted)} is wanted` }];
}

/** The place where the bound is largest against the size of the terms; a size of 0 has a bound for underflow alone. */
function loosest(bound: Float64Array, size: Float64Array): number {
  let most = -1;
  let at = 0;
  bound.forEach((each, i) => {
    const ratio = size[i] > 0 ? each / size[i] : 0;
    if (ratio > most) [most, at] = [ratio, i];
  });
  return at;
}

/** The output and the place that were asked for, checked. */
function choose(known: Map<string, Known>, wanted: Wanted, c: Case, p: Precision): { output: string; at: number } {
  const output = wanted.output ?? 'o';
  const found = known.get(output);
  if (!found) {
    const remedy = c.cotangents ? '' : 'cotangents in the case ask for gradients';
    throw new InvalidInput(WHERE, '--output', JSON.stringify(output), [...known.keys()].join(', '), remedy);
  }
  const { shape, name, bound } = found;
  if (elements(shape) === 0) {
    const remedy = 'give a case with positions, or --output finalState';
    throw new InvalidInput(WHERE, '--output', `${output} of shape ${show(shape)}`, 'one that has elements', remedy);
  }
  if (wanted.index === undefined) {
    return { output, at: loosest(bound, byName(createModel(c, p, costsOf(c, p)).size, name)) };
  }
  if (!isInside(wanted.index, shape)) {
    const remedy = 'indices begin at 0, one for each axis';
    throw new InvalidInput(WHERE, '--index', show(wanted.index), `an element of ${output} ${show(shape)}`, remedy);
  }
  return { output, at: ravel(wanted.index, shape) };
}

/** Below this share of the bound it is not worth a line that errors multiply each other. */
const VISIBLE = 0.005;

function explainElement(c: Case, p: Precision, output: string, at: number, known: Known): ExplainedElement {
  const bound = known.bound[at];
  const { size, terms } = explainBound(c, p, known.name, at);
  const listed: { cause: ExplainedElement['terms'][0]['cause']; value: number; because: string }[] = [...terms];
  const sum = terms.reduce((all, { value }) => all + value, 0);
  if (bound > sum && (bound === Number.POSITIVE_INFINITY || bound - sum > VISIBLE * bound)) {
    const because = Number.isFinite(bound)
      ? 'these errors multiplied with each other'
      : 'a sum that may be anything, or too large';
    listed.push({ cause: 'together', value: bound - sum, because });
  }
  const all = Math.max(sum, bound);
  return {
    output,
    index: unravel(at, known.shape),
    exact: toDense(known.exact)[at],
    size,
    bound,
    terms: listed
      .sort((a, b) => b.value - a.value)
      .map(({ cause, value, because }) => ({ cause, allows: value, share: value === all ? 1 : value / all, because })),
  };
}

function knownOf(c: Case, exact: Answer, bounds: Bounds): Map<string, Known> {
  const tensors = tensorsOf(exact);
  const known = new Map<string, Known>();
  for (const [output, each] of outputsOf(c)) {
    known.set(output, { ...each, exact: tensors.get(output) as Tensor, bound: byName(bounds, each.name) });
  }
  return known;
}

/**
 * Explains the bound of one element of a case; with an answer also judges every output, and explains its worst element. What counts
 * as exact is the oracle's answer in float64.
 * @throws InvalidInput where the case has no answer, or not the element that is wanted
 */
export function explain(c: Case, p: Precision, wanted: Wanted = {}): Explanation {
  checkCase(WHERE, c);
  const exact = compute(c);
  const known = knownOf(c, exact, boundsOf(c, p));
  const names = { system: c.system, precision: p.name };
  const explainAt = ({ output, at }: { output: string; at: number }): ExplainedElement =>
    explainElement(c, p, output, at, known.get(output) as Known);
  const isChosen = wanted.output !== undefined || wanted.index !== undefined;
  if (!wanted.answer) return { ...names, element: explainAt(choose(known, wanted, c, p)) };

  const given = tensorsOf(wanted.answer);
  const outputs = [...known].map(([output, each]) => judgeOutput(output, given.get(output), each));
  const positions = judgePosition(wanted.answer.position, exact.position);
  const conforms = [...outputs, ...positions].every(({ holds }) => holds);
  let worst: { output: string; at: number; ratio: number } | null = null;
  for (const each of outputs) {
    if (!each.worst || each.worst.ratio <= (worst?.ratio ?? -1)) continue;
    const { shape } = known.get(each.output) as Known;
    worst = { output: each.output, at: ravel(each.worst.index, shape), ratio: each.worst.ratio };
  }
  const chosen = isChosen ? choose(known, wanted, c, p) : worst;
  return {
    ...names,
    conforms,
    outputs: [...outputs, ...positions],
    element: chosen && explainAt(chosen),
  };
}
