/**
 * How models make the level scales: lambda [B,T,H,L] out of a parameter L [H,L], per head and level, and dl [B,T,H,L], which the
 * model projects from each token. The three ways are the lambda modes of the code of Guo et al., "Log-Linear Attention"
 * (arXiv 2506.04761): none ("identity" here), "positive" and "bounded".
 *
 * All values are plain float64 numbers without unit. "bounded" keeps 0 <= lambda <= 1; "positive" keeps lambda >= 0.
 */
import { type DenseTensor, elements, type Tensor, tensor, toDense } from '../tensor.ts';
import { checkLetters, type Declaration } from './letters.ts';
import { sigmoid, softplus } from './softplus.ts';

export type LambdaName = 'identity' | 'positive' | 'bounded';

export interface LambdaParameters {
  /** [H,L] */
  L: Tensor;
  /** [B,T,H,L] */
  dl: Tensor;
}

export interface LambdaParametrization {
  name: LambdaName;
  /** For listings. */
  formula: string;
  /**
   * lambda [B,T,H,L].
   * @throws InvalidInput unless L is [H,L] and dl is [B,T,H,L]
   */
  forward(parameters: LambdaParameters): DenseTensor;
  /**
   * Gradients of <lambda, dLambda> by L [H,L] (summed over B and T) and by dl [B,T,H,L].
   * @param dLambda [B,T,H,L], e.g. `gradients.lambda` of `compute`
   * @throws InvalidInput unless L is [H,L], and dl and dLambda are [B,T,H,L]
   */
  backward(parameters: LambdaParameters, dLambda: Tensor): { L: DenseTensor; dl: DenseTensor };
}

/** One entry of lambda and its two partial derivatives: the whole of a parametrisation, for every L and dl. */
interface Entry {
  value(L: number, dl: number): number;
  byL(L: number, dl: number): number;
  byDl(L: number, dl: number): number;
}

const identity: Entry = {
  value: (L, dl) => L * dl,
  byL: (_, dl) => dl,
  byDl: (L) => L,
};

// lambda = softplus(z), z = L dl
const positive: Entry = {
  value: (L, dl) => softplus(L * dl),
  byL: (L, dl) => sigmoid(L * dl) * dl,
  byDl: (L, dl) => sigmoid(L * dl) * L,
};

/** Below it, log(1 + e^x) and its derivative are both e^x to within 2^-53: e^-37 < 2^-53. */
const TAIL = -37;

/** e^L f(dl) for f = softplus or sigmoid; in the tail the exponents meet first, so that e^L = Infinity meets no f = 0. */
const scaled = (f: (x: number) => number, L: number, dl: number): number =>
  dl < TAIL ? Math.exp(L + dl) : Math.exp(L) * f(dl);

// lambda = e^-a, a = e^L softplus(dl): da/dL = a, da/ddl = e^L sigmoid(dl)
const bounded: Entry = {
  value: (L, dl) => Math.exp(-scaled(softplus, L, dl)),
  byL: (L, dl) => fall(scaled(softplus, L, dl), L, dl),
  byDl: (L, dl) => fall(scaled(sigmoid, L, dl), L, dl),
};

/** -slope e^-a. Once e^-a is 0 it outweighs every slope, Infinity too. */
function fall(slope: number, L: number, dl: number): number {
  const lambda = bounded.value(L, dl);
  return lambda === 0 ? 0 : -slope * lambda;
}

function check(where: string, parameters: LambdaParameters, others: readonly Declaration[] = []): void {
  const { L, dl } = (parameters ?? {}) as LambdaParameters;
  checkLetters(where, [['L', L, 'HL'], ['dl', dl, 'BTHL'], ...others]);
}

function parametrization(name: LambdaName, formula: string, { value, byL, byDl }: Entry): LambdaParametrization {
  return {
    name,
    formula,
    forward(parameters) {
      check(`${name}.forward`, parameters);
      const L = toDense(parameters.L);
      const dl = toDense(parameters.dl);
      // lambda[b,t,h,l] = value(L[h,l], dl[b,t,h,l])
      const lambda = dl.map((x, i) => value(L[i % L.length], x));
      return tensor(lambda, [...parameters.dl.shape]);
    },
    backward(parameters, dLambda) {
      check(`${name}.backward`, parameters, [['dLambda', dLambda, 'BTHL']]);
      const L = toDense(parameters.L);
      const dl = toDense(parameters.dl);
      const d = toDense(dLambda);
      const dL = new Float64Array(elements(parameters.L.shape));
      const ddl = new Float64Array(dl.length);
      for (let i = 0; i < dl.length; i++) {
        const hl = i % L.length;
        dL[hl] += d[i] * byL(L[hl], dl[i]);
        ddl[i] = d[i] * byDl(L[hl], dl[i]);
      }
      return { L: tensor(dL, [...parameters.L.shape]), dl: tensor(ddl, [...parameters.dl.shape]) };
    },
  };
}

/** The parametrisations of lambda by name. */
export const lambdaParametrizations: Readonly<Record<LambdaName, LambdaParametrization>> = {
  identity: parametrization('identity', 'L dl', identity),
  positive: parametrization('positive', 'softplus(L dl)', positive),
  bounded: parametrization('bounded', 'exp(-exp(L) softplus(dl))', bounded),
};
