/**
 * A kernel that goes token by token, one matrix a level, as somebody else writes it from the text of the operator: for decays by token, by
 * channel or none, and for the gated delta rule. Forward and state, no gradients. Each bug is one line of it, by name.
 */
import type { Answer, Case } from '../../reference/case.ts';
import { answerOf, type Given, givenBy, type Round } from './independent-problem.ts';

/** The bugs that it can have, and what the dictionary calls each. */
export const recurrentBugs = {
  'g is not used': 'decay-ignored',
  'exp(-g)': 'decay-sign-flipped',
  'exp(2 g)': 'decay-twice',
  'exp2(g)': 'decay-base-two',
  'g is clamped': 'decay-clamped',
  'g of the token before': 'decay-of-the-token-before',
  'g of the token after': 'decay-of-the-token-after',
  'g of head 0': 'decay-of-the-first-head',
  'decay before the merge': 'merge-after-transition',
  'decay after the insert': 'insert-before-transition',
  'merged levels stay': 'merge-keeps-lower-levels',
  'read before the insert': 'own-token-missing',
  'incoming state misses a decay': 'state-undecayed-at-split',
  'reads lambda one too high': 'level-off-by-one-in-the-read',
  'reads lambda one too low': 'level-one-too-low-in-the-read',
  'reads every lambda one too high': 'level-one-too-high-for-all-in-the-read',
  'lambda squared': 'lambda-twice',
  'lambda is not used': 'lambda-missing',
  'lambda from the other end': 'lambda-levels-reversed',
  'own token without lambda': 'own-token-without-lambda',
  'lambda of row 0': 'batch-stride-missing',
  'position starts at 0': 'position-ignored',
  'scale is not used': 'scale-missing',
  'scale twice': 'scale-twice',
  'scale is 1 / sqrt(K)': 'scale-of-the-key-size',
  'scale is 1 / sqrt(K) by default': 'scale-of-the-key-size-by-default',
  'scale times 1 / sqrt(K)': 'scale-and-that-of-the-key-size',
  'scale on k': 'scale-on-the-state-too',
  'scale on the state it hands out': 'scale-on-the-final-state',
  'q and k swapped': 'query-and-key-swapped',
  'q normalised': 'query-normalised',
  'k normalised': 'keys-normalised-again',
  'heads before tokens': 'heads-before-tokens',
  'v interleaved': 'values-interleaved',
  'o interleaved': 'outputs-interleaved',
  'q and k interleaved': 'keys-interleaved',
  'half of K': 'key-half-dropped',
  'half of V': 'value-half-missing',
  'group h mod G': 'group-index-modulo',
  'group 0': 'group-of-the-first-head',
  'state not cleared between heads': 'state-of-the-head-before',
  'state not cleared between rows': 'state-of-the-row-before',
  'state cleared for each row alone': 'state-of-the-head-before-in-its-row',
  'no initial state': 'initial-state-ignored',
  'state before the last token': 'final-state-misses-last-token',
  'state merged for the next token': 'final-state-merged-early',
  'state with V before K': 'final-state-transposed',
  'empty sequences clear the state': 'empty-call-clears-the-state',
  'o in bfloat16': 'outputs-in-bfloat16',
  'o in float16': 'outputs-in-float16',
  'v without beta': 'beta-missing-on-the-value',
  'v with beta twice': 'beta-twice-on-the-value',
  'erase without beta': 'beta-missing-in-the-erase',
  'erase from what has not decayed': 'erase-without-decay',
} as const;

export type RecurrentBug = keyof typeof recurrentBugs;

/** The nearest number of so many bits, ties to even. */
export function toBits(value: number, bits: number): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  let unit = 2 ** (1 - bits);
  while (unit * 2 ** bits <= Math.abs(value)) unit *= 2;
  while (unit * 2 ** (bits - 1) > Math.abs(value)) unit /= 2;
  const whole = Math.floor(Math.abs(value) / unit);
  const rest = Math.abs(value) / unit - whole;
  const up = rest > 0.5 || (rest === 0.5 && whole % 2 === 1);
  return Math.sign(value) * (whole + (up ? 1 : 0)) * unit;
}

const float16 = (value: number): number =>
  Math.abs(value) < 2 ** -14 ? Math.round(value * 2 ** 24) / 2 ** 24 : toBits(value, 11);

export function recurrentKernel(round: Round, bug: RecurrentBug | null): (c: Case) => Answer {
  return (c) => run(givenBy(c), round, bug);
}

function run(x: Given, r: Round, bug: RecurrentBug | null): Answer {
  const { B, T, G, H, K, V, L } = x;
  const size = K * V;
  const byChannel = x.g !== null && x.g.length === B * T * H * K && x.g.length !== B * T * H;
  const delta = x.beta !== null;
  const o = new Float64Array(B * T * H * V);
  const out = new Float64Array(x.sequences.length * H * L * size);
  // where things are in memory
  const place = (row: number, t: number, heads: number, h: number): number =>
    bug === 'heads before tokens' ? (row * heads + h) * T + t : (row * T + t) * heads + h;
  let root = x.scale ?? 1;
  if (bug === 'scale is not used') root = 1;
  if (bug === 'scale twice') root = r(root * root);
  if (bug === 'scale is 1 / sqrt(K)' || (bug === 'scale is 1 / sqrt(K) by default' && x.scale === null))
    root = r(1 / r(Math.sqrt(K)));
  if (bug === 'scale times 1 / sqrt(K)') root = r(root / r(Math.sqrt(K)));
  const onKeys = bug === 'scale on k' ? root : 1;
  const scale = bug === 'scale on k' ? 1 : root;

  const vector = (from: Float64Array, row: number, t: number, group: number): number[] => {
    const values: number[] = [];
    for (let i = 0; i < K; i++) {
      const dropped = bug === 'half of K' && i >= Math.ceil(K / 2);
      const at =
        bug === 'q and k interleaved' ? (row * T + t) * G * K + i * G + group : place(row, t, G, group) * K + i;
      values.push(dropped ? 0 : from[at]);
    }
    return values;
  };
  const normalised = (values: number[]): number[] => {
    let sum = 0;
    for (const value of values) sum = r(sum + r(value * value));
    const length = r(r(Math.sqrt(sum)) + 1e-6);
    return values.map((value) => r(value / length));
  };
  const valueAt = (row: number, t: number, h: number, j: number): number =>
    bug === 'v interleaved' ? x.v[(row * T + t) * H * V + j * H + h] : x.v[place(row, t, H, h) * V + j];
  const decayAt = (row: number, t: number, h: number, i: number): number => {
    const head = bug === 'g of head 0' ? 0 : h;
    const at = place(row, t, H, head);
    return (x.g as Float64Array)[byChannel ? at * K + i : at];
  };
  const alphaOf = (n: number, at: number, h: number, i: number): number => {
    if (x.g === null || bug === 'g is not used') return 1;
    const { row, start, end } = x.sequences[n];
    let t = start + at;
    if (bug === 'g of the token before') t--;
    if (bug === 'g of the token after') t++;
    let log = t < start || t >= end ? 0 : decayAt(row, t, h, i);
    if (bug === 'exp(-g)') log = -log;
    if (bug === 'exp(2 g)') log = r(2 * log);
    if (bug === 'g is clamped') log = Math.max(log, -5);
    return r(bug === 'exp2(g)' ? 2 ** log : Math.exp(log));
  };
  const lambdaOf = (row: number, t: number, h: number, l: number): number => {
    if (x.lambda === null || bug === 'lambda is not used') return 1;
    if (bug === 'own token without lambda' && l === 0) return 1;
    let level = l;
    if ((bug === 'reads lambda one too high' && l > 0) || bug === 'reads every lambda one too high') level = l + 1;
    if (bug === 'reads lambda one too low') level = Math.max(l - 1, 0);
    if (bug === 'lambda from the other end') level = L - 1 - l;
    const value = x.lambda[place(bug === 'lambda of row 0' ? 0 : row, t, H, h) * L + Math.min(level, L - 1)];
    return bug === 'lambda squared' ? r(value * value) : value;
  };

  /** What each head of each sequence has left. */
  let before: Float64Array[] = [];
  const leftByRows: Float64Array[][] = [];
  x.sequences.forEach(({ row, start, end, position }, n) => {
    if (bug === 'state cleared for each row alone') before = [];
    for (let h = 0; h < H; h++) {
      let group = Math.floor((h * G) / H);
      if (bug === 'group h mod G') group = h % G;
      if (bug === 'group 0') group = 0;
      let S: Float64Array[] = [];
      for (let l = 0; l < L; l++) S.push(new Float64Array(size));
      const isGiven = x.state !== null && bug !== 'no initial state';
      if (isGiven) {
        for (let l = 0; l < x.stateLevels; l++) {
          const at = ((n * H + h) * x.stateLevels + l) * size;
          S[l] = (x.state as Float64Array).slice(at, at + size);
          if (bug === 'half of K') S[l].fill(0, Math.ceil(K / 2) * V);
        }
      } else if (bug === 'state not cleared between heads' || bug === 'state cleared for each row alone') {
        if (before.length > 0) S = before;
      } else if (bug === 'state not cleared between rows' && n > 0) {
        S = leftByRows[h];
      }

      const merge = (p: number): void => {
        if (x.lambda === null) return;
        if (p === 0) {
          S[0] = new Float64Array(size);
          return;
        }
        let z = 0;
        while (((p >> z) & 1) === 0) z++;
        const sum = new Float64Array(size);
        for (let l = 0; l <= z; l++) for (let e = 0; e < size; e++) sum[e] = r(sum[e] + S[l][e]);
        for (let l = bug === 'merged levels stay' ? z + 1 : 1; l <= z; l++) S[l] = new Float64Array(size);
        S[z + 1] = sum;
        S[0] = new Float64Array(size);
      };

      for (let i0 = 0; i0 < end - start; i0++) {
        const t = start + i0;
        const p = (bug === 'position starts at 0' ? 0 : position) + i0;
        let q = vector(x.q, row, t, group);
        let k = vector(x.k, row, t, group);
        if (bug === 'q and k swapped') [q, k] = [k, q];
        if (bug === 'q normalised') q = normalised(q);
        if (bug === 'k normalised') k = normalised(k);
        if (onKeys !== 1) k = k.map((value) => r(value * onKeys));
        const beta = x.beta === null ? 1 : x.beta[place(row, t, H, h)];
        const w: number[] = [];
        for (let j = 0; j < V; j++) {
          const value = valueAt(row, t, h, j);
          if (bug === 'v without beta' || !delta) w.push(value);
          else w.push(bug === 'v with beta twice' ? r(r(beta * beta) * value) : r(beta * value));
        }

        const transition = (M: Float64Array): void => {
          const erased = new Float64Array(size);
          if (delta) {
            const rate = bug === 'erase without beta' ? 1 : beta;
            for (let j = 0; j < V; j++) {
              let read = 0;
              for (let i = 0; i < K; i++) read = r(read + r(k[i] * M[i * V + j]));
              for (let i = 0; i < K; i++) erased[i * V + j] = r(r(rate * k[i]) * read);
            }
          }
          for (let i = 0; i < K; i++) {
            const alpha = bug === 'incoming state misses a decay' && isGiven && i0 === 0 ? 1 : alphaOf(n, i0, h, i);
            for (let j = 0; j < V; j++) {
              const e = i * V + j;
              if (bug === 'erase from what has not decayed') M[e] = r(r(alpha * M[e]) - erased[e]);
              else M[e] = r(alpha * r(M[e] - erased[e]));
            }
          }
        };
        const insert = (): void => {
          for (let i = 0; i < K; i++) for (let j = 0; j < V; j++) S[0][i * V + j] = r(S[0][i * V + j] + r(k[i] * w[j]));
        };
        const read = (): void => {
          for (let j = 0; j < V; j++) {
            if (bug === 'half of V' && j >= Math.ceil(V / 2)) continue;
            let sum = 0;
            for (let l = 0; l < L; l++) {
              let entry = 0;
              for (let i = 0; i < K; i++) entry = r(entry + r(q[i] * S[l][i * V + j]));
              sum = r(sum + r(lambdaOf(row, t, h, l) * entry));
            }
            let result = r(scale * sum);
            if (bug === 'o in bfloat16') result = toBits(result, 8);
            if (bug === 'o in float16') result = float16(result);
            o[bug === 'o interleaved' ? (row * T + t) * H * V + j * H + h : place(row, t, H, h) * V + j] = result;
          }
        };

        if (bug === 'decay before the merge') {
          for (let l = 1; l < L; l++) transition(S[l]);
          merge(p);
        } else {
          merge(p);
          if (bug === 'decay after the insert') insert();
          for (const M of S) transition(M);
        }
        if (bug === 'read before the insert') read();
        if (bug === 'state before the last token' && t === end - 1) {
          // what is stored is what there was
          const stored = S.map((M) => M.slice());
          insert();
          read();
          S = stored;
          continue;
        }
        if (bug !== 'decay after the insert') insert();
        if (bug !== 'read before the insert') read();
      }
      if (bug === 'state merged for the next token' && end > start) {
        const next = position + end - start;
        let z = 0;
        while (((next >> z) & 1) === 0) z++;
        if (z + 1 < L) merge(next);
        else {
          // the last level takes what is above it
          const sum = new Float64Array(size);
          for (let l = 0; l < L; l++) for (let e = 0; e < size; e++) sum[e] = r(sum[e] + S[l][e]);
          S = S.map((_, l) => (l === L - 1 ? sum : new Float64Array(size)));
        }
      }
      for (let l = 0; l < L; l++) {
        for (let i = 0; i < K; i++) {
          for (let j = 0; j < V; j++) {
            let value = S[l][i * V + j];
            if (bug === 'half of V' && j >= Math.ceil(V / 2)) value = 0;
            if (bug === 'scale on the state it hands out') value = r(value * root);
            if (bug === 'empty sequences clear the state' && end === start) value = 0;
            const at = ((n * H + h) * L + l) * size;
            out[at + (bug === 'state with V before K' ? j * K + i : i * V + j)] = value;
          }
        }
      }
      before = S.map((M) => M.slice());
      leftByRows[h] = before;
    }
  });
  return answerOf(x, o, out);
}
