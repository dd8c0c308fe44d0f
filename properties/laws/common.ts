/** What laws share: which systems they speak about, and comparing whole answers. */
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import type { System } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { compare, compareBits } from '../compare.ts';
import { chunkOf } from '../errors/layout.ts';
import type { Implementation, Worst } from '../law.ts';
import { DOUBLE, type Precision } from '../precision.ts';
import { type Bounds, boundsOf } from '../tolerance.ts';

export const anySystem = (): boolean => true;
export const anyRecurrence = ({ recurrence }: System): boolean => recurrence !== null;
export const anyLogLinear = ({ logLinear }: System): boolean => logLinear;
/** Systems whose erase is the delta rule itself, once a step. */
export const anyDelta = ({ recurrence }: System): boolean =>
  recurrence !== null && ['deltanet', 'gated-deltanet', 'kimi-delta'].includes(recurrence.name);

export const PAPER = 'arXiv 2506.04761';

/** Every tensor of an answer by its name. */
export function tensorsOf(answer: Pick<Answer, 'o' | 'finalState' | 'gradients'>): Map<string, Answer['o']> {
  const tensors = new Map([['o', answer.o]]);
  if (answer.finalState) tensors.set('finalState', answer.finalState);
  for (const [name, value] of Object.entries(answer.gradients ?? {})) tensors.set(`gradients.${name}`, value);
  return tensors;
}

/** The bounds of one of them. */
export const boundFor = (bounds: Bounds, name: string): Float64Array => {
  if (name === 'o') return bounds.o;
  if (name === 'finalState') return bounds.finalState;
  return bounds.gradients[name.slice('gradients.'.length) as InputName] as Float64Array;
};

/** A tensor that is not there, or of another shape. */
export const missing = (name: string): Worst => ({
  name: `${name}: missing, or of another shape`,
  index: [],
  actual: Number.NaN,
  expected: Number.NaN,
  bound: 0,
  ratio: Number.POSITIVE_INFINITY,
});

/** Two answers to one case, each within its own bounds of the truth: apart by at most their sum. */
export function compareAnswers(actual: Answer, expected: Answer, ofActual: Bounds, ofExpected = ofActual): Worst[] {
  const given = tensorsOf(actual);
  const tensors = [...tensorsOf(expected)].map(([name, value]) => {
    const mine = given.get(name);
    const limit = sum(boundFor(ofActual, name), boundFor(ofExpected, name));
    return mine ? compare(name, mine, value, limit) : missing(name);
  });
  return [...tensors, same('position', actual.position, expected.position)];
}

/** The same bits in every tensor. */
export function compareAnswerBits(actual: Answer, expected: Answer): Worst[] {
  const given = tensorsOf(actual);
  return [...tensorsOf(expected)].map(([name, value]) => {
    const mine = given.get(name);
    return mine ? compareBits(name, mine, value) : missing(name);
  });
}

export const same = (name: string, actual: readonly number[], expected: readonly number[]): Worst => {
  const at = expected.findIndex((value, i) => actual[i] !== value);
  const equal = at < 0 && actual.length === expected.length;
  return {
    name,
    index: equal ? [] : [Math.max(at, 0)],
    actual: actual[Math.max(at, 0)] ?? Number.NaN,
    expected: expected[Math.max(at, 0)] ?? Number.NaN,
    bound: 0,
    ratio: equal ? 0 : Number.POSITIVE_INFINITY,
  };
};

/** What a bound becomes where a number is multiplied by `factor`: of nothing, nothing, even where it is infinite. */
export const times = (factor: number, bounds: Float64Array): Float64Array =>
  bounds.map((bound) => (factor === 0 ? 0 : Math.abs(factor) * bound));

export const sum = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value + b[i]);

/** The case as the error model sees it: chunks are the subject's own where it does not heed the case's. */
export function inOwnChunks(subject: Implementation, c: Case): Case {
  return subject.abilities.chunkSizes ? c : { ...c, chunkSize: subject.chunkSize };
}

/** Bounds of the subject's own answers. */
export const boundsFor = (subject: Implementation, c: Case): Bounds =>
  boundsOf(inOwnChunks(subject, c), subject.precision);

/** Bounds of the subject's own answer, and of one of ours in float64: worked out once where nothing tells them apart. */
export function bothBounds(subject: Implementation, c: Case): [own: Bounds, ours: Bounds] {
  const own = boundsFor(subject, c);
  const isAlike = subject.precision === DOUBLE && chunkOf(inOwnChunks(subject, c)) === chunkOf(c);
  return [own, isAlike ? own : boundsOf(c)];
}

/** The precision in which `runAs` answers. */
export const precisionAs = (subject: Implementation, c: Case): Precision =>
  subject.abilities.systems.includes(c.system) ? subject.precision : DOUBLE;

/** An answer of the reference as far as the subject can give one: without a final state where it has no state. */
export function asFarAsGiven(subject: Implementation, { finalState, ...rest }: Answer): Answer {
  return finalState && subject.abilities.state ? { ...rest, finalState } : rest;
}

/** Answers of another system: by the subject where it has it, else by the reference. */
export const runAs = (subject: Implementation, c: Case): Answer | Promise<Answer> =>
  subject.abilities.systems.includes(c.system) ? subject.run(c) : asFarAsGiven(subject, compute(c));
