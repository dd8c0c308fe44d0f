/**
 * The operator straight from its definition, in any arithmetic and without any regard for speed:
 *   o_t = scale * sum over s <= t of lambda[t, level(t,s)] (q_t^T F_t … F_{s+1} k_s) w_s
 * Every source (a token, or a column of the incoming state) is one vector that is pushed through the transitions. Shares no code
 * with the three forms; over dual numbers it is a forward-mode derivative that shares none with their backwards.
 */
import type { Arithmetic } from './arithmetic.ts';
import type { Transition } from './head.ts';
import { contentLevels, type Levels } from './levels.ts';

/** One head of one sequence, in numbers of kind N; letters as in Head. */
export interface DefinitionInput<N> {
  /** [T][K] */
  q: N[][];
  /** [T][K] */
  k: N[][];
  /** [T][V], the values as they come in: the definition multiplies by beta itself */
  v: N[][];
  /** [T][0, 1 or K] */
  g: N[][];
  /** [T], or empty */
  beta: N[];
  /** [T][L] */
  lambda: N[][];
  /** [L][K][V], or null */
  state: N[][][] | null;
  K: number;
  V: number;
  L: number;
  position: number;
  scale: number;
  levels: Levels;
  /** null: softmax attention */
  transition: Transition | null;
}

export interface DefinitionOutput<N> {
  /** [T][V] */
  o: N[][];
  /** [L][K][V] */
  state: N[][][];
}

const filled = <N>(a: Arithmetic<N>, rows: number, columns: number): N[][] =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => a.of(0)));

const inner = <N>(a: Arithmetic<N>, x: N[], y: N[]): N =>
  x.reduce((sum, xi, i) => a.add(sum, a.mul(xi, y[i])), a.of(0));

/** The operator in arithmetic `a`. */
export function define<N>(a: Arithmetic<N>, x: DefinitionInput<N>): DefinitionOutput<N> {
  if (x.transition === null) return defineSoftmax(a, x);
  const transition = x.transition;
  const T = x.q.length;
  const scale = a.of(x.scale);
  const o = filled(a, T, x.V);
  const state = Array.from({ length: x.L }, () => filled(a, x.K, x.V));
  const push = (t: number, key: N[]): N[] =>
    transition.define(a, { k: x.k[t], g: x.g[t], beta: x.beta[t] ?? a.of(0) }, key);
  const written = x.v.map((v, s) => (x.beta.length > 0 ? v.map((value) => a.mul(x.beta[s], value)) : v));
  const addInto = (row: N[], factor: N, values: N[]): void => {
    values.forEach((value, j) => {
      row[j] = a.add(row[j], a.mul(factor, value));
    });
  };

  /** One source: `key` just after token `first`, read by the queries from there on. */
  const follow = (key: N[], values: N[], first: number, levelAt: (t: number) => number): void => {
    let now = key;
    for (let t = Math.max(first, 0); t < T; t++) {
      if (t > first) now = push(t, now);
      const level = levelAt(t);
      if (level < 0) return;
      addInto(o[t], a.mul(a.mul(scale, x.lambda[t][level]), inner(a, x.q[t], now)), values);
      if (t < T - 1) continue;
      for (let i = 0; i < now.length; i++) addInto(state[level][i], now[i], values);
    }
  };

  for (let s = 0; s < T; s++) follow(x.k[s], written[s], s, (t) => x.levels.level(x.position + t, x.position + s));
  x.state?.forEach((content, l) => {
    if (T === 0) {
      state[l] = content;
      return;
    }
    // a state is the sum over its channels i of e_i (row i)^T
    const readBy = contentLevels(x.levels, x.position, l, T);
    content.forEach((row, i) => {
      const unit = Array.from({ length: x.K }, (_, channel) => a.of(channel === i ? 1 : 0));
      follow(unit, row, -1, (t) => readBy[t]);
    });
  });
  return { o, state };
}

function defineSoftmax<N>(a: Arithmetic<N>, x: DefinitionInput<N>): DefinitionOutput<N> {
  const scale = a.of(x.scale);
  const o = x.q.map((q, t) => {
    const scores = x.k.slice(0, t + 1).map((k) => a.mul(scale, inner(a, q, k)));
    // any constant may be taken off every score; the largest one keeps exp from overflowing
    const largest = a.of(scores.reduce((most, score) => Math.max(most, a.valueOf(score)), Number.NEGATIVE_INFINITY));
    const weights = scores.map((score) => a.exp(a.sub(score, largest)));
    const total = weights.reduce((sum, weight) => a.add(sum, weight));
    return Array.from({ length: x.V }, (_, j) => {
      const weighted = weights.reduce((sum, weight, s) => a.add(sum, a.mul(weight, x.v[s][j])), a.of(0));
      return a.div(weighted, total);
    });
  });
  return { o, state: [] };
}
