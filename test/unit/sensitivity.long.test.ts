/** One wrong element among millions of right ones is seen: four bounds off, at T = 4096, in every output and gradient. */
import { describe, expect, it } from 'vitest';
import { fill } from '../../properties/arbitraries/cases.ts';
import { noise } from '../../properties/arbitraries/noise.ts';
import { ordinary, styles } from '../../properties/arbitraries/values.ts';
import { verdict } from '../../properties/compare.ts';
import { boundFor, compareAnswers, tensorsOf } from '../../properties/laws/common.ts';
import { findPrecision, type Precision, roundCase, roundTo } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { findSystem, type System, systems } from '../../reference/systems/registry.ts';
import { axesOf, type InputName } from '../../reference/systems/system.ts';
import type { DenseTensor } from '../../reference/tensor.ts';

const T = 4096;
const K = 4;
/** Places that are tried in each tensor. */
const PLACES = 20;

function longCase(system: System): Case {
  const sizes: Record<string, number> = { B: 1, T, H: 1, G: 1, K, V: 4, n: 1, L: system.logLinear ? 13 : 1 };
  const inputs: Case['inputs'] = {};
  for (const name of system.required) {
    const shape = [...axesOf(system.recurrence, name)].map((letter) => sizes[letter]);
    inputs[name] = fill(4, name, shape, styles[name][1]);
  }
  const keys = (inputs.k as DenseTensor).data;
  // keys of length 1: the delta rule is stable
  for (let at = 0; at < keys.length; at += K) {
    const length = Math.hypot(...keys.subarray(at, at + K)) || 1;
    for (let i = at; i < at + K; i++) keys[i] /= length;
  }
  return { system: system.name, inputs, cotangents: { o: fill(4, 'cotangents.o', [1, T, 1, 4], ordinary[1]) } };
}

/** The exact answer, rounded to what it is stored in: what a perfect kernel gives. */
function perfect(exact: Answer, p: Precision): Answer {
  const gradients: Answer['gradients'] = {};
  const answer: Answer = { ...exact, gradients };
  for (const [name, value] of tensorsOf(exact)) {
    const format = name === 'finalState' || name === 'gradients.initialState' ? p.state : p.output;
    const rounded = { ...value, data: value.data.map((entry) => roundTo(format, entry)) } as DenseTensor;
    Object.setPrototypeOf(rounded, Object.getPrototypeOf(value));
    if (name === 'o' || name === 'finalState') answer[name] = rounded;
    else gradients[name.slice('gradients.'.length) as InputName] = rounded;
  }
  return answer;
}

function catches(system: string, precision: string): void {
  const p = findPrecision(precision) as Precision;
  const c = roundCase(longCase(findSystem(system) as System), p);
  const exact = compute(c);
  const [bounds, ofOracle] = [boundsOf(c, p), boundsOf(c)];
  const answer = perfect(exact, p);
  const holds = (): boolean => verdict(compareAnswers(answer, exact, bounds, ofOracle)).holds;
  expect(holds()).toBe(true);
  for (const [name, { data }] of tensorsOf(answer)) {
    const bound = boundFor(bounds, name);
    for (let n = 0; n < PLACES; n++) {
      const at = noise(n, name, []) % data.length;
      const right = data[at];
      data[at] += 4 * bound[at];
      expect(holds(), `${name} at ${at}, bound ${bound[at]}`).toBe(false);
      data[at] = right;
    }
  }
}

describe(`an element that is off by four bounds is seen at T = ${T}`, () => {
  // a flat system is the log-linear one with one level
  it.each(systems.filter(({ logLinear }) => logLinear).map(({ name }) => name))('%s in float32', (system) =>
    catches(system, 'float32'),
  );
  it.each(['log-linear-mamba2', 'log-linear-gated-deltanet'])('%s in bfloat16', (system) =>
    catches(system, 'bfloat16'),
  );
});
