/** The library: the oracle, the laws, and what is needed to put an implementation under them. */
export { checkLaw, type LawResult } from './properties/check-law.ts';
export { builtIn } from './properties/implementations.ts';
export type { Abilities, Draw, Implementation, Law, Verdict, Worst } from './properties/law.ts';
export { everyLaw, findLaw, laws } from './properties/laws/all.ts';
export { likelyBoundsOf } from './properties/likely.ts';
export { type Format, findPrecision, type Precision, precisions } from './properties/precision.ts';
export { type Bounds, boundsOf, explainBound, type OutputName, type Term } from './properties/tolerance.ts';
export type { Answer, Case, FormName } from './reference/case.ts';
export { answerToJson, caseToJson, jsonText, parseAnswer, parseCase } from './reference/case-json.ts';
export { createDecoder } from './reference/decoder.ts';
export { InvalidInput } from './reference/errors.ts';
export { type Bucket, type Levels, levelsOf, type Structure } from './reference/levels.ts';
export { compute } from './reference/operator.ts';
export { lambdaParametrizations } from './reference/parametrizations/lambda.ts';
export { computeMamba2, mamba2Backward, mamba2Inputs, mamba2Output } from './reference/parametrizations/mamba2.ts';
export { findSystem, type System, systems } from './reference/systems/registry.ts';
export { type DenseTensor, type Tensor, tensor } from './reference/tensor.ts';
