import type { Answer, Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { verdict } from '../compare.ts';
import { mapTensor, sizesOf, systemOf, tensorBy, withInputs, zerosLike } from '../edit.ts';
import type { Law } from '../law.ts';
import { boundsOf } from '../tolerance.ts';
import { anyLogLinear, boundsFor, compareAnswers, PAPER, precisionAs, runAs } from './common.ts';
import { law } from './define.ts';

/** Answers restricted to the tensors that both systems have; a state is summed over its levels. */
function common(answer: Answer, names: readonly InputName[], levels: boolean): Answer {
  const kept: Answer = { o: answer.o, position: answer.position };
  if (answer.finalState) kept.finalState = levels ? sumLevels(answer.finalState) : answer.finalState;
  if (answer.gradients) {
    kept.gradients = {};
    for (const name of names) if (answer.gradients[name]) kept.gradients[name] = answer.gradients[name];
  }
  return kept;
}

function sumLevels(state: Tensor): DenseTensor {
  const [n, H, L, K, V] = state.shape;
  const data = toDense(state);
  const out = new Float64Array(n * H * K * V);
  for (let i = 0; i < data.length; i++) {
    out[Math.floor(i / (L * K * V)) * K * V + (i % (K * V))] += data[i];
  }
  return tensor(out, [n, H, 1, K, V]);
}

const unitLambda = law({
  name: 'unit-lambda-collapses',
  group: 'algebra',
  statement: 'With every lambda = 1 the log-linear system is the flat one, its state the sum of the levels.',
  citation: `${PAPER}`,
  prerequisites: [],
  needs: [],
  appliesTo: anyLogLinear,
  wish: {
    gradients: true,
    state: 'sometimes',
    packed: 'sometimes',
    structures: true,
    work: 3e5,
  },
  async check(subject, { c }) {
    const { cotangents } = c;
    const ones = withInputs(c, { lambda: mapTensor(c.inputs.lambda as Tensor, () => 1) });
    if (cotangents) ones.cotangents = { o: cotangents.o };
    const flat = withInputs(ones, { lambda: undefined });
    flat.system = (systemOf(c).recurrence as { name: string }).name;
    if (flat.inputs.initialState) flat.inputs.initialState = sumLevels(flat.inputs.initialState);
    const names = (Object.keys(flat.inputs) as InputName[]).filter((name) => name !== 'initialState');
    const lifted = common(await subject.run(ones), names, true);
    const plain = common(await runAs(subject, flat), names, false);
    const bounds = boundsFor(subject, ones);
    const { n, H, L, K, V } = sizesOf(c);
    bounds.finalState = toDense(sumLevels(tensor(bounds.finalState, [n, H, L, K, V])));
    return verdict(compareAnswers(lifted, plain, bounds));
  },
});

/** A system that becomes another one for special values of an input. */
interface Collapse {
  name: string;
  statement: string;
  /** From the recurrence's name to the one it becomes. */
  onto: Record<string, string>;
  /** The special values, and the inputs of the simpler system. */
  special: (c: Case) => Partial<Record<InputName, Tensor>>;
  simpler: (special: Case) => Partial<Record<InputName, Tensor | undefined>>;
}

const collapses: Collapse[] = [
  {
    name: 'zero-decay-collapses',
    statement:
      'With g = 0, Mamba-2, retention and gated linear attention are linear attention; Gated DeltaNet and Kimi delta are DeltaNet.',
    onto: {
      mamba2: 'linear',
      retention: 'linear',
      gla: 'linear',
      'gated-deltanet': 'deltanet',
      'kimi-delta': 'deltanet',
    },
    special: (c) => ({ g: zerosLike(c.inputs.g as Tensor) }),
    simpler: () => ({ g: undefined }),
  },
  {
    name: 'equal-channels-collapse',
    statement:
      'With the same log decay in every channel, gated linear attention is Mamba-2 and Kimi delta is Gated DeltaNet.',
    onto: { gla: 'mamba2', 'kimi-delta': 'gated-deltanet' },
    special: (c) => ({ g: mapTensor(c.inputs.g as Tensor, (_, [b, t, h]) => (c.inputs.g as Tensor).get(b, t, h, 0)) }),
    simpler: ({ inputs }) => {
      const g = inputs.g as Tensor;
      const [B, T, H] = g.shape;
      return { g: tensorBy([B, T, H], ([b, t, h]) => g.get(b, t, h, 0)) };
    },
  },
  {
    name: 'constant-decay-collapses',
    statement: 'Retention is Mamba-2 with one log decay for all tokens of a head.',
    onto: { retention: 'mamba2' },
    special: () => ({}),
    simpler: ({ inputs }) => {
      const [B, T, H] = (inputs.v as Tensor).shape;
      return { g: tensorBy([B, T, H], ([, , h]) => (inputs.g as Tensor).get(h)) };
    },
  },
  {
    name: 'zero-beta-writes-nothing',
    statement: 'With beta = 0 nothing is written and nothing erased: what is left is the decay of the initial state.',
    onto: { deltanet: 'linear', 'gated-deltanet': 'mamba2', 'kimi-delta': 'gla' },
    special: (c) => ({ beta: zerosLike(c.inputs.beta as Tensor) }),
    simpler: ({ inputs }) => ({ beta: undefined, v: zerosLike(inputs.v as Tensor) }),
  },
];

const collapse = ({ name, statement, onto, special, simpler }: Collapse): Law =>
  law({
    name,
    group: 'algebra',
    statement,
    citation: 'the table of systems',
    prerequisites: [],
    needs: [],
    appliesTo: ({ recurrence }) => recurrence !== null && recurrence.name in onto,
    wish: { state: 'sometimes', packed: 'sometimes', structures: true, work: 3e5 },
    async check(subject, { c }) {
      const from = withInputs(c, special(c));
      const recurrence = (systemOf(c).recurrence as { name: string }).name;
      const to = withInputs(from, simpler(from));
      to.system = c.system.replace(recurrence, onto[recurrence]);
      return verdict(
        compareAnswers(
          await subject.run(from),
          await runAs(subject, to),
          boundsFor(subject, from),
          boundsOf(to, precisionAs(subject, to)),
        ),
        `onto ${to.system}`,
      );
    },
  });

export const collapsing: Law[] = [unitLambda, ...collapses.map(collapse)];
