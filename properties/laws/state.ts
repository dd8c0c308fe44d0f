/** The state and its position: what lets a sequence be continued. */
import fc from 'fast-check';
import type { Answer, Case } from '../../reference/case.ts';
import { levelsOf, popcount, WEAK } from '../../reference/levels.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, toDense } from '../../reference/tensor.ts';
import { compare, verdict } from '../compare.ts';
import {
  addTensors,
  axes,
  concat,
  inputNames,
  mapTensor,
  range,
  sizesOf,
  tensorBy,
  tokens,
  withInputs,
  zerosLike,
} from '../edit.ts';
import type { Law } from '../law.ts';
import { boundsOf } from '../tolerance.ts';
import {
  anyLogLinear,
  anyRecurrence,
  boundsFor,
  compareAnswerBits,
  compareAnswers,
  inOwnChunks,
  PAPER,
  same,
} from './common.ts';
import { law } from './define.ts';

/** The case that goes on where `first` stopped. */
function continued(c: Case, from: number, to: number, first: Answer): Case {
  const rest = tokens(c, from, to);
  return { ...withInputs(rest, { initialState: first.finalState }), position: first.position };
}

const split = law({
  name: 'split-through-state',
  group: 'state',
  statement: 'Feeding T1 and then T2 positions through the state equals feeding T1 + T2 at once, at every split point.',
  citation: `${PAPER}`,
  prerequisites: [],
  needs: ['state'],
  appliesTo: anyRecurrence,
  wish: { state: 'sometimes', structures: true, work: 3e5 },
  extra: { at: fc.nat(400) },
  async check(subject, { c, at }) {
    const { T } = sizesOf(c);
    const cut = at % (T + 1);
    const first = await subject.run(tokens(c, 0, cut));
    const second = await subject.run(continued(c, cut, T, first));
    const actual: Answer = { ...second, o: concat([first.o, second.o], 1) };
    const whole = await subject.run(c);
    const bounds = boundsOf(inOwnChunks(subject, c), subject.precision, [cut]);
    return verdict(compareAnswers(actual, whole, bounds), `split after ${cut} of ${T} positions`);
  },
});

const splitBackward = law({
  name: 'split-through-state-backward',
  group: 'state',
  statement: 'Gradients that go back through the state at a split are those of the whole sequence.',
  citation: 'chain rule over the split',
  prerequisites: ['split-through-state'],
  needs: ['state', 'gradients'],
  appliesTo: anyRecurrence,
  wish: { state: 'sometimes', structures: true, gradients: true, work: 1e5 },
  extra: { at: fc.nat(400) },
  async check(subject, { c, at }) {
    const { T } = sizesOf(c);
    const cut = at % (T + 1);
    const cotangents = c.cotangents as NonNullable<Case['cotangents']>;
    const head = tokens(c, 0, cut);
    const first = await subject.run({ ...head, cotangents: undefined });
    const second = await subject.run(continued(c, cut, T, first));
    const dState = second.gradients?.initialState as DenseTensor;
    const back = await subject.run({ ...head, cotangents: { o: head.cotangents?.o as Tensor, finalState: dState } });
    const whole = await subject.run(c);
    const gradients: Partial<Record<InputName, DenseTensor>> = {};
    for (const name of inputNames(c)) {
      const [early, late] = [back.gradients?.[name] as DenseTensor, second.gradients?.[name] as DenseTensor];
      if (name === 'initialState') gradients[name] = early;
      else gradients[name] = axes(c, name) === 'H' ? addTensors(early, late) : concat([early, late], 1);
    }
    const judged = cotangents.finalState
      ? c
      : { ...c, cotangents: { ...cotangents, finalState: whole.finalState && zerosLike(whole.finalState) } };
    const bounds = boundsOf(inOwnChunks(subject, judged), subject.precision, [cut]);
    const actual: Answer = { ...whole, gradients };
    return verdict(compareAnswers(actual, whole, bounds), `split after ${cut} of ${T} positions`);
  },
});

const steps = law({
  name: 'step-by-step',
  group: 'state',
  statement: 'Decoding one token at a time through the state equals the whole call.',
  citation: `${PAPER}: O(log T) decoding`,
  prerequisites: [],
  needs: ['state'],
  appliesTo: anyRecurrence,
  wish: {
    state: 'sometimes',
    structures: true,
    minT: 1,
    maxT: 20,
    maxChannels: 8,
    work: 2e4,
  },
  async check(subject, { c }) {
    const { T } = sizesOf(c);
    const whole = await subject.run(c);
    let step = await subject.run(tokens(c, 0, 1));
    const outputs = [step.o];
    for (let t = 1; t < T; t++) {
      step = await subject.run(continued(c, t, t + 1, step));
      outputs.push(step.o);
    }
    const bounds = boundsOf(inOwnChunks(subject, c), subject.precision, range(0, T));
    return verdict(compareAnswers({ ...step, o: concat(outputs, 1) }, whole, bounds));
  },
});

/** The incoming state with as many levels as lambda has, the missing ones zero. */
function fullState(c: Case): DenseTensor {
  const { n, H, L, K, V } = sizesOf(c);
  const state = c.inputs.initialState as Tensor;
  return tensorBy([n, H, L, K, V], ([i, h, l, a, b]) => (l < state.shape[2] ? state.get(i, h, l, a, b) : 0));
}

const empty = law({
  name: 'empty-call-keeps-the-state',
  group: 'state',
  statement: 'A call with T = 0 returns the state unchanged, and its gradient too.',
  citation: 'operator of zero tokens',
  prerequisites: [],
  needs: ['state'],
  appliesTo: anyRecurrence,
  wish: { state: 'always', structures: true, gradients: true, maxT: 9 },
  async check(subject, { c }) {
    const none = tokens(c, 0, 0);
    const state = c.inputs.initialState as Tensor;
    const answer = await subject.run(none);
    const comparisons = [
      compare('finalState', answer.finalState as Tensor, fullState(c), 0),
      same('position', answer.position, [...(c.position ?? Array(sizesOf(c).n).fill(0))]),
    ];
    const dFinal = none.cotangents?.finalState;
    if (dFinal) {
      const wanted = mapTensor(state, (_, [i, h, l, a, b]) => dFinal.get(i, h, l, a, b));
      comparisons.push(compare('gradients.initialState', answer.gradients?.initialState as Tensor, wanted, 0));
    }
    return verdict(comparisons);
  },
});

const zeroState = law({
  name: 'no-state-is-a-zero-state',
  group: 'state',
  statement: 'Leaving the initial state out equals passing zeros.',
  citation: 'operator definition',
  prerequisites: [],
  needs: ['state'],
  appliesTo: anyRecurrence,
  wish: { state: 'always', structures: true, work: 3e5 },
  async check(subject, { c }) {
    const none = withInputs(c, { initialState: undefined });
    const zeros = withInputs(c, { initialState: zerosLike(c.inputs.initialState as Tensor) });
    return verdict(compareAnswers(await subject.run(zeros), await subject.run(none), boundsFor(subject, none)));
  },
});

const alive = law({
  name: 'states-alive',
  group: 'state',
  statement:
    'After token t exactly popcount(t) + 1 levels of the state hold anything: level 0, and i + 1 for each set bit i of t.',
  citation: `${PAPER}: O(log T) memory`,
  prerequisites: [],
  needs: ['state'],
  appliesTo: anyLogLinear,
  wish: { state: 'never', minT: 1, work: 1e5 },
  async check(subject, { c }) {
    const { B, T, H, K, V, L } = sizesOf(c);
    // values that cannot cancel: every product is positive, and nothing is erased
    const plain = withInputs(c, {
      k: mapTensor(c.inputs.k as Tensor, () => 1 / K),
      v: mapTensor(c.inputs.v as Tensor, () => 1),
      ...(c.inputs.g ? { g: zerosLike(c.inputs.g) } : {}),
      ...(c.inputs.beta ? { beta: mapTensor(c.inputs.beta, () => 0.5) } : {}),
    });
    const { finalState } = await subject.run(plain);
    const state = toDense(finalState as Tensor);
    const { level: levelAt } = levelsOf(WEAK);
    const held = new Set(Array.from({ length: T }, (_, s) => levelAt(T - 1, s)));
    const comparisons = [same('levels of the partition', [held.size], [popcount(T - 1) + 1])];
    for (let bh = 0; bh < B * H; bh++) {
      const holds = Array.from({ length: L }, (_, l) =>
        state.subarray((bh * L + l) * K * V, (bh * L + l + 1) * K * V).some((value) => value !== 0) ? 1 : 0,
      );
      comparisons.push(
        same(
          'levels that hold anything',
          holds,
          Array.from({ length: L }, (_, l) => (held.has(l) ? 1 : 0)),
        ),
      );
    }
    return verdict(comparisons);
  },
});

const extended = law({
  name: 'short-state-is-extended',
  group: 'state',
  statement: 'A state with fewer levels than lambda is the state extended with zeros.',
  citation: 'state convention',
  prerequisites: [],
  needs: ['state'],
  appliesTo: anyLogLinear,
  wish: { state: 'always', work: 1e5 },
  async check(subject, { c }) {
    return verdict(
      compareAnswerBits(await subject.run(c), await subject.run(withInputs(c, { initialState: fullState(c) }))),
    );
  },
});

export const state: Law[] = [split, splitBackward, steps, empty, zeroState, alive, extended];
