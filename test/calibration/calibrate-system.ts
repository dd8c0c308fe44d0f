/** Correct implementations of one system in one precision against their bounds: what a worker thread runs. */
import fc from 'fast-check';
import { cases, type Wish } from '../../properties/arbitraries/cases.ts';
import { independent } from '../../properties/arbitraries/values.ts';
import { unravel } from '../../properties/compare.ts';
import { boundFor, tensorsOf } from '../../properties/laws/common.ts';
import { likelyBoundsOf } from '../../properties/likely.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import { truthOf } from '../../properties/truth.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { caseToJson, jsonText } from '../../reference/case-json.ts';
import { compute } from '../../reference/operator.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { toDense } from '../../reference/tensor.ts';
import { coversStructure, emulated, variants } from '../emulated/implementations.ts';

/** Which bounds: those of every case, or the likely ones of independent inputs. */
export type Kind = 'certain' | 'likely';

export interface CalibrationTask {
  kind: Kind;
  precision: string;
  system: string;
  seed: number;
  cases: number;
  /** Implementations that answer each case. */
  variantsPerCase: number;
}

/** A correct implementation outside of its bound. */
export interface Alarm {
  system: string;
  implementation: string;
  output: string;
  index: number[];
  ratio: number;
  actual: number;
  expected: number;
  bound: number;
  c: string;
}

export interface Calibration {
  kind: Kind;
  precision: string;
  system: string;
  cases: number;
  answers: number;
  /** Answers in which nothing was promised: a number on the way may overflow. */
  unbounded: number;
  /** For each output, error / bound of the worst element of each answer. */
  worst: Record<string, number[]>;
  alarms: Alarm[];
}

/** What an answer is held against: o, finalState and the gradients, exact to far more bits than the precision has. */
function expectedOf(c: Case, p: Precision): Record<string, Float64Array> {
  const named = (o: Float64Array, state: Float64Array | null, gradients: [string, Float64Array][]) => ({
    o,
    ...(state && state.length > 0 ? { finalState: state } : {}),
    ...Object.fromEntries(gradients.map(([name, value]) => [`gradients.${name}`, value])),
  });
  if (p.accumulate.bits === 53) {
    const truth = truthOf(c);
    const gradients = Object.entries(truth.gradients).map(([name, { hi }]): [string, Float64Array] => [name, hi]);
    return named(truth.o.hi, truth.finalState.hi, gradients);
  }
  const { form: _form, chunkSize: _chunk, ...rest } = c;
  const { o, finalState, gradients } = compute(rest);
  const each = Object.entries(gradients ?? {}).map(([name, value]): [string, Float64Array] => [name, toDense(value)]);
  return named(toDense(o), finalState ? toDense(finalState) : null, each);
}

/** Ratio and place of the worst element; null where nothing is promised anywhere. */
function worstOf(
  actual: Float64Array,
  expected: Float64Array,
  bound: Float64Array,
): { ratio: number; at: number } | null {
  let [ratio, at] = [-1, -1];
  for (let i = 0; i < expected.length; i++) {
    if (bound[i] === Number.POSITIVE_INFINITY) continue;
    const difference = Math.abs(actual[i] - expected[i]);
    const here =
      difference === 0 ? 0 : difference <= bound[i] ? difference / bound[i] : difference / bound[i] || Infinity;
    if (here > ratio) [ratio, at] = [here, i];
  }
  return at < 0 ? null : { ratio, at };
}

export default function calibrateSystem(task: CalibrationTask): Calibration {
  const precision = findPrecision(task.precision) as Precision;
  const system = findSystem(task.system) as System;
  const all = variants.map((variant) => emulated(precision, variant));
  const isLikely = task.kind === 'likely';
  const wish: Wish = {
    gradients: true,
    state: 'sometimes',
    packed: 'sometimes',
    structures: true,
    work: 3e5,
    ...(isLikely ? { styles: independent } : {}),
  };
  const drawn = fc.sample(cases(system, { ...all[0].abilities, structures: true }, wish, precision), {
    seed: task.seed,
    numRuns: task.cases,
  });
  const result: Calibration = {
    kind: task.kind,
    precision: task.precision,
    system: task.system,
    cases: 0,
    answers: 0,
    unbounded: 0,
    worst: {},
    alarms: [],
  };
  drawn.forEach((c, n) => {
    const bounds = isLikely ? likelyBoundsOf(c, precision) : boundsOf(c, precision);
    const expected = expectedOf(c, precision);
    const able = all.filter((each) => coversStructure(each, c));
    const chosen = able.filter((_, i) => (i + n) % Math.ceil(able.length / task.variantsPerCase) === 0);
    result.cases++;
    for (const implementation of chosen) {
      const answer = implementation.run(c) as Answer;
      result.answers++;
      for (const [output, value] of tensorsOf(answer)) {
        const actual = toDense(value);
        const bound = boundFor(bounds, output);
        const worst = worstOf(actual, expected[output], bound);
        if (worst === null) {
          if (expected[output].length > 0 && output === 'o') result.unbounded++;
          continue;
        }
        result.worst[output] ??= [];
        result.worst[output].push(worst.ratio);
        if (worst.ratio <= 1) continue;
        result.alarms.push({
          system: task.system,
          implementation: implementation.name,
          output,
          index: unravel(worst.at, value.shape),
          ratio: worst.ratio,
          actual: actual[worst.at],
          expected: expected[output][worst.at],
          bound: bound[worst.at],
          c: jsonText(caseToJson(c)),
        });
      }
    }
  });
  return result;
}
