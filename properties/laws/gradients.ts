/** The backward against derivatives that know nothing of it. */
import fc from 'fast-check';
import type { Answer, Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, elements, type Tensor, toDense } from '../../reference/tensor.ts';
import { fill } from '../arbitraries/cases.ts';
import { ordinary } from '../arbitraries/values.ts';
import { compareExact, ratioOf, unravel, verdict } from '../compare.ts';
import { forwardDerivative } from '../definition-case.ts';
import {
  addTensors,
  inputNames,
  mapTensor,
  scaleTensor,
  sizesOf,
  systemOf,
  withInputs,
  withoutCotangents,
} from '../edit.ts';
import { differentiate } from '../finite-differences.ts';
import type { Implementation, Law, Worst } from '../law.ts';
import { UNIT_ROUNDOFF, underflowOf } from '../tolerance.ts';
import { certifiedBackward, likelyBackward } from './certified.ts';
import { anySystem, bothBounds, boundsFor, sum, tensorsOf } from './common.ts';
import { law } from './define.ts';
import { formsBackward } from './forms.ts';

const inner = (a: Tensor, b: Tensor): number => {
  const x = toDense(a);
  const y = toDense(b);
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
};

const innerAbs = (a: Tensor, b: Float64Array): number => {
  const x = toDense(a);
  let sum = 0;
  // 0 times a bound that promises nothing is 0
  for (let i = 0; i < x.length; i++) if (x[i] !== 0) sum += Math.abs(x[i]) * b[i];
  return sum;
};

type Cotangents = NonNullable<Case['cotangents']>;

/** <o, cotangent> + <finalState, cotangent> */
function loss(answer: Pick<Answer, 'o'> & { finalState?: DenseTensor | null }, { o, finalState }: Cotangents): number {
  return inner(answer.o, o) + (finalState && answer.finalState ? inner(answer.finalState, finalState) : 0);
}

/** One direction for one input: dense, or along a single element; never along an infinite log decay. */
function directionOf(
  c: Case,
  name: InputName,
  seed: number,
  single: boolean,
): { direction: DenseTensor; index: number[] } {
  const value = c.inputs[name] as Tensor;
  const dense = fill(seed, `direction ${name}`, [...value.shape], ordinary[1]);
  const chosen = seed % Math.max(elements(value.shape), 1);
  let at = 0;
  const direction = mapTensor(value, (entry) => {
    const i = at++;
    if (!Number.isFinite(entry)) return 0;
    return single ? (i === chosen ? 1 : 0) : dense.data[i];
  });
  return { direction, index: single && at > 0 ? unravel(chosen, value.shape) : [] };
}

/** A derivative along a direction; along a single element it is that element of the gradient. */
const along = (input: InputName, index: number[], actual: number, expected: number, bound: number): Worst => ({
  name: index.length > 0 ? `gradients.${input}` : `<gradients.${input}, direction>`,
  index,
  actual,
  expected,
  bound,
  ratio: ratioOf(actual, expected, bound),
});

const largest = (value: Tensor): number =>
  toDense(value).reduce((most, entry) => (Number.isFinite(entry) ? Math.max(most, Math.abs(entry)) : most), 2 ** -40);

/** Where to begin: a step over which the operator is well described by a few terms of its series. */
function stepFor(c: Case, name: InputName): number {
  // exp(g) changes by its own size where g changes by 1; in every other input the operator is a polynomial
  if (name === 'g') return 0.125;
  const ofItsSize = 0.125 * largest(c.inputs[name] as Tensor);
  if (systemOf(c).recurrence !== null || name === 'v') return ofItsSize;
  // softmax: exp of a score, which changes by up to scale K |q| |k|
  const slope = Math.abs(c.scale ?? 1) * sizesOf(c).K * largest(c.inputs[name === 'q' ? 'k' : 'q'] as Tensor);
  return Math.min(ofItsSize, 0.125 / Math.max(slope, 2 ** -40));
}

/** One input: its gradient along a direction against the difference quotient. */
async function compareWithDifference(
  subject: Implementation,
  c: Case,
  answer: Answer,
  bound: Float64Array,
  name: InputName,
  seed: number,
  single: boolean,
): Promise<{ worst: Worst; note: string }> {
  const cotangents = c.cotangents as Cotangents;
  const forward = withoutCotangents(c);
  const { direction, index } = directionOf(c, name, seed, single);
  const value = c.inputs[name] as Tensor;
  const gradient = answer.gradients?.[name] as DenseTensor;
  const step = stepFor(c, name);
  const reach = mapTensor(value, (entry) => (Number.isFinite(entry) ? Math.abs(entry) + step : 0));
  const moved = (h: number): Case => withInputs(forward, { [name]: addTensors(value, scaleTensor(direction, h)) });
  // f is a sum of rounded outputs, and its inputs are rounded where direction * h is added; small steps need the most bits
  const [at, near] = [boundsFor(subject, forward), boundsFor(subject, moved(step / 64))];
  const outputs = innerAbs(cotangents.o, sum(at.o, near.o));
  const states = cotangents.finalState ? innerAbs(cotangents.finalState, sum(at.finalState, near.finalState)) : 0;
  const rounding = outputs + states + 2 * UNIT_ROUNDOFF * innerAbs(reach, toDense(gradient).map(Math.abs));
  const difference = await differentiate(async (h) => loss(await subject.run(moved(h)), cotangents), rounding, step);
  const limit = 4 * difference.error + innerAbs(direction, bound);
  const note = `${name}: order ${difference.order}, step ${difference.step}, estimated error ${difference.error}`;
  return { worst: along(name, index, inner(gradient, direction), difference.value, limit), note };
}

const differences = law({
  name: 'finite-differences',
  group: 'gradients',
  statement: 'The gradient by each input, along a direction, is the extrapolated difference quotient of the outputs.',
  citation: 'Ridders 1982: step and order by the smallest error estimate',
  prerequisites: [],
  needs: ['gradients'],
  appliesTo: anySystem,
  wish: {
    gradients: true,
    state: 'sometimes',
    packed: 'sometimes',
    structures: true,
    maxT: 12,
    maxChannels: 5,
    work: 2e3,
  },
  extra: { seed: fc.nat(65535), single: fc.boolean() },
  async check(subject, { c, seed, single }) {
    const answer = await subject.run(c);
    const { gradients: bound } = boundsFor(subject, c);
    const each: Worst[] = [];
    const notes: string[] = [];
    for (const name of inputNames(c)) {
      const { worst, note } = await compareWithDifference(
        subject,
        c,
        answer,
        bound[name] as Float64Array,
        name,
        seed,
        single,
      );
      each.push(worst);
      notes.push(note);
    }
    return verdict(each, `along ${single ? 'one element' : 'a random direction'}; ${notes.join('; ')}`);
  },
});

const adjoint = law({
  name: 'adjoint-identity',
  group: 'gradients',
  statement:
    '<J u, w> = <u, J^T w>: the backward is the transpose of a forward-mode derivative that shares no code with it.',
  citation: 'Griewank and Walther, Evaluating Derivatives',
  prerequisites: [],
  needs: ['gradients'],
  appliesTo: anySystem,
  wish: {
    gradients: true,
    state: 'sometimes',
    packed: 'sometimes',
    structures: true,
    maxT: 33,
    maxChannels: 17,
    work: 1e4,
  },
  extra: { seed: fc.nat(65535), single: fc.boolean() },
  async check(subject, { c, seed, single }) {
    const answer = await subject.run(c);
    const [{ gradients: bound }, { gradients: ofForward }] = bothBounds(subject, c);
    const cotangents = c.cotangents as Cotangents;
    const comparisons: Worst[] = [];
    for (const name of inputNames(c)) {
      const { direction, index } = directionOf(c, name, seed, single);
      const tangent = forwardDerivative(c, { [name]: direction });
      const limit = innerAbs(direction, sum(bound[name] as Float64Array, ofForward[name] as Float64Array));
      const [backward, forward] = [
        inner(answer.gradients?.[name] as DenseTensor, direction),
        loss(tangent, cotangents),
      ];
      // the two inner products are sums as well
      const sums = 2 * UNIT_ROUNDOFF * elements(answer.o.shape) * (Math.abs(backward) + Math.abs(forward));
      comparisons.push(along(name, index, backward, forward, limit + sums));
    }
    return verdict(comparisons, single ? 'along one element' : 'along a random direction');
  },
});

const linearInCotangents = law({
  name: 'backward-is-linear',
  group: 'gradients',
  statement: 'Doubling every cotangent doubles every gradient, bit by bit; zero cotangents give zero gradients.',
  citation: 'a derivative is a linear map',
  prerequisites: [],
  needs: ['gradients'],
  appliesTo: anySystem,
  wish: { gradients: true, state: 'sometimes', packed: 'sometimes', work: 1e5 },
  async check(subject, { c }) {
    const { o, finalState } = c.cotangents as Cotangents;
    const times = (factor: number): Case => ({
      ...c,
      cotangents: finalState
        ? { o: scaleTensor(o, factor), finalState: scaleTensor(finalState, factor) }
        : { o: scaleTensor(o, factor) },
    });
    const once = await subject.run(c);
    const twice = await subject.run(times(2));
    const zero = await subject.run(times(0));
    const expected = (answer: Answer, factor: number): Answer => ({
      ...answer,
      gradients: Object.fromEntries(
        Object.entries(once.gradients ?? {}).map(([name, value]) => [name, scaleTensor(value, factor)]),
      ),
    });
    const underflow = underflowOf(times(2), subject.precision);
    const wanted = [...tensorsOf(expected(twice, 2)), ...tensorsOf(expected(zero, 0))];
    const given = [...tensorsOf(twice), ...tensorsOf(zero)];
    return verdict(wanted.map(([name, value], i) => compareExact(name, given[i][1], value, underflow)));
  },
});

export const gradients: Law[] = [
  certifiedBackward,
  likelyBackward,
  ...formsBackward,
  differences,
  adjoint,
  linearInCotangents,
];
