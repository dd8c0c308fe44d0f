/** The library: the oracle, the laws, what is needed to put an implementation under them, and to go from a failure to its cause. */
export { type Cause, type Diagnosis, diagnose } from './debug/diagnose/diagnose.ts';
export { expectedOf } from './debug/expected.ts';
export { type Expected, type Failure, failureOf, isWrong, type OutputErrors, type Subject } from './debug/failure.ts';
export { compareSteps } from './debug/intermediates.ts';
export type { Localisation, Located } from './debug/localise/localisation.ts';
export { localise } from './debug/localise/localise.ts';
export { type Minimised, minimise } from './debug/minimise/minimise.ts';
export { stillWrong } from './debug/minimise/still-wrong.ts';
export { probe } from './debug/probe/probe.ts';
export type { Probed } from './debug/probe/probed.ts';
export type { Fixture, FixtureHeader, FixtureTensor, Storage } from './fixtures/fixture.ts';
export { type FormatName, formats } from './fixtures/formats/all.ts';
export { type GivenAnswer, type GivenError, readAnswer } from './fixtures/formats/answers.ts';
export { BadFixture } from './fixtures/formats/error.ts';
export { answerOf, boundsIn, caseOf, type LoadedFixtures, type LoadOptions, loadFixtures } from './fixtures/load.ts';
export type { Manifest, ManifestCase, ManifestFile } from './fixtures/manifest.ts';
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
export {
  INTERMEDIATES,
  type IntermediateName,
  type Intermediates,
  intermediatesOf,
} from './reference/intermediates.ts';
export { type Bucket, type Levels, levelsOf, type Structure } from './reference/levels.ts';
export { compute } from './reference/operator.ts';
export { lambdaParametrizations } from './reference/parametrizations/lambda.ts';
export { computeMamba2, mamba2Backward, mamba2Inputs, mamba2Output } from './reference/parametrizations/mamba2.ts';
export { findSystem, type System, systems } from './reference/systems/registry.ts';
export { type DenseTensor, type Tensor, tensor } from './reference/tensor.ts';
