/** Formats and precisions, number by number. */
import { describe, expect, it } from 'vitest';
import {
  bfloat16,
  DOUBLE,
  type Format,
  factorRoundoff,
  findPrecision,
  float16,
  float32,
  float64,
  isExactIn,
  largestFinite,
  precisions,
  roundCase,
  roundsFactors,
  roundTo,
  smallestNormal,
  sumRoundoff,
  tf32,
  underflowStep,
  unitRoundoff,
} from '../../properties/precision.ts';
import { type DenseTensor, type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

const row = (...values: number[]): Tensor => tensor(Float64Array.from(values), [values.length]);

describe('formats', () => {
  it.each<[Format, string, roundoff: number, largest: number, normal: number, step: number]>([
    [float64, 'float64', 2 ** -53, Number.MAX_VALUE, 2 ** -1022, Number.MIN_VALUE],
    [float32, 'float32', 2 ** -24, 3.4028234663852886e38, 2 ** -126, 2 ** -126],
    [tf32, 'tf32', 2 ** -11, (2 - 2 ** -10) * 2 ** 127, 2 ** -126, 2 ** -126],
    [bfloat16, 'bfloat16', 2 ** -8, (2 - 2 ** -7) * 2 ** 127, 2 ** -126, 2 ** -126],
    [float16, 'float16', 2 ** -11, 65504, 2 ** -14, 2 ** -24],
  ])('%j', (format, name, roundoff, largest, normal, step) => {
    expect(format.name).toBe(name);
    expect(unitRoundoff(format)).toBe(roundoff);
    expect(largestFinite(format)).toBe(largest);
    expect(smallestNormal(format)).toBe(normal);
    expect(underflowStep(format)).toBe(step);
  });
});

describe('roundTo', () => {
  it.each<[Format, from: number, to: number]>([
    [float64, 0.1, 0.1],
    [float64, 1 + 2 ** -52, 1 + 2 ** -52],
    [float32, 0.1, 0.10000000149011612],
    [bfloat16, 1 + 2 ** -8, 1],
    [bfloat16, 1 + 3 * 2 ** -8, 1 + 2 ** -6],
    [bfloat16, 1 + 2 ** -8 + 2 ** -40, 1 + 2 ** -7],
    [bfloat16, -(1 + 3 * 2 ** -8), -(1 + 2 ** -6)],
    [bfloat16, 3 * 2 ** 100 + 2 ** 99, 3 * 2 ** 100 + 2 ** 99],
    [bfloat16, 2 - 2 ** -9, 2],
    [float16, 65519, 65504],
    [float16, 65520, Number.POSITIVE_INFINITY],
    [float16, -65520, Number.NEGATIVE_INFINITY],
    [float16, 3 * 2 ** -25, 2 ** -23],
    [float16, 2 ** -25, 0],
    [float16, -(2 ** -25), -0],
    [float16, 2 ** -14 + 2 ** -26, 2 ** -14],
    [float16, 0, 0],
    [float16, -0, -0],
    [float16, Number.NaN, Number.NaN],
    [float16, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
    [tf32, 1 + 3 * 2 ** -11, 1 + 2 ** -9],
    [bfloat16, 2 ** -1060, 0],
  ])('$name of %d', (format, from, to) => {
    expect(roundTo(format, from)).toBe(to);
  });

  it('a tensor is exact where every number is; NaN always, and zeros of either sign', () => {
    expect(isExactIn(float64, row(0.1))).toBe(true);
    expect(isExactIn(bfloat16, row(0.5, -0, Number.NaN, Number.NEGATIVE_INFINITY))).toBe(true);
    expect(isExactIn(bfloat16, row(0.5, 0.1))).toBe(false);
    // to minus zero: it is lost
    expect(isExactIn(float16, row(-(2 ** -25)))).toBe(false);
  });
});

describe('precisions', () => {
  it.each([
    ['float64', [float64, float64, float64, float64, float64], [false, 0, 2 ** -53]],
    ['float32', [float32, float32, float32, float32, float32], [false, 0, 2 ** -24]],
    ['tf32', [float32, tf32, float32, float32, float32], [true, 2 ** -10, 2 ** -23]],
    ['bfloat16', [bfloat16, bfloat16, float32, bfloat16, bfloat16], [true, 2 ** -8, 2 ** -23]],
    ['float16', [float16, float16, float32, float16, float16], [true, 2 ** -11, 2 ** -23]],
  ] as const)('%s', (name, formats, [rounds, factor, sum]) => {
    const p = precisions.find((each) => each.name === name) as (typeof precisions)[number];
    expect([p.inputs, p.product, p.accumulate, p.state, p.output]).toEqual(formats);
    expect([roundsFactors(p), factorRoundoff(p), sumRoundoff(p)]).toEqual([rounds, factor, sum]);
    expect(findPrecision(name)).toBe(p);
  });
  it('that of the oracle is float64', () => {
    expect(DOUBLE.name).toBe('float64');
    expect(precisions).toHaveLength(5);
  });
});

describe('a rounded case', () => {
  const c = withCotangents(goodCase('mamba2', { stateLevels: 1 }));

  it('is the same case in float64', () => {
    expect(roundCase(c, precisions[0])).toBe(c);
  });
  it('has each number in its own format', () => {
    const p = { ...precisions[0], inputs: bfloat16, state: float16, output: float32 };
    const rounded = roundCase(c, p);
    const isIn = (format: Format, value: Tensor | undefined, from: Tensor | undefined) =>
      expect(toDense(value as DenseTensor)).toEqual(
        toDense(from as DenseTensor).map((entry) => roundTo(format, entry)),
      );
    for (const name of ['q', 'k', 'v', 'g'] as const) isIn(bfloat16, rounded.inputs[name], c.inputs[name]);
    isIn(float16, rounded.inputs.initialState, c.inputs.initialState);
    isIn(float32, rounded.cotangents?.o, c.cotangents?.o);
    isIn(float16, rounded.cotangents?.finalState, c.cotangents?.finalState);
    expect(rounded.system).toBe('mamba2');
  });
  it('has no cotangents that the case does not have', () => {
    expect(roundCase(goodCase('linear'), precisions[3])).not.toHaveProperty('cotangents');
    const stateless = withCotangents(goodCase('softmax'));
    expect(Object.keys(roundCase(stateless, precisions[3]).cotangents ?? {})).toEqual(['o']);
  });
  it.each(['inputs', 'state', 'output'] as const)('one narrow format is enough: %s', (place) => {
    expect(roundCase(c, { ...precisions[0], [place]: bfloat16 })).not.toBe(c);
  });
});
