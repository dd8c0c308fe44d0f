/**
 * A kernel of log-linear Mamba-2 as somebody else writes it, over pairs of a query and a key, with its backward by hand: dq = dA k,
 * dk = dA^T q, dv = P^T dO, dg by a reverse cumulative sum, dlambda by sums over levels. Each bug is one line of it, by name.
 */
import type { Answer, Case } from '../../reference/case.ts';
import { tensor } from '../../reference/tensor.ts';
import { answerOf, type Given, givenBy, type Round } from './independent-problem.ts';

/** Tokens of a chunk, where a bug needs chunks. */
export const CHUNK = 16;

/** The bugs that its forward pass can have, and what the dictionary calls each. */
export const forwardBugs = {
  'exp(c_t - c_{s-1})': 'decay-of-the-key-included',
  'exp(c_t - c_{s-1}) with g_0 = 0': 'decay-of-the-key-included-but-the-first',
  'exp(c_{t-1} - c_s)': 'decay-of-the-query-undone',
  'exp(c_{t-1} - c_s), 1 on the diagonal': 'decay-of-the-query-excluded',
  'sums without their own g': 'decay-of-the-token-before',
  'g is not used': 'decay-ignored',
  'exp(-g)': 'decay-sign-flipped',
  'exp2(g)': 'decay-base-two',
  'no decay over whole chunks': 'decay-missing-between-chunks',
  'no decay at the start of a chunk': 'decay-dropped-at-chunk-start',
  'lambda of the key': 'lambda-of-the-key',
  'lambda squared': 'lambda-twice',
  'lambda is not used': 'lambda-missing',
  'level by t - s': 'level-by-distance',
  'level one too high': 'level-off-by-one',
  'level one too low': 'level-one-too-low',
  'every level one too high': 'level-one-too-high-for-all',
  'level without log2 C': 'level-inside-chunk-only',
  'mask s < t': 'own-token-missing',
  'mask s <= t + 1': 'mask-one-token-wide',
  'divided by the sum': 'outputs-divided-by-their-weights',
  'divided by max(sum, 1)': 'outputs-divided-by-one-or-more',
  'softmax of the scores': 'softmax-of-the-scores',
  'scale is 1 / sqrt(K)': 'scale-of-the-key-size',
  'scale twice': 'scale-twice',
  'v reversed in a chunk': 'values-reversed-in-a-chunk',
  'o reversed in a chunk': 'outputs-reversed-in-a-chunk',
  'last chunk not written': 'partial-chunk-dropped',
  'halves of o interleaved': 'value-halves-interleaved',
  'half of K': 'key-half-dropped',
  'packed as one': 'cu-seqlens-ignored',
} as const;

/** The same of its backward pass, behind a right forward. */
export const backwardBugs = {
  'dq without scale': 'dq-without-scale',
  'dq with scale twice': 'dq-with-scale-twice',
  'dk without scale': 'dk-without-scale',
  'dk with scale twice': 'dk-with-scale-twice',
  'dv without scale': 'dv-without-scale',
  'dv without lambda': 'dv-without-lambda',
  'dv without decay': 'dv-without-decay',
  'dA without lambda': 'dscores-without-lambda',
  'dA without decay': 'dscores-without-decay',
  'dq with lambda from the other end': 'dq-with-levels-reversed',
  'dk with lambda of the key': 'dk-with-lambda-of-the-key',
  'dv with lambda of the key': 'dv-with-lambda-of-the-key',
  'dv = P dO': 'dv-untransposed',
  'dk = dA q': 'dk-untransposed',
  'dq = dA^T k': 'dq-transposed',
  'dq and dk swapped': 'dq-and-dk-swapped',
  'dk overwritten by heads': 'dk-of-the-last-head',
  'dq overwritten by heads': 'dq-of-the-last-head',
  'dk overwritten by chunks': 'dk-of-the-last-chunk',
  'dk of its own chunk': 'dk-of-its-own-chunk',
  'dg without its sum': 'dg-without-the-sum',
  'dg summed forwards': 'dg-summed-forwards',
  'dg summed from t + 1': 'dg-from-exclusive-sums',
  'dg summed inside chunks': 'dg-summed-inside-chunks',
  'dg without k dk of its own token': 'dg-counts-the-diagonal',
  'dq without scale, and dg from it': 'dq-and-dg-without-scale',
  'dk without scale, and dg from it': 'dk-and-dg-without-scale',
  'dA without lambda, and dg from it': 'dscores-and-dg-without-lambda',
  'dA without decay, and dg from it': 'dscores-and-dg-without-decay',
  'dg negated': 'dg-negated',
  'dg summed over heads': 'heads-leak-in-backward',
  'dlambda at the key': 'dlambda-of-the-key',
  'dlambda without scale': 'dlambda-without-scale',
  'dlambda without decay': 'dlambda-without-decay',
  'last chunk without dk and dv': 'partial-chunk-without-gradient',
} as const;

export type QuadraticBug = keyof typeof forwardBugs | keyof typeof backwardBugs;

type Matrix = Float64Array[];
const zeros = (rows: number, columns: number): Matrix => Array.from({ length: rows }, () => new Float64Array(columns));
const bits = (n: number): number => (n > 0 ? 1 + Math.floor(Math.log2(n)) : 0);

/** One head of one sequence. */
interface Tile {
  n: number;
  first: number;
  q: Matrix;
  k: Matrix;
  v: Matrix;
  g: Float64Array;
  lambda: Matrix;
}

function load(x: Given, row: number, first: number, end: number, h: number): Tile {
  const n = end - first;
  const group = Math.floor((h * x.G) / x.H);
  const rows = (from: Float64Array, heads: number, head: number, width: number): Matrix =>
    Array.from({ length: n }, (_, t) => {
      const at = ((row * x.T + first + t) * heads + head) * width;
      return from.slice(at, at + width);
    });
  return {
    n,
    first,
    q: rows(x.q, x.G, group, x.K),
    k: rows(x.k, x.G, group, x.K),
    v: rows(x.v, x.H, h, x.V),
    g: Float64Array.from(rows(x.g as Float64Array, x.H, h, 1), ([value]) => value),
    lambda: rows(x.lambda as Float64Array, x.H, h, x.L),
  };
}

export function quadraticKernel(r: Round, bug: QuadraticBug | null): (c: Case) => Answer {
  const sumOf = (a: Float64Array, b: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum = r(sum + r(a[i] * b[i]));
    return sum;
  };
  const chunk = (t: number): number => Math.floor(t / CHUNK);

  function level(t: number, s: number, L: number): number {
    let l = bits(t ^ s);
    if (bug === 'level by t - s') l = bits(Math.abs(t - s));
    if (bug === 'level without log2 C' && chunk(t) !== chunk(s)) l = bits(chunk(t) ^ chunk(s));
    if (bug === 'level one too high' && s < t) l++;
    if (bug === 'level one too low') l = Math.max(l - 1, 0);
    if (bug === 'every level one too high') l++;
    return Math.min(l, L - 1);
  }

  function readScale({ lambda }: Tile, t: number, s: number, L: number): number {
    if (bug === 'lambda is not used') return 1;
    const value = lambda[bug === 'lambda of the key' ? s : t][level(t, s, L)];
    return bug === 'lambda squared' ? r(value * value) : value;
  }

  /** exp of the decays between key s and query t. */
  function decay({ g }: Tile, t: number, s: number, isBackward: boolean): number {
    const wrong = isBackward ? null : bug;
    if (s > t) return r(Math.exp(-g[s]));
    let [from, to] = [s + 1, t];
    if (wrong === 'exp(c_t - c_{s-1})' || wrong === 'sums without their own g') from = s;
    if (wrong === 'exp(c_t - c_{s-1}) with g_0 = 0') from = Math.max(s, 1);
    if (wrong === 'sums without their own g' || wrong?.startsWith('exp(c_{t-1} - c_s)')) to = t - 1;
    if (wrong === 'exp(c_{t-1} - c_s)' && s === t) return r(Math.exp(-g[t]));
    let sum = 0;
    for (let i = from; i <= to; i++) {
      if (wrong === 'no decay over whole chunks' && chunk(i) !== chunk(s) && chunk(i) !== chunk(t)) continue;
      if (wrong === 'no decay at the start of a chunk' && i % CHUNK === 0) continue;
      sum = r(sum + g[i]);
    }
    if (wrong === 'g is not used') return 1;
    if (wrong === 'exp(-g)') sum = -sum;
    return r(wrong === 'exp2(g)' ? 2 ** sum : Math.exp(sum));
  }

  function forward(x: Given, tile: Tile, scale: number): Matrix {
    const { n } = tile;
    const o = zeros(n, x.V);
    for (let t = 0; t < n; t++) {
      const last = bug === 'mask s <= t + 1' ? Math.min(t + 1, n - 1) : bug === 'mask s < t' ? t - 1 : t;
      const scores: number[] = [];
      for (let s = 0; s <= last; s++) {
        const part = bug === 'half of K' ? Math.ceil(x.K / 2) : x.K;
        scores.push(r(scale * sumOf(tile.q[t].subarray(0, part), tile.k[s].subarray(0, part))));
      }
      if (bug === 'softmax of the scores') {
        const most = Math.max(...scores);
        const weights = scores.map((score) => r(Math.exp(r(score - most))));
        const sum = weights.reduce((a, b) => r(a + b));
        for (let s = 0; s <= t; s++) scores[s] = r(weights[s] / sum);
      }
      let total = 0;
      for (let s = 0; s <= last; s++) {
        const weight = r(r(scores[s] * readScale(tile, t, s, x.L)) * decay(tile, t, s, false));
        total = r(total + weight);
        let row = s;
        if (bug === 'v reversed in a chunk') {
          const begin = chunk(s) * CHUNK;
          row = begin + Math.min(begin + CHUNK, n) - 1 - s;
        }
        for (let j = 0; j < x.V; j++) o[t][j] = r(o[t][j] + r(weight * tile.v[row][j]));
      }
      if (bug === 'divided by the sum') for (let j = 0; j < x.V; j++) o[t][j] = r(o[t][j] / total);
      if (bug === 'divided by max(sum, 1)')
        for (let j = 0; j < x.V; j++) o[t][j] = r(o[t][j] / Math.max(Math.abs(total), 1));
      if (bug === 'last chunk not written' && t >= n - (n % CHUNK)) o[t].fill(0);
    }
    if (bug !== 'o reversed in a chunk') return o;
    return o.map((_, t) => o[chunk(t) * CHUNK + Math.min((chunk(t) + 1) * CHUNK, n) - 1 - t]);
  }

  function backward(x: Given, tile: Tile, scale: number, dO: Matrix) {
    const { n, q, k, v, lambda } = tile;
    const [dq, dk, dv] = [zeros(n, x.K), zeros(n, x.K), zeros(n, x.V)];
    const dlambda = zeros(n, x.L);
    const addTo = (into: Float64Array, factor: number, from: Float64Array): void => {
      for (let i = 0; i < into.length; i++) into[i] = r(into[i] + r(factor * from[i]));
    };
    for (let t = 0; t < n; t++) {
      for (let s = 0; s <= t; s++) {
        const l = Math.min(bits(t ^ s), x.L - 1);
        const D = decay(tile, t, s, true);
        const dP = sumOf(dO[t], v[s]);
        const A = sumOf(q[t], k[s]);
        const own = r(lambda[t][l] * D);
        const ofKey = r(lambda[s][l] * D);
        // dA = dP * M
        let M = own;
        if (bug?.startsWith('dA without lambda')) M = D;
        if (bug?.startsWith('dA without decay')) M = lambda[t][l];
        const dA = r(r(dP * M) * scale);
        let forQ = dA;
        let forK = dA;
        if (bug?.startsWith('dq without scale')) forQ = r(dP * M);
        if (bug === 'dq with scale twice') forQ = r(dA * scale);
        if (bug === 'dq with lambda from the other end') forQ = r(r(r(dP * lambda[t][x.L - 1 - l]) * D) * scale);
        if (bug?.startsWith('dk without scale')) forK = r(dP * M);
        if (bug === 'dk with scale twice') forK = r(dA * scale);
        if (bug === 'dk with lambda of the key') forK = r(r(dP * ofKey) * scale);
        if (bug === 'dk overwritten by chunks' && chunk(t) < chunk(n - 1)) forK = 0;
        if (bug === 'dk of its own chunk' && chunk(t) !== chunk(s)) forK = 0;
        if (bug === 'dq = dA^T k') addTo(dq[s], forQ, k[t]);
        else addTo(dq[t], forQ, k[s]);
        if (bug === 'dk = dA q') addTo(dk[t], forK, q[s]);
        else addTo(dk[s], forK, q[t]);
        // dv = P^T dO
        let P = r(r(scale * A) * own);
        if (bug === 'dv without scale') P = r(A * own);
        if (bug === 'dv without lambda') P = r(r(scale * A) * D);
        if (bug === 'dv without decay') P = r(r(scale * A) * lambda[t][l]);
        if (bug === 'dv with lambda of the key') P = r(r(scale * A) * ofKey);
        if (bug === 'dv = P dO') addTo(dv[t], P, dO[s]);
        else addTo(dv[s], P, dO[t]);
        let share = r(r(r(scale * A) * D) * dP);
        if (bug === 'dlambda without scale') share = r(r(A * D) * dP);
        if (bug === 'dlambda without decay') share = r(r(scale * A) * dP);
        const at = bug === 'dlambda at the key' ? s : t;
        dlambda[at][l] = r(dlambda[at][l] + share);
      }
    }
    const terms = bug?.endsWith('dg from it')
      ? q.map((row, t) => r(sumOf(row, dq[t]) - sumOf(k[t], dk[t])))
      : decayTerms(tile, scale, dO);
    const dg = decayGradient(terms);
    if (bug === 'dg without k dk of its own token') for (let t = 0; t < n; t++) dg[t] = r(dg[t] + sumOf(k[t], dk[t]));
    return { dq, dk, dv, dg, dlambda };
  }

  /** What each token gives as a query, less what it gives as a key: q · dq - k · dk without the diagonal, which is in both. */
  function decayTerms(tile: Tile, scale: number, dO: Matrix): number[] {
    const terms: number[] = new Array(tile.n).fill(0);
    for (let t = 0; t < tile.n; t++) {
      for (let s = 0; s < t; s++) {
        const A = r(scale * sumOf(tile.q[t], tile.k[s]));
        const P = r(r(A * tile.lambda[t][bits(t ^ s)]) * decay(tile, t, s, true));
        const share = r(sumOf(dO[t], tile.v[s]) * P);
        terms[t] = r(terms[t] + share);
        terms[s] = r(terms[s] - share);
      }
    }
    return terms;
  }

  /** Their reverse cumulative sum. */
  function decayGradient(terms: readonly number[]): Float64Array {
    const n = terms.length;
    const dg = new Float64Array(n);
    for (let t = 0; t < n; t++) {
      let [from, to] = [t, n - 1];
      if (bug === 'dg without its sum') to = t;
      if (bug === 'dg summed forwards') [from, to] = [0, t];
      if (bug === 'dg summed from t + 1') from = t + 1;
      if (bug === 'dg summed inside chunks') to = Math.min((chunk(t) + 1) * CHUNK, n) - 1;
      for (let i = to; i >= from; i--) dg[t] = r(dg[t] + terms[i]);
      if (bug === 'dg negated') dg[t] = -dg[t];
    }
    return dg;
  }

  return (c) => {
    const x = givenBy(c);
    const { B, T, G, H, K, V, L } = x;
    const given = x.scale ?? 1;
    let scale = given;
    if (bug === 'scale is 1 / sqrt(K)') scale = r(1 / r(Math.sqrt(K)));
    if (bug === 'scale twice') scale = r(given * given);
    const o = new Float64Array(B * T * H * V);
    const [q, k] = [new Float64Array(B * T * G * K), new Float64Array(B * T * G * K)];
    const [v, g, lambda] = [o.length, B * T * H, B * T * H * L].map((size) => new Float64Array(size));
    const store = (into: Float64Array, rows: Matrix, place: (t: number) => number, adds = false): void => {
      rows.forEach((row, t) => {
        for (let i = 0; i < row.length; i++) {
          const at = place(t) * row.length + i;
          into[at] = adds ? r(into[at] + row[i]) : row[i];
        }
      });
    };
    const wholes = bug === 'packed as one' ? [{ row: 0, start: 0, end: T }] : x.sequences;
    for (const { row, start, end } of bug === 'packed as one' && B > 1 ? x.sequences : wholes) {
      for (let h = 0; h < H; h++) {
        const place = (t: number): number => (row * T + start + t) * H + h;
        let rows = forward(x, load(x, row, start, end, h), scale);
        if (bug === 'halves of o interleaved' && V % 2 === 0)
          rows = rows.map((each) => each.map((_, j) => each[(j % 2) * (V / 2) + Math.floor(j / 2)]));
        store(o, rows, place);
      }
    }
    const answer = answerOf(x, o, null);
    if (!x.dO) return answer;
    for (const { row, start, end } of x.sequences) {
      for (let h = 0; h < H; h++) {
        const place = (t: number): number => (row * T + start + t) * H + h;
        const group = Math.floor((h * G) / H);
        const inGroup = (t: number): number => (row * T + start + t) * G + group;
        const tile = load(x, row, start, end, h);
        const dO = Array.from({ length: end - start }, (_, t) =>
          (x.dO as Float64Array).slice(place(t) * V, (place(t) + 1) * V),
        );
        const grads = backward(x, tile, given, dO);
        if (bug === 'last chunk without dk and dv') {
          for (let t = tile.n - (tile.n % CHUNK); t < tile.n; t++) {
            grads.dk[t].fill(0);
            grads.dv[t].fill(0);
          }
        }
        if (bug === 'dq and dk swapped') [grads.dq, grads.dk] = [grads.dk, grads.dq];
        store(q, grads.dq, inGroup, bug !== 'dq overwritten by heads');
        store(k, grads.dk, inGroup, bug !== 'dk overwritten by heads');
        store(v, grads.dv, place);
        store(lambda, grads.dlambda, place);
        for (let t = 0; t < tile.n; t++) g[place(t)] = grads.dg[t];
      }
    }
    if (bug === 'dg summed over heads') {
      for (let i = 0; i < g.length; i += H) {
        const sum = g.slice(i, i + H).reduce((a, b) => r(a + b), 0);
        g.fill(sum, i, i + H);
      }
    }
    const shaped = (data: Float64Array, ...shape: number[]) => tensor(data, shape);
    answer.gradients = {
      q: shaped(q, B, T, G, K),
      k: shaped(k, B, T, G, K),
      v: shaped(v, B, T, H, V),
      g: shaped(g, B, T, H),
      lambda: shaped(lambda, B, T, H, L),
    };
    return answer;
  };
}
