/**
 * Whether gradients are those of a wrong forward: by differences of the known bug's forward along a direction, which is what autograd makes
 * of it whatever the known bug's own backward is.
 */
import { noise } from '../../properties/arbitraries/noise.ts';
import { inputNames, tensorBy, withInputs } from '../../properties/edit.ts';
import { differentiate } from '../../properties/finite-differences.ts';
import type { Precision } from '../../properties/precision.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import type { Entry } from '../dictionary/entries.ts';
import { objectiveOf } from '../objective.ts';
import { lossOf } from '../rounding.ts';
import { workOf } from './cases.ts';
import type { Answered } from './trial.ts';

/** Cases that are looked at, the cheapest that have gradients. */
const MOST_CASES = 6;
const MOST_WORK = 1e5;
/** Largest step, in units of the inputs, which are around 1. */
const STEP = 2 ** -5;
/** A difference that is less sure than this share of what it is says nothing. */
const UNSURE = 1e-3;

/** A direction: multiples of 1/8 from -1 to 1. */
const directionOf = (like: Tensor, name: string): Tensor =>
  tensorBy(like.shape, (index) => ((noise(3, `direction ${name}`, index) % 17) - 8) / 8);

function moved(from: Tensor, along: Tensor, h: number): Tensor {
  const [data, step] = [toDense(from), toDense(along)];
  return tensor(
    data.map((value, at) => value + h * step[at]),
    [...from.shape],
  );
}

/** Null where nothing can be told: a difference that is not sure, an answer without that gradient. */
async function followsIn(entry: Entry, answered: Answered, name: InputName, p: Precision): Promise<boolean | null> {
  const { question, actual, right } = answered;
  const { c } = question;
  const { run } = entry.implementation;
  const given = actual.get(`gradients.${name}`);
  const bound = right.bounds.get(`gradients.${name}`);
  const value = c.inputs[name] as Tensor;
  if (!given || !bound || !given.every(Number.isFinite) || !toDense(value).every(Number.isFinite)) return null;
  const along = directionOf(value, name);
  const direction = toDense(along);
  const rounding = 2 ** -48 * (1 + Math.abs(await objectiveOf(run, c)));
  const own = await differentiate(
    (h) => objectiveOf(run, withInputs(c, { [name]: moved(value, along, h) })),
    rounding,
    STEP,
  );
  const isSure = own.error <= UNSURE * (Math.abs(own.value) + 1);
  if (!isSure) return null;
  let [sum, size, allowed] = [0, 0, 4 * own.error];
  given.forEach((each, at) => {
    sum += each * direction[at];
    size += Math.abs(each * direction[at]);
    if (Number.isFinite(bound[at])) allowed += 2 * bound[at] * Math.abs(direction[at]);
  });
  return Math.abs(sum - own.value) <= allowed + lossOf(p) * size;
}

/** Whether the gradients of the answers are those of the known bug's forward, wherever that can be told; null where it nowhere can. */
export async function gradientsFollow(
  entry: Entry,
  answered: readonly Answered[],
  precision: Precision,
): Promise<boolean | null> {
  if (entry.change.remembers) return null;
  const cases = answered
    .filter(
      ({ question: { c } }) => c.cotangents !== undefined && workOf(c) <= MOST_WORK && (c.inputs.q?.shape[1] ?? 0) > 0,
    )
    .toSorted((a, b) => workOf(a.question.c) - workOf(b.question.c))
    .slice(0, MOST_CASES);
  let told = 0;
  for (const each of cases) {
    for (const name of inputNames(each.question.c)) {
      let follows: boolean | null;
      try {
        follows = await followsIn(entry, each, name, precision);
      } catch {
        // a step may lead out of what the form takes
        continue;
      }
      if (follows === false) return false;
      if (follows) told++;
    }
  }
  return told > 0 ? true : null;
}
