/** Errors of the delta rule on whole cases are those of each head of each sequence by itself. */
import { describe, expect, it } from 'vitest';
import { axes, inputNames, sequence, shapeOf, sizesOf, take, takeAlong, withInputs } from '../../properties/edit.ts';
import type { ByElement } from '../../properties/errors/by-element.ts';
import type { Costs } from '../../properties/errors/costs.ts';
import { deltaSizes } from '../../properties/errors/delta-case.ts';
import { certain, likely, type Measure } from '../../properties/errors/measure.ts';
import type { Slips } from '../../properties/errors/slips.ts';
import { DOUBLE } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

const SIZES = { B: 2, T: 5, H: 4, G: 2, K: 3, V: 2, L: 4 };
const { B, T, H, G, K, V } = SIZES;
const COSTS: Costs = {
  sums: 2 ** -20,
  factors: 2 ** -12,
  inputs: 2 ** -13,
  exponent: 0,
  'prefix sums': 0,
  'rounded g': 0,
  'states in memory': 0,
};
const list = (values: Float64Array | undefined): number[] => [...(values ?? [])];
const tokens = (seed: number): Tensor =>
  tensor(
    Float64Array.from({ length: B * T * H }, (_, i) => (1 + ((i * seed) % 7)) * 2 ** -16),
    [B, T, H],
  );
const [step, source] = [tokens(3), tokens(5)];

/** Slips of these tokens of heads. */
const slipsOf = (cut: (value: Tensor) => Tensor): Slips => ({
  step: toDense(cut(step)),
  source: toDense(cut(source)),
});

function whole(system: string, more: Partial<Case> = {}): Case {
  const logLinear = system.startsWith('log-linear');
  const n = more.cuSeqlens ? more.cuSeqlens.length - 1 : B;
  const sizes = { ...SIZES, B: more.cuSeqlens ? 1 : B, n };
  const c = goodCase(system, { ...sizes, stateLevels: logLinear ? 3 : 1 }, { scale: -0.5, chunkSize: 2, ...more });
  return withCotangents(c, sizes);
}

/** The letters of a tensor of an answer. */
const lettersOf = (c: Case, name: string): string =>
  name === 'o' ? 'BTHV' : name === 'finalState' ? 'nHLKV' : axes(c, name as InputName);

function tensorsOf(c: Case, { o, finalState, gradients }: ByElement): Map<string, Tensor> {
  const { n, L } = sizesOf(c);
  const all = new Map<string, Tensor>([
    ['o', tensor(o, shapeOf(c, 'v'))],
    ['finalState', tensor(finalState, [n, H, L, K, V])],
  ]);
  for (const name of inputNames(c)) all.set(name, tensor(gradients[name] as Float64Array, shapeOf(c, name)));
  return all;
}

describe.each<[string, Measure]>([
  ['certain', certain],
  ['likely', likely(DOUBLE)],
])('%s', (_, m) => {
  it.each(['deltanet', 'gated-deltanet', 'kimi-delta', 'log-linear-gated-deltanet', 'log-linear-kimi-delta'])(
    '%s: rows, heads and groups',
    (system) => {
      const c = whole(system, system.startsWith('log-linear') ? { position: [0, 3] } : {});
      const all = deltaSizes(
        c,
        COSTS,
        slipsOf((value) => value),
        m,
      );
      for (const which of ['size', 'growth'] as const) {
        const tensors = tensorsOf(c, all[which]);
        const sums = { q: new Float64Array(B * T * G * K), k: new Float64Array(B * T * G * K) };
        for (let b = 0; b < B; b++) {
          for (let h = 0; h < H; h++) {
            const group = Math.floor((h * G) / H);
            const one = takeAlong(takeAlong(sequence(c, b), 'H', [h]), 'G', [group]);
            const alone = deltaSizes(
              one,
              COSTS,
              slipsOf((value) => take(take(value, 0, [b]), 2, [h])),
              m,
            )[which];
            for (const [name, value] of tensors) {
              const part =
                name === 'o' || name === 'finalState'
                  ? alone[name]
                  : (alone.gradients[name as InputName] as Float64Array);
              if (name === 'q' || name === 'k') {
                part.forEach((each, i) => {
                  sums[name][((b * T + Math.floor(i / K)) * G + group) * K + (i % K)] += each;
                });
                continue;
              }
              const mine = take(take(value, 0, [b]), lettersOf(c, name).indexOf('H'), [h]);
              expect(list(part), `${which} ${name}`).toEqual(list(toDense(mine)));
              expect(Math.max(...part), `${which} ${name}`).toBeGreaterThan(0);
            }
          }
        }
        for (const name of ['q', 'k'] as const) expect(list(all[which].gradients[name])).toEqual(list(sums[name]));
      }
    },
  );

  it('packed sequences', () => {
    const c = whole('log-linear-kimi-delta', { cuSeqlens: [0, 2, 5], position: [3, 0] });
    const cut = (from: number, to: number) => (value: Tensor) =>
      take(take(value, 0, [0]), 1, [0, 1, 2, 3, 4].slice(from, to));
    const all = deltaSizes(c, COSTS, slipsOf(cut(0, 5)), m);
    for (const which of ['size', 'growth'] as const) {
      for (const [i, from, to] of [
        [0, 0, 2],
        [1, 2, 5],
      ]) {
        const alone = tensorsOf(sequence(c, i), deltaSizes(sequence(c, i), COSTS, slipsOf(cut(from, to)), m)[which]);
        for (const [name, value] of tensorsOf(c, all[which])) {
          const isState = lettersOf(c, name).startsWith('n');
          const mine = isState ? take(value, 0, [i]) : take(value, 1, [0, 1, 2, 3, 4].slice(from, to));
          expect(list(toDense(alone.get(name) as Tensor)), `${which} ${name}`).toEqual(list(toDense(mine)));
        }
      }
    }
  });
});

it('no gradients without cotangents, none of the final state where it has none', () => {
  const c = whole('gated-deltanet');
  const slips = slipsOf((value) => value);
  const { cotangents: _, ...forward } = c;
  expect(deltaSizes(forward, COSTS, slips).growth.gradients).toEqual({});
  const zeros = {
    ...c.cotangents,
    finalState: tensor(new Float64Array(B * H * K * V), [B, H, 1, K, V]),
  } as Case['cotangents'];
  const without = deltaSizes({ ...c, cotangents: { o: c.cotangents?.o as Tensor } }, COSTS, slips);
  expect(without).toEqual(deltaSizes({ ...c, cotangents: zeros }, COSTS, slips));
});

it('a state that is short, or none, has gradients of its own shape', () => {
  const c = whole('log-linear-gated-deltanet');
  const slips = slipsOf((value) => value);
  expect(deltaSizes(c, COSTS, slips).size.gradients.initialState?.length).toBe(B * H * 3 * K * V);
  const none = deltaSizes(withInputs(c, { initialState: undefined }), COSTS, slips).size.gradients;
  expect(Object.keys(none)).toEqual(['q', 'k', 'v', 'beta', 'g', 'lambda']);
});
