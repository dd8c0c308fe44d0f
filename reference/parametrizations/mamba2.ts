/**
 * Mamba-2's own parameters, as a thin mapping onto the operator's inputs and back.
 *
 * Source: Dao and Gu, "Transformers are SSMs" (arXiv 2405.21060); names, order of bias, softplus and clamp, and the gradient at the
 * clamp's edges as in `mamba_chunk_scan_combined` of state-spaces/mamba (which takes softplus(z) = z above z = 20; we do not).
 *
 *   dt' = clamp(softplus(dt + dtBias))   q = C   k = B   v = dt' x   g = dt' A   o = operator(q, k, v, g)   y = o + D x
 *
 * Mamba's letters for our sizes: nheads H, headdim V, ngroups G, dstate K. Its states are [B,H,V,K], ours [n,H,L,K,V].
 */
import type { Answer, Case } from '../case.ts';
import { InvalidInput } from '../errors.ts';
import { compute } from '../operator.ts';
import type { InputName } from '../systems/system.ts';
import { brief, type DenseTensor, elements, show, type Tensor, tensor, toDense } from '../tensor.ts';
import { checkLetters, checkObject, type Declaration } from './letters.ts';
import { sigmoid, softplus } from './softplus.ts';

export interface Mamba2Parameters {
  /** [B,T,H,V] */
  x: Tensor;
  /** [B,T,H], step sizes before bias, softplus and clamp */
  dt: Tensor;
  /** [H], the continuous decay rate per unit of dt'; negative in every model, though any number is taken */
  A: Tensor;
  /** [B,T,G,K]; G divides H, and head h reads group floor(h G / H) */
  B: Tensor;
  /** [B,T,G,K] */
  C: Tensor;
  /** [H] or [H,V], the skip connection; default none */
  D?: Tensor;
  /** [H], added to dt; default none */
  dtBias?: Tensor;
  /** Whether dt' passes through softplus; default false */
  dtSoftplus?: boolean;
  /** [min, max] of dt', after softplus; default [0, Infinity] */
  dtLimit?: readonly [number, number];
}

/** Shaped like the parameters; D and dtBias where the parameters have them. */
export interface Mamba2Gradients {
  x: DenseTensor;
  dt: DenseTensor;
  A: DenseTensor;
  B: DenseTensor;
  C: DenseTensor;
  D?: DenseTensor;
  dtBias?: DenseTensor;
}

const NAMES = ['x', 'dt', 'A', 'B', 'C', 'D', 'dtBias', 'dtSoftplus', 'dtLimit'];

/** Dense parameters that the loops can trust; dt and slope in row-major [B,T,H], so that entry i belongs to head i % H. */
interface Checked {
  H: number;
  V: number;
  x: Float64Array;
  A: Float64Array;
  /** [H,V]; all 0 without D */
  D: Float64Array;
  /** dt' */
  dt: Float64Array;
  /** d dt' / d dt = d dt' / d dtBias */
  slope: Float64Array;
}

function checkLimit(where: string, limit: unknown): readonly [number, number] {
  if (limit === undefined) return [0, Infinity];
  const [min, max] = Array.isArray(limit) && limit.length === 2 ? limit : [Number.NaN, Number.NaN];
  if (!(typeof min === 'number' && typeof max === 'number' && min <= max)) {
    const given = Array.isArray(limit) ? show(limit) : brief(limit);
    throw new InvalidInput(where, 'dtLimit', given, '[min, max] with min <= max', 'leave it out for [0, Infinity]');
  }
  return [min, max];
}

/** dt' and its slope. On an edge of the clamp the slope is that of the inside. */
function stepSizes(p: Mamba2Parameters, [min, max]: readonly [number, number]): Pick<Checked, 'dt' | 'slope'> {
  const dt = toDense(p.dt);
  const slope = new Float64Array(dt.length).fill(1);
  const bias = p.dtBias && toDense(p.dtBias);
  for (let i = 0; i < dt.length; i++) {
    if (bias) dt[i] += bias[i % bias.length];
    if (p.dtSoftplus) {
      slope[i] = sigmoid(dt[i]);
      dt[i] = softplus(dt[i]);
    }
    if (dt[i] < min || dt[i] > max) slope[i] = 0;
    dt[i] = Math.min(Math.max(dt[i], min), max);
  }
  return { dt, slope };
}

/** Checks the parameters, and with them `others`, tensors in the same letters. */
function check(where: string, p: Mamba2Parameters, others: readonly Declaration[] = []): Checked {
  checkObject(where, 'parameters', p, NAMES);
  const declarations: Declaration[] = [
    ['x', p.x, 'BTHV'],
    ['dt', p.dt, 'BTH'],
    ['A', p.A, 'H'],
    ['B', p.B, 'BTGK'],
    ['C', p.C, 'BTGK'],
  ];
  if (p.D !== undefined) declarations.push(['D', p.D, p.D?.shape?.length === 1 ? 'H' : 'HV']);
  if (p.dtBias !== undefined) declarations.push(['dtBias', p.dtBias, 'H']);
  const { H, V, G } = checkLetters(where, [...declarations, ...others]);
  if (H % G !== 0) {
    const remedy = 'each group serves H / G heads';
    throw new InvalidInput(where, 'B', `G = ${G} groups for H = ${H} heads`, 'G a divisor of H', remedy);
  }
  if (p.dtSoftplus !== undefined && typeof p.dtSoftplus !== 'boolean') {
    throw new InvalidInput(where, 'dtSoftplus', brief(p.dtSoftplus), 'true or false', 'the default is false');
  }
  const limit = checkLimit(where, p.dtLimit);
  const D = p.D ? toDense(p.D) : new Float64Array(H);
  const skip = D.length === H * V ? D : Float64Array.from({ length: H * V }, (_, hv) => D[Math.floor(hv / V)]);
  return { H, V, x: toDense(p.x), A: toDense(p.A), D: skip, ...stepSizes(p, limit) };
}

/**
 * What the operator reads: q, k [B,T,G,K], v [B,T,H,V] and the log decay g [B,T,H], for `compute` with the system "mamba2" or,
 * with lambda beside them, "log-linear-mamba2".
 * @returns the inputs, and dt [B,T,H], the step sizes dt' after bias, softplus and clamp
 * @throws InvalidInput for a shape, a name or an option that does not fit
 */
export function mamba2Inputs(parameters: Mamba2Parameters): {
  inputs: Record<'q' | 'k' | 'v' | 'g', DenseTensor>;
  dt: DenseTensor;
} {
  const { H, V, x, A, dt } = check('mamba2Inputs', parameters);
  const v = x.map((value, i) => dt[Math.floor(i / V)] * value);
  const g = dt.map((step, i) => step * A[i % H]);
  const steps = [...parameters.dt.shape];
  return {
    inputs: {
      q: tensor(toDense(parameters.C), [...parameters.C.shape]),
      k: tensor(toDense(parameters.B), [...parameters.B.shape]),
      v: tensor(v, [...parameters.x.shape]),
      g: tensor(g, steps),
    },
    dt: tensor(dt, [...steps]),
  };
}

/**
 * y = o + D x, [B,T,H,V].
 * @param o [B,T,H,V], the operator's output
 * @throws InvalidInput
 */
export function mamba2Output(o: Tensor, parameters: Mamba2Parameters): DenseTensor {
  const { x, D } = check('mamba2Output', parameters, [['o', o, 'BTHV']]);
  const y = toDense(o);
  for (let i = 0; i < y.length; i++) y[i] += D[i % D.length] * x[i];
  return tensor(y, [...o.shape]);
}

/**
 * Gradients by the parameters of whatever <y, dY> and the operator's other outputs stand for.
 * @param gradients by q, k, v and g, as `compute` gives them for the cotangent o = dY (y = o + D x, so dO = dY); others are not read
 * @param dY [B,T,H,V]
 * @throws InvalidInput
 */
export function mamba2Backward(
  parameters: Mamba2Parameters,
  gradients: Partial<Record<InputName, Tensor>>,
  dY: Tensor,
): Mamba2Gradients {
  const where = 'mamba2Backward';
  const { q, k, v, g } = (gradients ?? {}) as Record<InputName, Tensor>;
  const { H, V, x, A, D, dt, slope } = check(where, parameters, [
    ['gradients.q', q, 'BTGK'],
    ['gradients.k', k, 'BTGK'],
    ['gradients.v', v, 'BTHV'],
    ['gradients.g', g, 'BTH'],
    ['dY', dY, 'BTHV'],
  ]);
  const dv = toDense(v);
  const dg = toDense(g);
  const dy = toDense(dY);
  const dx = new Float64Array(x.length);
  const ddt = new Float64Array(dt.length);
  const dA = new Float64Array(H);
  const dD = new Float64Array(parameters.D ? elements(parameters.D.shape) : H);
  const dBias = new Float64Array(H);
  const skipWidth = (H * V) / dD.length;
  for (let th = 0, i = 0; th < dt.length; th++) {
    const h = th % H;
    // g = dt' A
    dA[h] += dg[th] * dt[th];
    let dStep = dg[th] * A[h];
    for (let hv = h * V; hv < (h + 1) * V; hv++, i++) {
      // v = dt' x; y = o + D x
      dx[i] = dv[i] * dt[th] + dy[i] * D[hv];
      dStep += dv[i] * x[i];
      dD[Math.floor(hv / skipWidth)] += dy[i] * x[i];
    }
    // dt' = clamp(softplus(dt + dtBias)): where that is flat nothing passes, Infinity and NaN neither
    ddt[th] = slope[th] === 0 ? 0 : dStep * slope[th];
    dBias[h] += ddt[th];
  }
  const like = (data: Float64Array, parameter: Tensor): DenseTensor => tensor(data, [...parameter.shape]);
  const out: Mamba2Gradients = {
    x: like(dx, parameters.x),
    dt: like(ddt, parameters.dt),
    A: like(dA, parameters.A),
    B: like(toDense(k), parameters.B),
    C: like(toDense(q), parameters.C),
  };
  if (parameters.D) out.D = like(dD, parameters.D);
  if (parameters.dtBias) out.dtBias = like(dBias, parameters.dtBias);
  return out;
}

/** Everything a case may say beside its system and inputs: form, chunkSize, structure, cuSeqlens, position, … */
export interface Mamba2Options extends Omit<Case, 'system' | 'inputs' | 'cotangents'> {
  /** [B,T,H,L], the level scales; without them the system is plain Mamba-2 */
  lambda?: Tensor;
  /** [n,H,L,K,V] */
  initialState?: Tensor;
  /** Gradients of <y, cotangents.y> + <finalState, cotangents.finalState>; their presence asks for gradients. */
  cotangents?: { y: Tensor; finalState?: Tensor };
}

export interface Mamba2Answer extends Pick<Answer, 'finalState' | 'position'> {
  /** [B,T,H,V] */
  y: DenseTensor;
  gradients?: Mamba2Gradients & { lambda?: DenseTensor; initialState?: DenseTensor };
}

/**
 * Mamba-2, or with `lambda` log-linear Mamba-2, from its own parameters to y and, where there are cotangents, back.
 * @throws InvalidInput from here for parameters and cotangents.y, from `compute` for the rest
 */
export function computeMamba2(parameters: Mamba2Parameters, options: Mamba2Options = {}): Mamba2Answer {
  const { lambda, initialState, cotangents, ...rest } = options;
  if (cotangents !== undefined) {
    checkObject('computeMamba2', 'cotangents', cotangents, ['y', 'finalState']);
    check('computeMamba2', parameters, [['cotangents.y', cotangents.y, 'BTHV']]);
  }
  const inputs: Case['inputs'] = mamba2Inputs(parameters).inputs;
  if (lambda !== undefined) inputs.lambda = lambda;
  if (initialState !== undefined) inputs.initialState = initialState;
  const { o, finalState, position, gradients } = compute({
    ...rest,
    system: lambda === undefined ? 'mamba2' : 'log-linear-mamba2',
    inputs,
    cotangents: cotangents && { o: cotangents.y, finalState: cotangents.finalState },
  });
  const answer: Mamba2Answer = { y: mamba2Output(o, parameters), finalState, position };
  if (cotangents && gradients) {
    answer.gradients = mamba2Backward(parameters, gradients, cotangents.y);
    if (gradients.lambda) answer.gradients.lambda = gradients.lambda;
    if (gradients.initialState) answer.gradients.initialState = gradients.initialState;
  }
  return answer;
}
