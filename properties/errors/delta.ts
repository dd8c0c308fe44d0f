/**
 * Errors of the delta rule, one head of one sequence. The rule takes off what it finds, so that absolute values would grow where the
 * operator contracts. Errors are therefore carried as Euclidean norms along K, one for each level and value channel:
 *
 *   e_t = |F_t| (1 + z_t) e_{t-1} + eta_t          f_{t-1} = |F_t| (1 + z_t) f_t + eta'_t
 *
 * for the states and for the gradients by them. |F_t| is the true spectral norm, so errors die out as the states do. eta is what one
 * step adds, in any of the ways to compute it: step by step, or by the triangular solve of a chunk (delta-chunk.ts). Sizes restart
 * from the true norms at every chunk.
 */
import type { Head, HeadOutput } from '../../reference/head.ts';
import { type DeltaChunk, deltaChunk, type TokenNorms, tokenNorms } from './delta-chunk.ts';
import { normOf } from './layout.ts';
import type { Measure } from './measure.ts';

/** What roundings cost here. */
export interface DeltaCosts {
  /** One rounding of a sum, of a factor of a product. */
  sums: number;
  factors: number;
  /** Relative error of each step's decay, and of each token's decay to the end of its chunk. [T] */
  step: Float64Array;
  source: Float64Array;
  chunk: number;
}

/** Roundings of factors in v' = X w: X, w, v' as it is kept, v' and the key as factors; in N: key, beta key, X, the inverse. */
const WRITE_FACTORS = 5;
const SOLVE_FACTORS = 4;
/** Roundings of one exp, one product with it, a difference. */
const FEW = 4;

/** Numbers of a head: [T,V], [L,V] by level, [T], [T,L]. K is one number here. */
export interface HeadErrors {
  o: Float64Array;
  state: Float64Array;
  q: Float64Array;
  k: Float64Array;
  w: Float64Array;
  g: Float64Array;
  beta: Float64Array;
  lambda: Float64Array;
  initial: Float64Array;
}

const emptyErrors = ({ T, V, L }: Head): HeadErrors => ({
  o: new Float64Array(T * V),
  state: new Float64Array(L * V),
  q: new Float64Array(T),
  k: new Float64Array(T),
  w: new Float64Array(T * V),
  g: new Float64Array(T),
  beta: new Float64Array(T),
  lambda: new Float64Array(T * L),
  initial: new Float64Array(L * V),
});

/** Levels after each token: sizes of the sums that states are, errors, and sizes of what the query reads. [L,V] each */
interface After {
  size: Float64Array;
  error: Float64Array;
  read: Float64Array;
}

/** What both directions need. */
interface Plan {
  x: Head;
  m: Measure;
  /** What inner products have of norms. */
  across: number;
  n: TokenNorms;
  chunks: Chunk[];
  /** [T]: what b_t = beta |k|^2 of the state a step may get wrong when it is done alone. */
  alone: Float64Array;
  /** [T]: z */
  relative: Float64Array;
  /** [T]: relative error of each step's decay. */
  step: Float64Array;
  /** [T]: error of each token's decay to wherever it is read. */
  source: Float64Array;
  /** For QX, at the token that is read: [T]; for NX. */
  write: Float64Array;
  solve: number;
}

/** A chunk, with what its writes are off by: (once + the decays of both tokens) X and solve NX, [t,s]; and of old content. */
interface Chunk extends DeltaChunk {
  lost: Float64Array;
  oldLost: Float64Array;
}

function withLosses(c: DeltaChunk, once: number, source: Float64Array, solve: number): Chunk {
  const lost = new Float64Array(c.size * c.size);
  const oldLost = new Float64Array(c.size);
  for (let t = 0; t < c.size; t++) {
    for (let s = 0; s <= t; s++) {
      const at = t * c.size + s;
      lost[at] = (once + source[c.start + t] + source[c.start + s]) * c.X[at] + solve * c.NX[at];
      oldLost[t] += lost[at] * c.found[s];
    }
  }
  return { ...c, lost, oldLost };
}

function planOf(x: Head, costs: DeltaCosts, m: Measure): Plan {
  const n = tokenNorms(x, m);
  const { sums, factors } = costs;
  const longest = Math.min(costs.chunk, x.T);
  const across = m.across(x.K);
  const solve = m.roundings(SOLVE_FACTORS, factors) + m.of((x.K + longest + FEW) * sums);
  const writeOnce = m.roundings(WRITE_FACTORS, factors) + m.of((longest + FEW) * sums);
  const source = costs.source.map((each) => m.of(each));
  const write = source.map((each) => writeOnce + each);
  const chunks: Chunk[] = [];
  for (let start = 0; start < x.T; start += costs.chunk) {
    const chunk = deltaChunk(x, n, m, start, Math.min(start + costs.chunk, x.T));
    chunks.push(withLosses(chunk, writeOnce, source, solve));
  }
  const step = costs.step.map((each) => m.of(each));
  const erased = n.k.map((k, t) => across * n.beta[t] * k * k);
  const alone = erased.map((b) => m.of(FEW * sums) + (m.of((x.K + FEW) * sums) + m.roundings(2, factors)) * b);
  const relative = new Float64Array(x.T);
  for (const { start, size, lost } of chunks) {
    for (let t = 0; t < size; t++) {
      let sum = 0;
      for (let s = 0; s <= t; s++) {
        sum += lost[t * size + s] * n.beta[start + s] * n.k[start + s];
      }
      relative[start + t] = across * n.k[start + t] * sum + alone[start + t] + step[start + t];
    }
  }
  return { x, m, across, n, chunks, alone, relative, step, source, write, solve };
}

/** Columns of [K,V], one norm each, into row `level` of [L,V]. */
function columnNorms({ x, m }: Plan, S: Float64Array, into: Float64Array, level: number): void {
  for (let j = 0; j < x.V; j++) into[level * x.V + j] = m.of(normOf(S, j, x.K, x.V));
}

/** Numbers by level, [L,V], after the merge before step t: `to[a]` is where level a goes, -1: nowhere. */
function merged(x: Head, from: Float64Array, to: Int32Array): Float64Array {
  const result = new Float64Array(from.length);
  to.forEach((target, a) => {
    if (target < 0) return;
    for (let j = 0; j < x.V; j++) result[target * x.V + j] += from[a * x.V + j];
  });
  return result;
}

const targets = (x: Head, t: number): Int32Array =>
  Int32Array.from({ length: x.L }, (_, a) => x.levels.advance(x.position + t, a));

/** into[level, j] += factor * size of from[s, j] */
function addRow(
  { x, m }: Plan,
  into: Float64Array,
  level: number,
  factor: number,
  from: Float64Array,
  s: number,
): void {
  if (factor === 0) return;
  for (let j = 0; j < x.V; j++) into[level * x.V + j] += factor * m.of(from[s * x.V + j]);
}

function addLevels(into: Float64Array, factor: number, from: Float64Array): void {
  for (let i = 0; i < into.length; i++) into[i] += factor * from[i];
}

/** States level by level, [K,V] each: F_t or its transpose on all that is there. */
type States = Map<number, Float64Array>;

function normsOf(plan: Plan, states: States): Float64Array {
  const result = new Float64Array(plan.x.L * plan.x.V);
  for (const [level, S] of states) columnNorms(plan, S, result, level);
  return result;
}

function forwardSweep(plan: Plan): { after: After[]; initial: After } {
  const { x, across, n, alone, relative, step } = plan;
  let states: States = new Map();
  for (let l = 0; x.state && l < x.L; l++) {
    const S = x.state.slice(l * x.K * x.V, (l + 1) * x.K * x.V);
    if (S.some((value) => value !== 0)) states.set(l, S);
  }
  const zeros = (): Float64Array => new Float64Array(x.L * x.V);
  let old = normsOf(plan, states);
  const initial: After = { size: old, error: zeros(), read: zeros() };
  const after: After[] = [];
  let error = zeros();
  let sizeBefore = old;
  for (const c of plan.chunks) {
    for (let i = 0, t = c.start; i < c.size; i++, t++) {
      const to = targets(x, t);
      const before: States = new Map();
      for (const [a, S] of states) {
        const into = to[a] < 0 ? undefined : before.get(to[a]);
        if (into) addLevels(into, 1, S);
        else if (to[a] >= 0) before.set(to[a], S);
      }
      const found = normsOf(plan, before);
      old = merged(x, old, to);
      const size = merged(x, sizeBefore, to);
      error = merged(x, error, to);
      for (let at = 0; at < error.length; at++) {
        const own = n.decay[t] * (alone[t] * found[at] + step[t] * size[at]);
        const solved = n.k[t] * c.oldLost[i] * old[at];
        error[at] = n.step[t] * (1 + relative[t]) * error[at] + own + solved;
      }
      for (const [, S] of before) x.transition.apply(x, t, S, x.V);
      const zeroth = before.get(0) ?? new Float64Array(x.K * x.V);
      before.set(0, zeroth);
      for (let row = 0; row < x.K; row++) {
        for (let j = 0; j < x.V; j++) zeroth[row * x.V + j] += x.k[t * x.K + row] * x.w[t * x.V + j];
      }
      states = before;
      const held = normsOf(plan, states);
      const now: After = { size: zeros(), error, read: zeros() };
      addLevels(now.size, c.oldWritten[i], old);
      addLevels(now.read, c.oldQ[i], old);
      addLevels(now.read, across * n.q[t], held);
      for (let s = 0; s <= i; s++) {
        const at = i * c.size + s;
        const level = x.levels.level(x.position + t, x.position + c.start + s);
        addRow(plan, error, level, n.k[t] * c.lost[at], x.w, c.start + s);
        addRow(plan, now.size, level, c.written[at], x.w, c.start + s);
        addRow(plan, now.read, level, c.QX[at], x.w, c.start + s);
      }
      if (i === c.size - 1) old = held;
      after.push(now);
      sizeBefore = i === c.size - 1 ? held : now.size;
      error = error.slice();
    }
  }
  return { after, initial };
}

/** Sizes of the terms of each output and gradient of one head, and what the errors of states add to them. */
export function deltaErrors(
  x: Head,
  dOut: HeadOutput | null,
  costs: DeltaCosts,
  m: Measure,
): { size: HeadErrors; growth: HeadErrors } {
  const plan = planOf(x, costs, m);
  const { after, initial } = forwardSweep(plan);
  const [size, growth] = [emptyErrors(x), emptyErrors(x)];
  const { V, L, lambda, scale } = x;
  after.forEach(({ error, read }, t) => {
    for (let l = 0; l < L; l++) {
      const factor = m.of(scale * lambda[t * L + l]);
      for (let j = 0; j < V; j++) {
        size.o[t * V + j] += factor * read[l * V + j];
        growth.o[t * V + j] += factor * plan.across * plan.n.q[t] * error[l * V + j];
      }
    }
  });
  const last = after.at(-1) ?? initial;
  size.state.set(last.size);
  growth.state.set(last.error);
  if (dOut) backwardSweep(plan, dOut, [initial, ...after], size, growth);
  return { size, growth };
}

/** Levels that hold something after token t: those of the partition, or any, where a state came in. */
function alive(x: Head, t: number): number[] {
  if (x.state) return Array.from({ length: x.L }, (_, l) => l);
  return [...new Set(x.levels.partition(x.position + t).map(({ level }) => level))];
}

/** Numbers by level before the merge: each level gets what the level has that it goes to. */
function unmerged(x: Head, from: Float64Array, to: Int32Array): Float64Array {
  const result = new Float64Array(from.length);
  to.forEach((target, a) => {
    if (target >= 0) result.set(from.subarray(target * x.V, (target + 1) * x.V), a * x.V);
  });
  return result;
}

/** `after[t]` is what there is before token t. */
function backwardSweep(plan: Plan, dOut: HeadOutput, after: After[], size: HeadErrors, growth: HeadErrors): void {
  const { x, m, across, n, alone, relative, step, source, write, solve } = plan;
  const { K, V, L, lambda, scale } = x;
  const zeros = (): Float64Array => new Float64Array(L * V);
  // gradients by the states after token t, all that comes after included
  let dStates: States = new Map();
  for (let l = 0; l < L; l++) {
    const dS = dOut.state.slice(l * K * V, (l + 1) * K * V);
    if (dS.some((value) => value !== 0)) dStates.set(l, dS);
  }
  let error = zeros();
  let crossed = normsOf(plan, dStates);
  for (const c of plan.chunks.toReversed()) {
    // what comes back from the chunk's end; `path[l][i]` is the level at which token i of the chunk reads what is now at level l
    let old = normsOf(plan, dStates);
    let path = Array.from({ length: L }, () => new Int32Array(c.size).fill(-1));
    for (let i = c.size - 1, t = c.start + i; i >= 0; i--, t--) {
      const levels = alive(x, t);
      for (const l of levels) {
        path[l][i] = l;
        const factor = scale * lambda[t * L + l];
        if (factor === 0) continue;
        const dS = dStates.get(l) ?? new Float64Array(K * V);
        dStates.set(l, dS);
        for (let row = 0; row < K; row++) {
          for (let j = 0; j < V; j++) dS[row * V + j] += factor * x.q[t * K + row] * dOut.o[t * V + j];
        }
      }
      const found = normsOf(plan, dStates);
      let [viaX, viaLost] = [0, 0];
      for (let r = i; r < c.size; r++) {
        const weight = across * n.k[c.start + r] * c.toEnd[r];
        const entry = c.X[r * c.size + i];
        viaX += weight * entry;
        const between = r > i ? source[c.start + r] : 0;
        viaLost += weight * ((write[t] + between) * entry + solve * c.NX[r * c.size + i]);
      }
      const [whole, read, lost] = [zeros(), zeros(), zeros()];
      addLevels(whole, c.oldReadBack[i], old);
      addLevels(read, viaX, old);
      addLevels(read, across * n.k[t], found);
      addLevels(lost, viaLost, old);
      for (let r = i; r < c.size; r++) {
        const at = r * c.size + i;
        for (const l of levels) {
          const level = path[l][r];
          if (level < 0) continue;
          const factor = m.of(scale * lambda[(c.start + r) * L + level]);
          addRow(plan, whole, l, factor * c.readBack[at], dOut.o, c.start + r);
          addRow(plan, read, l, factor * c.QX[at], dOut.o, c.start + r);
          addRow(plan, lost, l, factor * (write[t] * c.QX[at] + solve * c.QXNX[at]), dOut.o, c.start + r);
        }
      }
      const to = targets(x, t);
      const earlier = after[t];
      addTokenGradients(
        plan,
        dOut,
        {
          t,
          whole,
          error,
          read,
          sizeBefore: merged(x, earlier.size, to),
          errorBefore: merged(x, earlier.error, to),
          now: after[t + 1],
        },
        size,
        growth,
      );
      const erases = n.beta[t] * n.k[t];
      for (let at = 0; at < error.length; at++) {
        const own = alone[t] * found[at] + step[t] * whole[at] + erases * lost[at];
        error[at] = n.step[t] * (1 + relative[t]) * error[at] + n.decay[t] * own;
      }
      crossed = unmerged(
        x,
        whole.map((value, at) => n.decay[t] * (value + erases * read[at])),
        to,
      );
      for (const [, dS] of dStates) x.transition.applyTransposed(x, t, dS, V);
      const before: States = new Map();
      to.forEach((target, a) => {
        const dS = target < 0 ? undefined : dStates.get(target);
        if (dS) before.set(a, dS.slice());
      });
      dStates = before;
      error = unmerged(x, error, to);
      old = unmerged(x, old, to);
      path = Array.from(to, (target) => (target < 0 ? new Int32Array(c.size).fill(-1) : path[target].slice()));
    }
  }
  size.initial.set(crossed);
  growth.initial.set(error);
}

/** One token of the backward. */
interface Token {
  t: number;
  /** Sizes and errors of the gradients by the states after it. [L,V] */
  whole: Float64Array;
  error: Float64Array;
  /** Size of what its key reads of them. [L,V] */
  read: Float64Array;
  /** States before its step, merged already. [L,V] */
  sizeBefore: Float64Array;
  errorBefore: Float64Array;
  now: After;
}

function addTokenGradients(
  { x, m, across, n, source }: Plan,
  dOut: HeadOutput,
  { t, whole, error, read, sizeBefore, errorBefore, now }: Token,
  size: HeadErrors,
  growth: HeadErrors,
): void {
  const { V, L, lambda, scale, w } = x;
  const step = t > 0 || x.state ? x.transition.norms(x, t) : { g: 0, beta: 0, k: 0 };
  // what comes back to this token is off by its own decays as well
  const off = (at: number): number => error[at] + source[t] * whole[at];
  // <dS, F S>: both states as they are, and with their errors
  let [through, grown] = [0, 0];
  for (let l = 0; l < L; l++) {
    const factor = m.of(scale * lambda[t * L + l]);
    let [byRead, byReadError, byState, byError] = [0, 0, 0, 0];
    for (let j = 0; j < V; j++) {
      const at = l * V + j;
      const d = m.of(dOut.o[t * V + j]);
      byRead += d * now.read[at];
      byReadError += d * across * n.q[t] * now.error[at];
      byState += d * now.size[at];
      byError += d * now.error[at];
      through += across * sizeBefore[at] * whole[at];
      grown += across * (errorBefore[at] * (whole[at] + off(at)) + sizeBefore[at] * off(at));
    }
    size.lambda[t * L + l] = m.of(scale) * byRead;
    growth.lambda[t * L + l] = m.of(scale) * byReadError;
    size.q[t] += factor * byState;
    growth.q[t] += factor * byError;
  }
  for (let j = 0; j < V; j++) {
    size.w[t * V + j] = read[j];
    growth.w[t * V + j] = across * n.k[t] * error[j] + source[t] * read[j];
    size.k[t] += m.of(w[t * V + j]) * whole[j];
    growth.k[t] += m.of(w[t * V + j]) * off(j);
  }
  size.k[t] += m.of(step.k) * through;
  growth.k[t] += m.of(step.k) * grown;
  size.beta[t] = across * m.of(step.beta) * through;
  growth.beta[t] = across * m.of(step.beta) * grown;
  size.g[t] = m.of(step.g) * through;
  growth.g[t] = m.of(step.g) * grown;
}
