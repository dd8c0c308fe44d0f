/** In what ways correct kernels of one system differ: each choice is one that real kernels make, and each rounds differently. */

/** In which order the terms of a sum are added; `blocked`: tiles of 16, then the tiles. */
export type Order = 'forward' | 'backward' | 'pairwise' | 'blocked';

/** How the machine computes. */
export interface Machine {
  order: Order;
  /** A product is added with one rounding, not two. Products of tensor cores are exact either way. */
  fma: boolean;
  /** Tensor cores cut the factors off to TF32 rather than rounding them. */
  cutFactors: boolean;
  /** Tensor cores cut sums off rather than rounding them. */
  cutSums: boolean;
  /** Subnormal results become 0. */
  flush: boolean;
  /** exp(x) as exp2(x log2 e), the product rounded. */
  exp2: boolean;
}

/** How the operator is computed. */
export interface Variant extends Machine {
  name: string;
  form: 'masked' | 'recurrent' | 'chunked';
  /** Log decays between two tokens of a chunk: summed over the segment, or as a difference of two sums from the chunk's start. */
  decay: 'segment' | 'prefix';
  /** Running sums of log decays: a parallel scan in log2 T rounds, or one token after the other. */
  sums: 'scan' | 'rows';
  /** scale, beta, decays and level scales multiply q and k before they are multiplied with each other; otherwise what comes out. */
  factorsFirst: boolean;
  /**
   * Which chunk states pass through memory: none; those that are read by queries (the carried one stays in registers); or what each
   * chunk adds as well.
   */
  storeStates: 'none' | 'reads' | 'all';
  /** The recurrence multiplies outside of tensor cores: factors are not rounded. */
  vectorUnits: boolean;
  /** Flat delta systems: what is written becomes w - (what the state answers), instead of products with the inverse. */
  writeDifference: boolean;
  /** Rows of the triangular solve that are substituted one after the other; larger systems are put together from such blocks. */
  tile: number;
  /** The gradient of the inverse X of I + N: through the substitution, or as -X^T dX X^T. */
  inverseGradient: 'substitution' | 'formula';
  /** Softmax: the whole row first, or block by block with a running maximum. */
  softmax: 'two-pass' | 'online';
}

const PLAIN: Variant = {
  name: 'masked',
  form: 'masked',
  order: 'forward',
  fma: false,
  cutFactors: false,
  cutSums: false,
  flush: false,
  exp2: false,
  decay: 'segment',
  sums: 'rows',
  factorsFirst: true,
  storeStates: 'none',
  vectorUnits: true,
  writeDifference: false,
  tile: 16,
  inverseGradient: 'substitution',
  softmax: 'two-pass',
};

const variant = (name: string, choices: Partial<Variant>): Variant => ({ ...PLAIN, name, ...choices });

const MASKED = { form: 'masked', decay: 'segment' } as const;
const RECURRENT = { form: 'recurrent' } as const;
const CHUNKED = { form: 'chunked', softmax: 'online' } as const;

export const variants: readonly Variant[] = [
  variant('masked', MASKED),
  variant('masked-blocked-fma', { ...MASKED, order: 'blocked', fma: true, sums: 'scan', factorsFirst: false }),
  variant('masked-pairwise-cut', {
    ...MASKED,
    order: 'pairwise',
    cutFactors: true,
    cutSums: true,
    sums: 'scan',
    inverseGradient: 'formula',
    softmax: 'online',
    tile: 4,
  }),
  variant('masked-backward-exp2-flush', {
    ...MASKED,
    order: 'backward',
    exp2: true,
    flush: true,
    factorsFirst: false,
    tile: 64,
    inverseGradient: 'formula',
  }),
  variant('recurrent', RECURRENT),
  variant('recurrent-pairwise-exp2', {
    ...RECURRENT,
    order: 'pairwise',
    exp2: true,
    factorsFirst: false,
    writeDifference: true,
  }),
  variant('recurrent-blocked-fma-flush', { ...RECURRENT, order: 'blocked', fma: true, flush: true, exp2: true }),
  variant('recurrent-tensor-cores', { ...RECURRENT, vectorUnits: false, order: 'backward', writeDifference: true }),
  variant('recurrent-tensor-cores-cut', {
    ...RECURRENT,
    vectorUnits: false,
    cutFactors: true,
    cutSums: true,
    factorsFirst: false,
  }),
  variant('chunked-segment', { ...CHUNKED, sums: 'scan', tile: 16 }),
  variant('chunked-segment-stored', {
    ...CHUNKED,
    order: 'pairwise',
    fma: true,
    factorsFirst: false,
    storeStates: 'all',
    inverseGradient: 'formula',
    writeDifference: true,
  }),
  variant('chunked-prefix-stored', {
    ...CHUNKED,
    decay: 'prefix',
    order: 'blocked',
    fma: true,
    storeStates: 'reads',
    exp2: true,
    sums: 'scan',
    inverseGradient: 'formula',
    writeDifference: true,
  }),
  variant('chunked-prefix-cut-flush', {
    ...CHUNKED,
    decay: 'prefix',
    cutFactors: true,
    cutSums: true,
    flush: true,
    exp2: true,
    storeStates: 'all',
    sums: 'scan',
    tile: 2,
    inverseGradient: 'formula',
  }),
  variant('chunked-prefix-backward', {
    ...CHUNKED,
    decay: 'prefix',
    order: 'backward',
    factorsFirst: false,
    tile: 64,
  }),
  variant('chunked-prefix-pairwise-cut', {
    ...CHUNKED,
    decay: 'prefix',
    order: 'pairwise',
    cutSums: true,
    factorsFirst: false,
    storeStates: 'reads',
    writeDifference: true,
    tile: 8,
  }),
];
