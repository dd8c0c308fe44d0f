/** Errors of whole cases are those of each head of each sequence by itself: what tests of several error models ask. */
import { expect } from 'vitest';
import { axes, inputNames, sequence, shapeOf, sizesOf, take, takeAlong } from '../../properties/edit.ts';
import type { ByElement } from '../../properties/errors/by-element.ts';
import type { Slips } from '../../properties/errors/slips.ts';
import type { Case } from '../../reference/case.ts';
import { findSystem } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { goodCase, withCotangents } from './good-case.ts';

export const SIZES = { B: 2, T: 5, H: 4, G: 2, K: 3, V: 2, L: 4 };
const { B, T, H, G, K, V } = SIZES;

type Errors = (c: Case, slips: Slips) => { size: ByElement; growth: ByElement };

const list = (values: Float64Array | undefined): number[] => [...(values ?? [])];
const tokens = (seed: number): Tensor =>
  tensor(
    Float64Array.from({ length: B * T * H }, (_, i) => (1 + ((i * seed) % 7)) * 2 ** -16),
    [B, T, H],
  );
const [step, source] = [tokens(3), tokens(5)];

/** Slips of these tokens of heads. */
export const slipsOf = (cut: (value: Tensor) => Tensor): Slips => ({
  step: toDense(cut(step)),
  source: toDense(cut(source)),
});

/** A case with everything: two rows, or packed sequences in one. */
export function wholeCase(system: string, more: Partial<Case> = {}): Case {
  const n = more.cuSeqlens ? more.cuSeqlens.length - 1 : B;
  const sizes = { ...SIZES, B: more.cuSeqlens ? 1 : B, n };
  const stateLevels = findSystem(system)?.logLinear ? 3 : 1;
  return withCotangents(goodCase(system, { ...sizes, stateLevels }, { scale: -0.5, chunkSize: 2, ...more }), sizes);
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

/** Rows and heads: equal; queries and keys of a group: the sums over its heads. */
export function expectHeadByHead(c: Case, errors: Errors): void {
  const all = errors(
    c,
    slipsOf((value) => value),
  );
  for (const which of ['size', 'growth'] as const) {
    const tensors = tensorsOf(c, all[which]);
    const sums = { q: new Float64Array(B * T * G * K), k: new Float64Array(B * T * G * K) };
    for (let b = 0; b < B; b++) {
      for (let h = 0; h < H; h++) {
        const group = Math.floor((h * G) / H);
        const one = takeAlong(takeAlong(sequence(c, b), 'H', [h]), 'G', [group]);
        const alone = errors(
          one,
          slipsOf((value) => take(take(value, 0, [b]), 2, [h])),
        )[which];
        for (const [name, value] of tensors) {
          const isOutput = name === 'o' || name === 'finalState';
          const part = isOutput ? alone[name] : (alone.gradients[name as InputName] as Float64Array);
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
    // sums of the same numbers in another order
    for (const name of ['q', 'k'] as const) {
      const ratios = list(all[which].gradients[name]).map((value, i) => value / sums[name][i]);
      expect([Math.min(...ratios), Math.max(...ratios)]).toEqual([expect.closeTo(1, 9), expect.closeTo(1, 9)]);
      expect(ratios).toHaveLength(sums[name].length);
    }
  }
}

/** Packed sequences: each what it is alone. */
export function expectSequenceBySequence(system: string, errors: Errors): void {
  const c = wholeCase(system, { cuSeqlens: [0, 2, 5] });
  const cut = (from: number, to: number) => (value: Tensor) =>
    take(take(value, 0, [0]), 1, [0, 1, 2, 3, 4].slice(from, to));
  const all = errors(c, slipsOf(cut(0, 5)));
  for (const which of ['size', 'growth'] as const) {
    for (const [i, from, to] of [
      [0, 0, 2],
      [1, 2, 5],
    ]) {
      const alone = tensorsOf(sequence(c, i), errors(sequence(c, i), slipsOf(cut(from, to)))[which]);
      for (const [name, value] of tensorsOf(c, all[which])) {
        const isState = lettersOf(c, name).startsWith('n');
        const mine = isState ? take(value, 0, [i]) : take(value, 1, [0, 1, 2, 3, 4].slice(from, to));
        expect(list(toDense(alone.get(name) as Tensor)), `${which} ${name}`).toEqual(list(toDense(mine)));
      }
    }
  }
}
