/** What a chunk of a delta system is made of, against the definitions in properties/errors/delta-chunk.ts; all of it exact. */
import { describe, expect, it } from 'vitest';
import { type DeltaChunk, deltaChunk, tokenNorms } from '../../properties/errors/delta-chunk.ts';
import { certain, likely } from '../../properties/errors/measure.ts';
import { bfloat16, DOUBLE } from '../../properties/precision.ts';
import type { Head } from '../../reference/head.ts';
import { headOf } from '../../reference/operator.ts';
import { checkCase } from '../../reference/shapes.ts';
import { tensor } from '../../reference/tensor.ts';

type Matrix = number[][];

const K = 8;
const T = 4;
/** Keys and queries whose norms are whole numbers. */
const keys = [
  [0, 2],
  [3, 4],
  [4, -3],
  [8, 6],
];
const queries = [
  [1, 0],
  [3, -4],
  [-6, 8],
  [0, 3],
];
const betas = [4, 2, -1, 0.5];
/** Halves and quarters, channel by channel: the first two channels are the ones that hold something. */
const halvings = [
  [1, 1],
  [1, 2],
  [2, 1],
  [2, 2],
];

const wide = (row: number[]): number[] => [...row, ...new Array<number>(K - row.length).fill(0)];
const dot = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * b[i], 0);
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, j) => row.reduce((s, v, i) => s + v * b[i][j], 0)));
const matrix = (size: number, entry: (t: number, s: number) => number): Matrix =>
  Array.from({ length: size }, (_, t) => Array.from({ length: size }, (__, s) => entry(t, s)));

function head(system: string, halve: (t: number) => number[] | null): Head {
  const rows = (values: number[][]) => tensor(Float64Array.from(values.flatMap(wide)), [1, T, 1, K]);
  const inputs = {
    q: rows(queries),
    k: rows(keys),
    v: tensor(new Float64Array(T), [1, T, 1, 1]),
    beta: tensor(Float64Array.from(betas), [1, T, 1]),
    initialState: tensor(new Float64Array(K), [1, 1, 1, K, 1]),
  };
  const g = Array.from({ length: T }, (_, t) => halve(t)?.map((count) => -count * Math.LN2) ?? []).flat();
  const shape = g.length === T * K ? [1, T, 1, K] : [1, T, 1];
  const c = { system, inputs: g.length > 0 ? { ...inputs, g: tensor(Float64Array.from(g), shape) } : inputs, scale: 1 };
  return headOf(checkCase('test', c), 0, 0);
}

/** Channels that hold nothing decay as fast as the fastest. */
const systems: [system: string, halve: (t: number) => number[] | null][] = [
  ['deltanet', () => null],
  ['gated-deltanet', (t) => halvings[t].slice(0, 1)],
  ['kimi-delta', (t) => [...halvings[t], ...new Array<number>(K - 2).fill(2)]],
];
const measures = [
  ['certain', certain],
  ['likely', likely({ ...DOUBLE, product: bfloat16 })],
] as const;

it('decays are powers of two', () => {
  for (const count of [1, 2]) expect(Math.exp(-count * Math.LN2)).toBe(2 ** -count);
});

describe.each(systems)('%s', (system, halve) => {
  it.each(measures)('%s', (_, m) => {
    const x = head(system, halve);
    const n = tokenNorms(x, m);
    // all tokens, and those after the first
    for (const start of [0, 1]) {
      const size = T - start;
      const at = <X>(list: X[]) => list.slice(start);
      const [k, q, beta] = [at(keys), at(queries), at(betas)];
      const [kNorm, qNorm] = [k, q].map((rows) => rows.map((row) => m.of(Math.sqrt(dot(row, row)))));
      const b = beta.map(m.of);
      const channelDecay = (t: number, i: number): number => {
        const row = halve(start + t);
        return row ? 2 ** -row[row.length === 1 ? 0 : i] : 1;
      };
      const slowest = (t: number): number => m.of(Math.max(...[0, 1].map((i) => channelDecay(t, i))));
      /** Decay over the tokens from+1 … to. */
      const over = (to: number, from: number, of: (t: number) => number): number => {
        let product = 1;
        for (let t = from + 1; t <= to; t++) product *= of(t);
        return product;
      };
      const decayed = (t: number, s: number): number[] =>
        k[s].map((value, i) => value * over(t, s, (r) => channelDecay(r, i)));
      const products = (a: number[], c: number[]): number => dot(a.map(m.of), c.map(m.of));

      const N = matrix(size, (t, s) => (s < t ? beta[t] * dot(k[t], decayed(t, s)) : 0));
      const NBar = matrix(size, (t, s) => (s < t ? b[t] * products(k[t], decayed(t, s)) : 0));
      const QBar = matrix(size, (t, s) => (s <= t ? products(q[t], decayed(t, s)) : 0));
      // (I + N)^-1 = I - N + N^2 - N^3: N is strictly triangular
      let inverse = matrix(size, (t, s) => (t === s ? 1 : 0));
      for (let i = 1; i < size; i++) {
        inverse = times(N, inverse).map((row, t) => row.map((value, s) => (t === s ? 1 : 0) - value));
      }
      const X = inverse.map((row) => row.map(m.of));
      const NX = times(NBar, X);
      const QX = times(QBar, X);
      const across = m.across(K);
      const erased = (s: number): number => b[s] * kNorm[s];
      const since = (t: number): number => over(t, -1, slowest);
      const through = (M: Matrix): number[] =>
        M.map((row) => row.reduce((sum, value, s) => sum + value * across * erased(s) * since(s), 0));
      const sum = (from: number, to: number, term: (r: number) => number): number => {
        let total = 0;
        for (let r = from; r <= to; r++) total += term(r);
        return total;
      };
      const last = size - 1;
      const oldX = through(X);
      const expected: Omit<Record<keyof DeltaChunk, number[]>, 'start' | 'end' | 'size'> = {
        X: X.flat(),
        NX: NX.flat(),
        QX: QX.flat(),
        QXNX: times(QX, NX).flat(),
        oldX,
        found: X.map((_row, t) => across * erased(t) * since(t)),
        oldQ: through(QX).map((value, t) => value + across * qNorm[t] * since(t)),
        sinceStart: X.map((_row, t) => since(t)),
        toEnd: X.map((_row, t) => over(last, t, slowest)),
        written: matrix(size, (t, s) =>
          s <= t ? sum(s, t, (r) => over(t, r, slowest) * kNorm[r] * X[r][s]) : 0,
        ).flat(),
        oldWritten: X.map((_row, t) => since(t) + sum(0, t, (r) => over(t, r, slowest) * kNorm[r] * oldX[r])),
        readBack: matrix(size, (t, r) =>
          r <= t
            ? over(t, r, slowest) * qNorm[t] + sum(r + 1, t, (s) => over(s, r, slowest) * erased(s) * QX[t][s])
            : 0,
        ).flat(),
        oldReadBack: X.map(
          (_row, r) =>
            over(last, r, slowest) +
            sum(r + 1, last, (s) => {
              const found = sum(s, last, (t) => across * kNorm[t] * over(last, t, slowest) * X[t][s]);
              return over(s, r, slowest) * erased(s) * found;
            }),
        ),
      };
      const chunk = deltaChunk(x, n, m, start, T);
      expect([chunk.start, chunk.end, chunk.size]).toEqual([start, T, size]);
      for (const [name, values] of Object.entries(expected)) {
        expect([...(chunk[name as keyof typeof expected] as Float64Array)], `${name} from ${start}`).toEqual(values);
      }
    }
  });
});

it('norms of tokens: the first step is 1, unless there is a state', () => {
  const x = head('gated-deltanet', (t) => halvings[t].slice(0, 1));
  const n = tokenNorms(x, certain);
  expect([...n.q]).toEqual([1, 5, 10, 3]);
  expect([...n.k]).toEqual([2, 5, 5, 10]);
  expect([...n.beta]).toEqual([4, 2, 1, 0.5]);
  expect([...n.decay]).toEqual([0.5, 0.5, 0.25, 0.25]);
  // decay max(1, |1 - beta |k|^2|)
  expect([...n.step]).toEqual([0.5 * 15, 0.5 * 49, 0.25 * 26, 0.25 * 49]);
  expect([...tokenNorms({ ...x, state: null }, certain).step]).toEqual([1, 0.5 * 49, 0.25 * 26, 0.25 * 49]);
  const undecayed = head('deltanet', () => null);
  expect([...tokenNorms(undecayed, certain).decay]).toEqual([1, 1, 1, 1]);
});
