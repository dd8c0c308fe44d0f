/** What the probes rest on: an answer that is the same twice, linear in v and in the level scales, and causal. */
import { noise } from '../../properties/arbitraries/noise.ts';
import { ratioOf } from '../../properties/compare.ts';
import { addTensors, inputNames, mapTensor, scaleTensor, tensorBy, withInputs } from '../../properties/edit.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { has, held, type Lab } from './lab.ts';
import type { Finding, Premise } from './probed.ts';

/** Multiples of 1/8 up to 1: they, and sums of two, are exact in any format. */
const eighths = (like: Tensor, name: string, seed: number): Tensor =>
  tensorBy(like.shape, (index) => ((noise(seed, name, index) % 17) - 8) / 8);

const worstOf = (actual: Float64Array, expected: Float64Array, bound: Float64Array): number =>
  actual.reduce((worst, value, at) => Math.max(worst, ratioOf(value, expected[at], bound[at])), 0);

const outputs = async (lab: Lab, c: Case): Promise<{ o: Float64Array; bound: Float64Array }> => ({
  o: toDense((await lab.ask(c)).o),
  bound: boundsOf(c, lab.precision).o,
});

const shown = (worst: number): string => (Number.isFinite(worst) ? `${worst.toPrecision(2)} bounds` : 'anything');

async function isDeterministic(lab: Lab): Promise<Premise> {
  const once = await outputs(lab, lab.c);
  const again = await outputs(lab, lab.c);
  const worst = worstOf(again.o, once.o, once.bound);
  const holds = worst <= 2;
  const sentence = holds
    ? 'the same case is answered alike twice'
    : `the same case is answered differently the second time, by up to ${shown(worst)}: something is left over from call to call, or depends on its order`;
  return { name: 'deterministic', holds, worst, sentence };
}

/** f(x) + f(y) = f(x + y), and f(64 x) = 64 f(x), within the bounds of each. */
async function isLinear(lab: Lab, name: 'v' | 'lambda'): Promise<Premise> {
  const like = lab.c.inputs[name] as Tensor;
  const [x, y] = [eighths(like, `${name} one`, 1), eighths(like, `${name} two`, 2)];
  const at = (value: Tensor): Promise<{ o: Float64Array; bound: Float64Array }> =>
    outputs(lab, held(lab, withInputs(lab.c, { [name]: value })));
  const [fx, fy, sum, large] = [await at(x), await at(y), await at(addTensors(x, y)), await at(scaleTensor(x, 64))];
  const added = fx.o.map((value, i) => value + fy.o[i]);
  const allowed = sum.bound.map((bound, i) => bound + 2 * (fx.bound[i] + fy.bound[i]));
  const times64 = fx.o.map((value) => 64 * value);
  const allowedLarge = large.bound.map((bound, i) => bound + 64 * fx.bound[i]);
  const worst = Math.max(worstOf(sum.o, added, allowed), worstOf(large.o, times64, allowedLarge));
  const holds = worst <= 1;
  const letter = name === 'v' ? 'v' : 'the level scales';
  const sentence = holds
    ? `o is linear in ${letter}`
    : `o is not linear in ${letter}, by up to ${shown(worst)}: something clamps, rounds or adds to it`;
  return { name: `linear in ${name}`, holds, worst, sentence };
}

/** The case with every token from t on changed. */
function changedFrom(lab: Lab, t: number): Case {
  const inputs: Case['inputs'] = {};
  for (const name of inputNames(lab.c)) {
    const value = lab.c.inputs[name] as Tensor;
    if (name === 'initialState' || value.shape.length < 3) continue;
    inputs[name] = mapTensor(value, (entry, index) => (index[1] >= t ? changed(name, entry) : entry));
  }
  return held(lab, withInputs(lab.c, inputs));
}

/** Another number of the same kind: a decay stays one. */
function changed(name: InputName, value: number): number {
  if (name === 'g') return value < -1 || value > 0 ? -0.25 : value - 0.5;
  if (name === 'beta') return value > 0.5 ? value / 2 : value + 0.25;
  return name === 'k' ? -value : 0.5 - value;
}

async function isCausal(lab: Lab): Promise<Premise> {
  const { T, chunkSize } = lab;
  const times = [1, Math.floor(T / 2), chunkSize, T - 1].filter((t, i, all) => t > 0 && t < T && all.indexOf(t) === i);
  if (times.length === 0) return { name: 'causal', holds: null, worst: 0, sentence: 'one token has no later ones' };
  const before = await outputs(lab, lab.c);
  const row = (lab.c.inputs.v as Tensor).shape.slice(2).reduce((product, each) => product * each, 1);
  let [worst, reached, from] = [0, -1, -1];
  for (const t of times) {
    const after = await outputs(lab, changedFrom(lab, t));
    after.o.forEach((value, at) => {
      const query = Math.floor(at / row) % T;
      if (query >= t) return;
      const ratio = ratioOf(value, before.o[at], before.bound[at] + after.bound[at]);
      if (ratio <= worst || ratio <= 1) return;
      [worst, reached, from] = [ratio, query, t];
    });
  }
  const holds = worst <= 1;
  const sentence = holds
    ? 'later tokens change nothing earlier'
    : `o at position ${reached} changes when tokens from position ${from} on do: it is not causal`;
  return { name: 'causal', holds, worst, sentence };
}

/** Each premise; the level scales only where there are some. */
export async function premisesOf(lab: Lab): Promise<Premise[]> {
  const premises = [await isDeterministic(lab), await isLinear(lab, 'v')];
  if (has(lab.c, 'lambda')) premises.push(await isLinear(lab, 'lambda'));
  return [...premises, await isCausal(lab)];
}

/** Whether NaN in a later value reaches an earlier output, as it does where what is masked is multiplied by 0. */
export async function maskedByZero(lab: Lab): Promise<Finding | null> {
  const { T } = lab;
  if (T < 2) return null;
  const t = Math.max(1, Math.floor(T / 2));
  const v = mapTensor(lab.c.inputs.v as Tensor, (value, index) => (index[1] >= t ? Number.NaN : value));
  const o = toDense((await lab.ask(withInputs(lab.c, { v }))).o);
  const row = (lab.c.inputs.v as Tensor).shape.slice(2).reduce((product, each) => product * each, 1);
  const first = o.findIndex((value, at) => Math.floor(at / row) % T < t && Number.isNaN(value));
  if (first < 0) return null;
  const query = Math.floor(first / row) % T;
  return {
    kind: 'masked-by-zero',
    sentence: `a NaN in v at position ${t} reaches o at position ${query}: what is masked is multiplied by 0 in place of being left out`,
  };
}
