/** Wrong implementations that answer every small case rightly: what breaks them are the sizes of real kernels. */
import { inputNames, mapTensor, range, sizesOf, take, withInputs } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import type { InputName } from '../../reference/systems/system.ts';
import type { Tensor } from '../../reference/tensor.ts';

export interface LargeMutant {
  name: string;
  /** The law that rejects it. */
  control: string;
  description: string;
  /** The line of the algorithm that it changes, as it should be. */
  line: string;
  /** What the verdict says of the size from which on it fails. */
  from: string;
  implementation: Implementation;
}

const answer = (c: Case): Answer => compute({ ...c, form: 'chunked' });

const edited =
  (name: InputName, change: (value: number, index: readonly number[], c: Case) => number) =>
  (c: Case): Answer => {
    const tensor = c.inputs[name];
    return tensor
      ? answer(withInputs(c, { [name]: mapTensor(tensor, (value, at) => change(value, at, c)) }))
      : answer(c);
  };

const largeMutant = (
  name: string,
  control: string,
  description: string,
  line: string,
  from: string,
  run: (c: Case) => Answer,
): LargeMutant => {
  const { abilities, precision } = builtIn[1];
  return {
    name,
    control,
    description,
    line,
    from,
    implementation: { name, abilities: { ...abilities, structures: false }, precision, run },
  };
};

/** As in a kernel whose level scales are staged in a table of 11. */
const shortTable = (c: Case): Answer => {
  const lambda = c.inputs.lambda as Tensor;
  const L = lambda.shape[3];
  const levels = range(0, L).map((level) => Math.min(level, 10));
  return answer(withInputs(c, { lambda: take(lambda, 3, levels) }));
};

/** As in a grid whose y dimension is the row times the heads, in 16 bits. */
const wrapped = (c: Case): Answer => {
  const whole = answer(c);
  const { B, H } = sizesOf(c);
  const rows = Math.floor(65_536 / H);
  if (B <= rows) return whole;
  return {
    ...whole,
    o: take(
      whole.o,
      0,
      range(0, B).map((row) => row % rows),
    ),
  };
};

/** As in a backward pass whose heads are reduced in blocks of 16. */
const halfOfHeads = (c: Case): Answer => {
  const whole = answer(c);
  const { H } = sizesOf(c);
  if (!whole.gradients || H <= 16) return whole;
  const first = answer(withHalf(c));
  return { ...whole, gradients: { ...whole.gradients, q: first.gradients?.q } };
};

const withHalf = (c: Case): Case => ({
  ...c,
  cotangents: c.cotangents && {
    ...c.cotangents,
    o: mapTensor(c.cotangents.o, (value, [, , h]) => (h < 16 ? value : 0)),
  },
});

const dropsGradient = (c: Case): Answer => {
  const whole = answer(c);
  if (!whole.gradients) return whole;
  const { T } = sizesOf(c);
  return {
    ...whole,
    gradients: Object.fromEntries(
      inputNames(c).map((name) => [
        name,
        mapTensor(whole.gradients?.[name] as Tensor, (value, index) =>
          name === 'k' && T > 1024 && index[1] < T - 1024 ? 0 : value,
        ),
      ]),
    ),
  };
};

export const largeMutants: LargeMutant[] = [
  largeMutant(
    'level-table-of-11',
    'long-sequences',
    'Levels past 10 read the scale of level 10.',
    'lambda[t, level(t,s)]: the table of level scales holds bit length(T - 1) + 1 of them',
    'T = ',
    shortTable,
  ),
  largeMutant(
    'gradient-of-the-last-1024',
    'long-sequences-backward',
    'Keys more than 1,024 positions before the end have no gradient.',
    'dk = scale dA^T q: the sum over t has no limit on t - s',
    'T = 1025 (T = 1024 holds)',
    dropsGradient,
  ),
  largeMutant(
    'channels-past-128',
    'wide-heads',
    'The tile of keys ends at 128 channels.',
    'q.k: the sum over K ends at K, not at a tile of 128',
    'K = 129 (K = 128 holds)',
    edited('q', (value, index) => (index[3] < 128 ? value : 0)),
  ),
  largeMutant(
    'values-past-192',
    'wide-heads-backward',
    'Gradients of values past channel 192 are lost.',
    'dv = P^T dO: the grid over V covers all channels',
    'V = 193 (V = 192 holds)',
    (c) => {
      const whole = answer(c);
      const dv = whole.gradients?.v;
      return dv
        ? {
            ...whole,
            gradients: { ...whole.gradients, v: mapTensor(dv, (value, index) => (index[3] < 192 ? value : 0)) },
          }
        : whole;
    },
  ),
  largeMutant(
    'heads-of-one-warp',
    'many-heads',
    'Head h reads the level scales of head h mod 16.',
    'lambda[b,t,h,l]: h goes up to H, not to 16',
    'H = ',
    (c) => {
      const { H } = sizesOf(c);
      const lambda = c.inputs.lambda as Tensor;
      return answer(
        withInputs(c, {
          lambda: take(
            lambda,
            2,
            range(0, H).map((h) => h % 16),
          ),
        }),
      );
    },
  ),
  largeMutant(
    'groups-summed-over-16-heads',
    'many-heads-backward',
    'The gradient of q sums the first 16 heads alone.',
    'dq: summed over all H / G heads of a group',
    'H = ',
    halfOfHeads,
  ),
  largeMutant(
    'grid-of-16-bits',
    'large-grid',
    'The index of a row and a head wraps at 65,536.',
    'the grid over rows and heads: an index below 2^31, not below 2^16',
    'B = 2049 (B = 2048 holds)',
    wrapped,
  ),
  largeMutant(
    'grid-of-16-bits-backward',
    'large-grid-backward',
    'The same in the backward pass alone.',
    'the grid over rows and heads in the backward pass: an index below 2^31, not below 2^16',
    'B = 2049 (B = 2048 holds)',
    (c) => {
      const whole = answer(c);
      const { B, H } = sizesOf(c);
      const rows = Math.floor(65_536 / H);
      if (B <= rows || !whole.gradients?.v) return whole;
      const dv = take(
        whole.gradients.v,
        0,
        range(0, B).map((row) => row % rows),
      );
      return { ...whole, gradients: { ...whole.gradients, v: dv } };
    },
  ),
];
