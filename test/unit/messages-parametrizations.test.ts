/** The whole text of what the parametrisations refuse, one of each kind. */
import { lambdaParametrizations } from '../../reference/parametrizations/lambda.ts';
import { computeMamba2, type Mamba2Parameters, mamba2Backward } from '../../reference/parametrizations/mamba2.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { filled } from './good-case.ts';
import { refusals } from './refusals.ts';

const parameters = {
  x: filled([1, 3, 2, 2]),
  dt: filled([1, 3, 2]),
  A: filled([2]),
  B: filled([1, 3, 1, 2]),
  C: filled([1, 3, 1, 2]),
};
const mamba2 = (change: object, more?: object) => () =>
  computeMamba2({ ...parameters, ...change } as Mamba2Parameters, more as never);
const gradients = { q: parameters.C, k: parameters.B, v: parameters.x, g: parameters.dt };
const back = (change: object) => () => mamba2Backward(parameters, { ...gradients, ...change }, parameters.x);
const lambda = (L: unknown, dl: unknown) => () =>
  lambdaParametrizations.bounded.forward({ L, dl } as { L: Tensor; dl: Tensor });

refusals([
  [mamba2({}, { cotangents: 1 }), 'computeMamba2: cotangents: 1 given, an object with y, finalState wanted'],
  [
    mamba2({}, { cotangents: { y: filled([1, 3, 2, 2]), z: 1 } }),
    'computeMamba2: z: an unknown field given, y, finalState wanted: remove it',
  ],
  [
    mamba2({ dT: 1 }),
    'mamba2Inputs: dT: an unknown field given, x, dt, A, B, C, D, dtBias, dtSoftplus, dtLimit wanted: remove it',
  ],
  [
    mamba2({ B: filled([1, 3, 3, 2]), C: filled([1, 3, 3, 2]) }),
    'mamba2Inputs: B: G = 3 groups for H = 2 heads given, G a divisor of H wanted: each group serves H / G heads',
  ],
  [mamba2({ dtSoftplus: 1 }), 'mamba2Inputs: dtSoftplus: 1 given, true or false wanted: the default is false'],
  [
    mamba2({ dtLimit: [2, 1] }),
    'mamba2Inputs: dtLimit: [2,1] given, [min, max] with min <= max wanted: leave it out for [0, Infinity]',
  ],
  [
    mamba2({ dtLimit: 3 }),
    'mamba2Inputs: dtLimit: 3 given, [min, max] with min <= max wanted: leave it out for [0, Infinity]',
  ],
  ...[
    [0, 1, 2],
    [0, '1'],
    ['0', 1],
  ].map((dtLimit): [() => unknown, string] => [
    mamba2({ dtLimit }),
    `mamba2Inputs: dtLimit: [${dtLimit}] given, [min, max] with min <= max wanted: leave it out for [0, Infinity]`,
  ]),
  [mamba2({ D: null }), 'mamba2Inputs: D: null given, an ndarray wanted: wrap it: ndarray(data, shape)'],
  [back({ q: 1 }), 'mamba2Backward: gradients.q: 1 given, an ndarray wanted: wrap it: ndarray(data, shape)'],
  [back({ k: 1 }), 'mamba2Backward: gradients.k: 1 given, an ndarray wanted: wrap it: ndarray(data, shape)'],
  [mamba2({ D: filled([2, 3]) }), 'mamba2Inputs: D: shape [2,3] given, [H,V] = [2,2] wanted: V = 2 in x'],
  [
    () => computeMamba2(null as unknown as Mamba2Parameters),
    'mamba2Inputs: parameters: null given, an object with x, dt, A, B, C, D, dtBias, dtSoftplus, dtLimit wanted',
  ],
  [
    lambda(filled([2, 3]), filled([1, 5, 2, 4])),
    'bounded.forward: dl: shape [1,5,2,4] given, [B,T,H,L] = [B,T,2,3] wanted: L = 3 in L',
  ],
  [lambda(filled([2]), filled([1, 5, 2, 4])), 'bounded.forward: L: rank 1, shape [2] given, [H,L] = [H,L] wanted'],
  [lambda(filled([2, 0]), filled([1, 5, 2, 4])), 'bounded.forward: L: L = 0 given, L >= 1 wanted: only T may be 0'],
]);
