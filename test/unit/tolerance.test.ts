/** What bounds must do whatever their formulas are; calibration says whether they are wide and narrow enough. */
import { describe, expect, it } from 'vitest';
import { mapTensor, scaleTensor, withInputs } from '../../properties/edit.ts';
import { byName, namesOf } from '../../properties/errors/by-element.ts';
import { stepNorms } from '../../properties/errors/layout.ts';
import { floorsOf } from '../../properties/errors/roundings.ts';
import { findPrecision, type Precision, precisions, roundCase } from '../../properties/precision.ts';
import { type Bounds, boundsOf, explainBound, type OutputName, underflowOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import { InvalidInput } from '../../reference/errors.ts';
import { compute } from '../../reference/operator.ts';
import { findSystem, systems } from '../../reference/systems/registry.ts';
import { elements, type Tensor } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

const named = (name: string): Precision => findPrecision(name) as Precision;
const [float64, float32, tf32, bfloat16, float16] = precisions;
const all = systems.map(({ name }) => name);
const hasState = (system: string): boolean => findSystem(system)?.recurrence !== null;

/** Gradients of everything, and a state where the system has one. */
const full = (system: string): Case => withCotangents(goodCase(system, hasState(system) ? { stateLevels: 1 } : {}));

/** Every element of both, with its name and place. */
function* pairs(a: Bounds, b: Bounds): Generator<[name: OutputName, at: number, ofA: number, ofB: number]> {
  for (const name of namesOf(a)) {
    const [ofA, ofB] = [byName(a, name), byName(b, name)];
    for (let at = 0; at < ofA.length; at++) yield [name, at, ofA[at], ofB[at]];
  }
}

it('precisions are found by their names', () => {
  expect(precisions.map(({ name }) => name)).toEqual(['float64', 'float32', 'tf32', 'bfloat16', 'float16']);
  for (const p of precisions) expect(named(p.name)).toBe(p);
  expect(findPrecision('fp8')).toBeUndefined();
});

describe.each(all)('bounds of %s', (system) => {
  const c = full(system);

  it('are positive numbers, one for each element of the answer, in every precision', () => {
    const { o, finalState, gradients = {} } = compute(c);
    for (const p of precisions) {
      const bounds = boundsOf(c, p);
      expect(bounds.o.length).toBe(o.data.length);
      expect(bounds.finalState.length).toBe(finalState?.data.length ?? 0);
      expect(Object.keys(bounds.gradients).sort()).toEqual(Object.keys(gradients).sort());
      for (const name of Object.keys(gradients) as (keyof typeof gradients)[]) {
        expect(bounds.gradients[name]?.length).toBe(gradients[name]?.data.length);
      }
      for (const name of namesOf(bounds)) {
        const isFine = byName(bounds, name).every((bound) => bound > 0 && Number.isFinite(bound));
        expect(isFine, `${name} in ${p.name}`).toBe(true);
      }
    }
  });

  it('has no gradients without cotangents', () => {
    expect(boundsOf(goodCase(system), bfloat16).gradients).toEqual({});
  });

  it('grow from float64 to float32 to tf32 to bfloat16, element by element', () => {
    const each = [float64, float32, tf32, bfloat16].map((p) => boundsOf(c, p));
    for (let i = 1; i < each.length; i++) {
      const shrunk = [...pairs(each[i - 1], each[i])].filter(([, , finer, coarser]) => !(coarser >= finer));
      expect(shrunk).toEqual([]);
    }
  });

  it('scale by powers of two with the values and the states', () => {
    const factor = 2 ** 5;
    const { v, initialState } = c.inputs;
    const scaled = withInputs(c, {
      v: scaleTensor(v as Tensor, factor),
      ...(initialState ? { initialState: scaleTensor(initialState, factor) } : {}),
    });
    // neither is a factor of its own gradient; below 1e-300 there is nothing but the floor
    const fixed = ['v', 'initialState'];
    const wrong = [...pairs(boundsOf(c), boundsOf(scaled))].filter(
      ([name, , before, after]) => before > 1e-300 && after !== (fixed.includes(name) ? before : factor * before),
    );
    expect(wrong).toEqual([]);
  });

  it('are larger than those of the rounded case where the precision does not hold the inputs', () => {
    for (const p of [tf32, bfloat16, float16]) {
      const held = roundCase(c, p);
      const smaller = [...pairs(boundsOf(held, p), boundsOf(c, p))].filter(([, , ofHeld, bound]) => !(bound > ofHeld));
      expect(smaller.map(([name]) => `${name} in ${p.name}`)).toEqual([]);
    }
  });

  it('are what their terms add up to, within a tenth', () => {
    for (const p of [float64, bfloat16]) {
      const bounds = boundsOf(c, p);
      for (const name of namesOf(bounds)) {
        const last = byName(bounds, name).length - 1;
        if (last < 0) continue;
        const { terms } = explainBound(c, p, name, last);
        const sum = terms.reduce((total, { value }) => total + value, 0);
        expect(Math.abs(sum / byName(bounds, name)[last] - 1), `${name} in ${p.name}`).toBeLessThan(0.1);
        expect(terms.map(({ value }) => value)).toEqual(terms.map(({ value }) => value).sort((a, b) => b - a));
      }
    }
  });

  it('promise nothing in float16 where numbers may overflow', () => {
    const large = withInputs(c, { v: mapTensor(c.inputs.v as Tensor, () => 6e4) });
    const bounds = boundsOf(large, float16);
    for (const name of namesOf(bounds)) {
      expect(
        byName(bounds, name).every((bound) => bound === Number.POSITIVE_INFINITY),
        name,
      ).toBe(true);
    }
    expect(explainBound(large, float16, 'o', 0).terms.map(({ cause }) => cause)).toEqual(['overflow']);
    expect(boundsOf(large, bfloat16).o.every(Number.isFinite)).toBe(true);
  });

  it('take a case without positions', () => {
    const bounds = boundsOf(withCotangents(goodCase(system, { T: 0 }), { T: 0 }), bfloat16);
    expect(bounds.o.length).toBe(0);
    const state = hasState(system) ? [1, 2, findSystem(system)?.logLinear ? 4 : 1, 3, 2] : [0];
    expect(bounds.finalState.length).toBe(elements(state));
  });
});

describe('bounds refuse what compute refuses', () => {
  const good = full('log-linear-mamba2');
  it.each<[string, Case]>([
    ['an unknown system', { ...good, system: 'hardmax' }],
    ['no q', withInputs(good, { q: undefined })],
    ['an input that the system does not have', withInputs(good, { beta: good.inputs.lambda })],
    ['too few levels', withInputs(good, { lambda: goodCase('log-linear-mamba2', { L: 2 }).inputs.lambda })],
    ['a k of another shape', withInputs(good, { k: good.inputs.v })],
    ['a cotangent of another shape', { ...good, cotangents: { o: good.inputs.q as Tensor } }],
    ['positions that are none', { ...good, position: [-1] }],
    ['a form that there is not', { ...good, form: 'gpu' } as unknown as Case],
    ['a field that there is not', { ...good, extra: 1 } as unknown as Case],
  ])('%s', (_, c) => {
    expect(() => compute(c)).toThrow(InvalidInput);
    expect(() => boundsOf(c, bfloat16)).toThrow(InvalidInput);
    expect(() => explainBound(c, bfloat16, 'o', 0)).toThrow(InvalidInput);
  });
});

it('NaN and infinities among the inputs: nothing is promised', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const c = goodCase('linear');
    const broken = withInputs(c, { v: mapTensor(c.inputs.v as Tensor, (entry, [, t]) => (t === 2 ? value : entry)) });
    expect(boundsOf(broken).o.some((bound) => bound === Number.POSITIVE_INFINITY)).toBe(true);
    expect(boundsOf(broken).o.some(Number.isNaN)).toBe(false);
  }
});

it('what underflow may cost is the most of any output', () => {
  const outputs: Precision = { ...float64, output: float16.output };
  const states: Precision = { ...float64, state: float16.state };
  const widest = new Set<string>();
  for (const p of [float64, outputs, states]) {
    for (const c of [
      goodCase('linear', { T: 1, K: 1 }),
      goodCase('linear', { T: 1, K: 1 }, { scale: 8 }),
      withCotangents(goodCase('linear', { K: 1, V: 7 }), { K: 1, V: 7 }),
    ]) {
      const floor = floorsOf(c, p, stepNorms(c));
      const names: OutputName[] = ['o', 'finalState', ...(c.cotangents ? (['q', 'k', 'v'] as const) : [])];
      const floors = names.map(floor);
      const most = Math.max(...floors);
      expect(underflowOf(c, p)).toBe(most);
      const places = names.filter((_, i) => floors[i] === most);
      widest.add(places.join(' '));
    }
  }
  expect(widest).toEqual(new Set(['o', 'q k', 'o q k v']));
});
