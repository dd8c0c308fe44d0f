import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { explain } from '../../gate/explain.ts';
import { explanationText } from '../../gate/explain-text.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { systems } from '../../reference/systems/registry.ts';
import { type DenseTensor, tensor } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

const named = (name: string): Precision => findPrecision(name) as Precision;
const [float64, bfloat16, float16] = ['float64', 'bfloat16', 'float16'].map(named);
const plain = pc.createColors(false);
const c = withCotangents(goodCase('log-linear-gated-deltanet'));

/** The tensor with one number exchanged. */
function withOne(from: DenseTensor, index: number[], value: number): DenseTensor {
  const changed = tensor(from.data.slice(), [...from.shape]);
  changed.set(...([...index, value] as Parameters<typeof changed.set>));
  return changed;
}

describe('explain one element', () => {
  it.each([
    ['o', [0, 4, 1, 0]],
    ['finalState', [0, 1, 3, 2, 1]],
    ['gradients.k', [0, 2, 0, 1]],
    ['gradients.lambda', [0, 4, 1, 3]],
  ])('%s: its exact value, its bound, and terms that make it up', (output, index) => {
    const { element, conforms, outputs } = explain(c, bfloat16, { output, index });
    expect({ conforms, outputs }).toEqual({ conforms: undefined, outputs: undefined });
    const answer = compute(c);
    const exact = { o: answer.o, finalState: answer.finalState, ...answer.gradients };
    const name = output.replace('gradients.', '') as 'o' | 'finalState' | 'k' | 'lambda';
    expect(element).toMatchObject({ output, index, exact: (exact[name] as DenseTensor).get(...index) });
    const bounds = boundsOf(c, bfloat16);
    const flat = name === 'o' || name === 'finalState' ? bounds[name] : (bounds.gradients[name] as Float64Array);
    expect(element?.bound).toBe(tensor(flat, [...(exact[name] as DenseTensor).shape]).get(...index));
    const terms = element?.terms ?? [];
    expect(terms.length).toBeGreaterThan(3);
    expect(terms.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(terms.map(({ allows }) => allows)).toEqual(terms.map(({ allows }) => allows).sort((a, b) => b - a));
  });

  it('of o with the largest bound for its size, where none is named', () => {
    const { element } = explain(c, float64);
    expect(element?.output).toBe('o');
    for (const h of [0, 1]) {
      const other = explain(c, float64, { index: [0, 0, h, 0] }).element;
      const of = (each: typeof element): number => (each?.bound ?? 0) / (each?.size ?? 0);
      expect(of(element)).toBeGreaterThanOrEqual(of(other));
    }
  });

  it('says so where nothing is promised', () => {
    const huge = goodCase('linear');
    huge.inputs.v = tensor(new Float64Array(20).fill(3e5), [1, 5, 2, 2]);
    const explanation = explain(huge, float16);
    expect(explanation.element).toMatchObject({
      bound: Number.POSITIVE_INFINITY,
      terms: [{ cause: 'overflow', share: 1 }],
    });
    expect(explanationText(explanation, plain)).toMatch(/bound {2}none: nothing is promised\n(.*\n)+.*100\.0 %/);
  });

  it('says so where errors multiply each other, whether to a number or to nothing promised at all', () => {
    const delta = goodCase('deltanet', { T: 24 });
    delta.inputs.k = tensor(new Float64Array(72).fill(0.7), [1, 24, 1, 3]);
    const finite = explain(delta, bfloat16, { output: 'finalState' }).element;
    const rest = finite?.terms.find(({ cause }) => cause === 'together');
    const others = finite?.terms.filter((term) => term !== rest).reduce((sum, { allows }) => sum + allows, 0) ?? 0;
    expect(others + (rest?.allows ?? 0)).toBeCloseTo(finite?.bound ?? 0, 12);
    expect(finite?.terms.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);

    // what rounded factors or inputs do to a weight is a number, what both do is none of bfloat16
    const sharp = withCotangents(goodCase('softmax', {}, { scale: 2e4 }));
    const { element } = explain(sharp, bfloat16, { output: 'gradients.v', index: [0, 4, 0, 0] });
    expect(element).toMatchObject({ bound: Number.POSITIVE_INFINITY });
    expect(element?.terms[0]).toMatchObject({ cause: 'together', allows: Number.POSITIVE_INFINITY, share: 1 });
    expect(element?.terms[1].share).toBe(0);
  });

  it('every system, without positions too where the output has elements', () => {
    for (const { name, recurrence } of systems) {
      expect(explain(goodCase(name), float64).element?.terms.length, name).toBeGreaterThan(0);
      if (!recurrence) continue;
      const empty = goodCase(name, { T: 0, stateLevels: 1 });
      expect(explain(empty, bfloat16, { output: 'finalState' }).element?.output, name).toBe('finalState');
    }
  });

  it.each<[string, Case, Parameters<typeof explain>[2], RegExp]>([
    ['an unknown output', c, { output: 'gradients.w' }, /^explain: --output: "gradients.w" given, o, finalState, grad/],
    [
      'a gradient without cotangents',
      goodCase('linear'),
      { output: 'gradients.k' },
      /wanted: cotangents in the case ask/,
    ],
    [
      'no such element',
      c,
      { index: [0, 5, 0, 0] },
      /^explain: --index: \[0,5,0,0\] given, an element of o \[1,5,2,2\]/,
    ],
    ['another number of axes', c, { index: [0, 0] }, /wanted: indices begin at 0, one for each axis/],
    [
      'an output without elements',
      goodCase('linear', { T: 0 }),
      {},
      /o of shape \[1,0,2,2\] given, one that has elements/,
    ],
    ['a case that is none', { ...c, system: 'hardmax' }, {}, /^explain: system: "hardmax" given/],
  ])('refuses %s', (_, given, wanted, message) => {
    expect(() => explain(given, float64, wanted)).toThrow(message);
  });
});

describe('explain an answer', () => {
  const right = compute(c);
  const judge = (change: (answer: Answer) => Partial<Answer>, p = float64) =>
    explain(c, p, { answer: { ...right, ...change(right) } });
  const wrong = (explanation: ReturnType<typeof judge>): string[] =>
    (explanation.outputs ?? []).filter(({ holds }) => !holds).map(({ output }) => output);

  it('the right one is within its bounds, every output listed', () => {
    const explanation = judge(() => ({}));
    expect(explanation.conforms).toBe(true);
    expect(explanation.outputs?.map(({ output }) => output)).toEqual([
      'o',
      'finalState',
      ...['q', 'k', 'v', 'g', 'beta', 'lambda'].map((name) => `gradients.${name}`),
    ]);
    expect(explanationText(explanation, plain)).toContain('the answer is within its bounds in float64');
  });

  it('explains the worst element of all', () => {
    const explanation = judge(({ o }) => ({ o: withOne(o, [0, 3, 1, 1], 7) }));
    expect(explanation).toMatchObject({ conforms: false, element: { output: 'o', index: [0, 3, 1, 1] } });
    expect(wrong(explanation)).toEqual(['o']);
    const { worst } = explanation.outputs?.[0] ?? {};
    expect(worst?.difference).toBe(Math.abs(7 - (worst?.exact ?? 0)));
    expect(worst?.ratio).toBe((worst?.difference ?? 0) / (worst?.bound ?? 0));
  });

  it('explains the element that was asked for instead', () => {
    const answer = { ...right, o: withOne(right.o, [0, 3, 1, 1], 7) };
    const explanation = explain(c, float64, { answer, output: 'gradients.q', index: [0, 0, 0, 0] });
    expect(explanation).toMatchObject({ conforms: false, element: { output: 'gradients.q' } });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('one %s is found', (value) => {
    const finalState = withOne(right.finalState as DenseTensor, [0, 1, 2, 0, 1], value);
    const explanation = judge(() => ({ finalState }), bfloat16);
    expect(wrong(explanation)).toEqual(['finalState']);
    expect(explanation.element).toMatchObject({ output: 'finalState', index: [0, 1, 2, 0, 1] });
  });

  it('a tensor that is missing, or of another shape, and positions', () => {
    expect(wrong(judge(() => ({ finalState: undefined })))).toEqual(['finalState']);
    expect(wrong(judge(({ gradients }) => ({ gradients: { ...gradients, k: undefined } })))).toEqual(['gradients.k']);
    const flat = tensor(right.o.data, [20]);
    const explanation = judge(() => ({ o: flat, position: [4] }));
    expect(wrong(explanation)).toEqual(['o', 'position']);
    const text = explanationText(explanation, plain);
    expect(text).toContain('✗ o: shape [20] where [1,5,2,2] is wanted');
    expect(text).toContain('✗ position: [4] where [5] is wanted');
  });

  it('nothing to explain where nothing has elements', () => {
    const empty = goodCase('softmax', { T: 0 });
    expect(explain(empty, float64, { answer: compute(empty) })).toMatchObject({ conforms: true, element: null });
  });
});
