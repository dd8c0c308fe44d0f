import { describe, expect, it } from 'vitest';
import { noise, signed, unit } from '../../properties/arbitraries/noise.ts';
import { UNIT_ROUNDOFF } from '../../properties/tolerance.ts';
import { float64 } from '../../reference/arithmetic.ts';
import { doubleDoubleMatrices } from '../../reference/double-double-matrix.ts';
import { type Head, zeroGradients } from '../../reference/head.ts';
import { FLAT } from '../../reference/levels.ts';
import { linearSystems } from '../../reference/systems/registry.ts';
import type { LinearSystem } from '../../reference/systems/system.ts';

const [T, K, V] = [3, 4, 2];
const COLUMNS = 3;

const numbers = (name: string, size: number, of = signed): Float64Array =>
  Float64Array.from({ length: size }, (_, i) => of(noise(5, name, [i])));

function headOf({ decay, beta, transition }: LinearSystem): Head {
  const width = decay === 'none' ? 0 : decay === 'channel' ? K : 1;
  return {
    T,
    K,
    V,
    L: 1,
    q: numbers('q', T * K),
    k: numbers('k', T * K),
    w: numbers('w', T * V),
    g: numbers('g', T * width).map((g) => -Math.abs(g)),
    beta: numbers('beta', beta ? T : 0, unit),
    lambda: new Float64Array(T).fill(1),
    state: null,
    position: 0,
    scale: 1,
    levels: FLAT,
    transition,
    chunkSize: 2,
  };
}

/** F_t as a matrix [K,K], from its own definition, one unit vector at a time. */
function matrixOf(x: Head, t: number): number[][] {
  const width = x.g.length / T;
  const token = {
    k: [...x.k.subarray(t * K, (t + 1) * K)],
    g: [...x.g.subarray(t * width, (t + 1) * width)],
    beta: x.beta[t] ?? 0,
  };
  const columns = Array.from({ length: K }, (_, j) =>
    x.transition.define(
      float64,
      token,
      Array.from({ length: K }, (_, i) => (i === j ? 1 : 0)),
    ),
  );
  return Array.from({ length: K }, (_, i) => columns.map((column) => column[i]));
}

const times = (matrix: number[][], X: Float64Array, columns: number): Float64Array =>
  Float64Array.from({ length: K * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns];
    return matrix[i].reduce((sum, entry, l) => sum + entry * X[l * columns + j], 0);
  });

const transpose = (matrix: number[][]): number[][] => matrix.map((_, i) => matrix.map((row) => row[i]));
const inner = (a: Float64Array, b: Float64Array): number => a.reduce((sum, each, i) => sum + each * b[i], 0);

const distance = (a: Float64Array, b: Float64Array): number =>
  a.reduce((most, each, i) => Math.max(most, Math.abs(each - b[i])), 0);

/** Two ways to sum 2 K products of numbers below 1, each with at most 2 K + 2 roundings. */
const ROUNDING = 2 * UNIT_ROUNDOFF * (2 * K + 2) * 2 * K;

/** Largest singular value, by power iteration on M^T M. */
function spectralNorm(matrix: number[][]): number {
  let v = Float64Array.from({ length: K }, (_, i) => 1 + i / 8);
  for (let step = 0; step < 500; step++) {
    const next = times(transpose(matrix), times(matrix, v, 1), 1);
    const length = Math.hypot(...next);
    if (length === 0) return 0;
    v = next.map((each) => each / length);
  }
  return Math.hypot(...times(matrix, v, 1));
}

describe.each(linearSystems.map((system) => [system.name, system] as const))('transition of %s', (_, system) => {
  const x = headOf(system);

  it('applies the matrix of its definition, and the transposed one', () => {
    const X = numbers('X', K * COLUMNS);
    for (let t = 0; t < T; t++) {
      const [forward, backward] = [X.slice(), X.slice()];
      x.transition.apply(x, t, forward, COLUMNS);
      x.transition.applyTransposed(x, t, backward, COLUMNS);
      const matrix = matrixOf(x, t);
      expect(distance(forward, times(matrix, X, COLUMNS))).toBeLessThanOrEqual(ROUNDING);
      expect(distance(backward, times(transpose(matrix), X, COLUMNS))).toBeLessThanOrEqual(ROUNDING);
    }
  });

  it('multiplies rows by that matrix from the right', () => {
    const X = numbers('X', COLUMNS * K);
    const width = x.g.length / T;
    const row = (data: Float64Array, size: number) => doubleDoubleMatrices.of(data, 1, size);
    for (let t = 0; t < T; t++) {
      const token = {
        k: row(x.k.subarray(t * K, (t + 1) * K), K),
        alpha: width > 0 ? row(x.g.slice(t * width, (t + 1) * width).map(Math.exp), width) : null,
        beta: x.beta.length > 0 ? row(x.beta.subarray(t, t + 1), 1) : null,
      };
      const rows = x.transition.defineRows(doubleDoubleMatrices, token, doubleDoubleMatrices.of(X, COLUMNS, K));
      const columns = transpose(matrixOf(x, t));
      for (let i = 0; i < COLUMNS; i++) {
        const [given, wanted] = [rows.hi.slice(i * K, (i + 1) * K), times(columns, X.slice(i * K, (i + 1) * K), 1)];
        expect(distance(given, wanted)).toBeLessThanOrEqual(ROUNDING);
      }
    }
  });

  it('has the gradients of <dY, F_t X>', () => {
    const [X, dY] = [numbers('X', K * COLUMNS), numbers('dY', K * COLUMNS)];
    const t = 1;
    const grads = zeroGradients(x);
    x.transition.gradients(x, t, X, dY, COLUMNS, grads);
    const value = (): number => inner(dY, times(matrixOf(x, t), X, COLUMNS));
    for (const [values, gradient] of [
      [x.g, grads.g],
      [x.beta, grads.beta],
      [x.k, grads.k],
    ]) {
      values.forEach((at, i) => {
        // F_t is at most quadratic in k and beta and analytic in g: central differences at 2^-17 are good to about 2^-34
        const h = 2 ** -17;
        values[i] = at + h;
        const above = value();
        values[i] = at - h;
        const difference = (above - value()) / (2 * h);
        values[i] = at;
        expect(Math.abs(difference - gradient[i])).toBeLessThan(2 ** -28);
      });
    }
  });

  it('is no larger than its norm, and says when it has no negative entry', () => {
    for (let t = 0; t < T; t++) {
      const matrix = matrixOf(x, t);
      expect(spectralNorm(matrix)).toBeLessThanOrEqual(x.transition.norms(x, t).value * (1 + 2 ** -40));
      if (x.transition.erases === 0) expect(matrix.flat().every((entry) => entry >= 0)).toBe(true);
      const multiple = matrix.map((row, i) => row.map((_, j) => (i === j ? matrix[0][0] : 0)));
      if (x.transition.scalar) expect(matrix).toEqual(multiple);
    }
  });
});
