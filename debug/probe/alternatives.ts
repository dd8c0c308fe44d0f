/**
 * Other computations that wrong elements may be the right answer of: without the level scales, without any decay, from position 0, without
 * the erase. The reference answers each, and what is wrong is held against it.
 */

import {
  mapTensor,
  positionsAfter,
  range,
  sizesOf,
  systemOf,
  tokens,
  withInputs,
  zerosLike,
} from '../../properties/edit.ts';
import type { Precision } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { levelsOf, WEAK } from '../../reference/levels.ts';
import { compute } from '../../reference/operator.ts';
import { findSystem } from '../../reference/systems/registry.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import type { OutputErrors } from '../failure.ts';
import { brief } from '../localise/relation.ts';
import { lossOf } from '../rounding.ts';
import { type Alternative, ofCase, throughOutputs, withState } from './alternative.ts';
import { byPosition, handWritten } from './hand-written.ts';

const filled = (like: Tensor, value: number): Tensor => mapTensor(like, () => value);

/** Whether index 1 of an input is the first token of a sequence. */
const isStart = (c: Case, t: number): boolean => (c.cuSeqlens ?? [0]).includes(t);

/** The system without its delta rule. */
const WITHOUT_ERASE: Record<string, string> = {
  deltanet: 'linear',
  'gated-deltanet': 'mamba2',
  'kimi-delta': 'gla',
};

/** beta times v in a system that erases nothing: dv and dbeta then are what comes through this product. */
function withoutErase(c: Case): Alternative['outputs'] | null {
  const { logLinear, name } = systemOf(c);
  const other = WITHOUT_ERASE[logLinear ? name.replace('log-linear-', '') : name];
  const { beta, ...rest } = c.inputs;
  const system = other && `${logLinear ? 'log-linear-' : ''}${other}`;
  if (!beta || !system || !findSystem(system)) return null;
  const v = mapTensor(rest.v as Tensor, (value, [b, t, h]) => value * beta.get(b, t, h));
  return () => {
    const outputs = new Map(ofCase({ ...c, system, inputs: { ...rest, v } }));
    const dw = outputs.get('gradients.v');
    const own = toDense(rest.v as Tensor);
    const V = (rest.v as Tensor).shape[3];
    const writes = toDense(beta);
    if (dw) {
      outputs.set(
        'gradients.v',
        dw.map((value, at) => value * writes[Math.floor(at / V)]),
      );
      outputs.set(
        'gradients.beta',
        writes.map((_, at) => range(at * V, (at + 1) * V).reduce((sum, i) => sum + dw[i] * own[i], 0)),
      );
    }
    return outputs;
  };
}

/** The last token's write at level 1 in place of level 0, and the merge of the next step done already. */
function movedLevels(c: Case): Alternative[] {
  if (!systemOf(c).logLinear) return [];
  const levels = levelsOf(c.structure ?? WEAK);
  const ends = positionsAfter(c);
  const moved = (to: (sequence: number, level: number) => number) => (): ReadonlyMap<string, Float64Array> => {
    const state = compute(c).finalState as Tensor;
    const [, H, L, K, V] = state.shape;
    const from = toDense(state);
    const out = new Float64Array(from.length);
    from.forEach((value, at) => {
      const [sequence, head] = [Math.floor(at / (H * L * K * V)), Math.floor(at / (L * K * V)) % H];
      const level = Math.floor(at / (K * V)) % L;
      const target = Math.min(Math.max(to(sequence, level), 0), L - 1);
      out[((sequence * H + head) * L + target) * K * V + (at % (K * V))] += value;
    });
    return new Map([['finalState', out]]);
  };
  return [
    {
      words: 'what is right with the last token at level 1 in place of level 0',
      outputs: moved((_, level) => (level === 0 ? 1 : level)),
    },
    {
      words: 'what is right after the merge of the next step',
      outputs: moved((sequence, level) => levels.advance(ends[sequence], level)),
    },
  ];
}

/** A state whose levels are all read with the scale of the level that they came in at. */
function neverMerged(c: Case, first: 0 | 1): Alternative['outputs'] {
  return () => {
    const { initialState: state, lambda } = c.inputs as Record<'initialState' | 'lambda', Tensor>;
    const o = new Float64Array((c.inputs.v as Tensor).size);
    for (let level = 0; level < state.shape[2]; level++) {
      const own = mapTensor(state, (value, [, , l]) => (l === level ? value : 0));
      if (own.data.every((value) => value === 0)) continue;
      const at = Math.min(Math.max(level, first), lambda.shape[3] - 1);
      const scales = mapTensor(lambda, (_, [b, t, h]) => lambda.get(b, t, h, at));
      const part = toDense(compute(withInputs(c, { initialState: own, lambda: scales })).o);
      part.forEach((value, i) => {
        o[i] += value;
      });
    }
    return new Map([['o', o]]);
  };
}

/** Of a state with fewer levels than lambda: put to the coarse end. */
function atTheCoarseEnd(c: Case): Case | null {
  const { initialState: state, lambda } = c.inputs;
  if (!state || !lambda || state.shape[2] >= lambda.shape[3]) return null;
  const [n, H, own, K, V] = state.shape;
  const L = lambda.shape[3];
  const moved = tensor(new Float64Array(n * H * L * K * V), [n, H, L, K, V]);
  mapTensor(state, (value, [i, h, l, k, v]) => {
    moved.set(i, h, l + L - own, k, v, value);
    return 0;
  });
  return withInputs(c, { initialState: moved });
}

/** Decays of a head that grow from token to token, in the system whose tokens have decays of their own. */
function decaysByPosition(c: Case): Case | null {
  const { g, v } = c.inputs as Record<'g' | 'v', Tensor>;
  if (g?.shape.length !== 1) return null;
  const system = systemOf(c).logLinear ? 'log-linear-mamba2' : 'mamba2';
  const [B, T, H] = v.shape;
  const cuts = c.cuSeqlens ?? [0, T];
  const own = tensor(new Float64Array(B * T * H), [B, T, H]);
  const grown = mapTensor(own, (_, [, t, h]) => {
    const start = cuts.findLast((cut) => cut <= t) as number;
    const end = cuts.find((cut) => cut > t) as number;
    return (g.get(h) * (t - start + 1)) / (end - start);
  });
  return { ...c, system, inputs: { ...c.inputs, g: grown } };
}

/** What is done to the case as a whole. */
function changedCases(c: Case): { words: string; c: Case }[] {
  const { g, lambda, beta, initialState } = c.inputs;
  const list: { words: string; c: Case }[] = [];
  const add = (words: string, changed: Case): void => {
    list.push({ words, c: changed });
  };
  const scale = c.scale ?? 1;
  if (scale !== 1) {
    add(`what is right without scale (${brief(scale)})`, { ...c, scale: 1 });
    add(`what is right with scale (${brief(scale)}) applied twice`, { ...c, scale: scale ** 2 });
  }
  if (lambda) {
    add('what is right with every level scale 1', withInputs(c, { lambda: filled(lambda, 1) }));
    const mine = mapTensor(lambda, (_, [, t, h, l]) => lambda.get(0, t, h, l));
    const last = lambda.shape[3] - 1;
    const reversed = mapTensor(lambda, (_, [b, t, h, l]) => lambda.get(b, t, h, last - l));
    add('what is right with the levels of lambda in reversed order', withInputs(c, { lambda: reversed }));
    if (lambda.shape[0] > 1) add('what is right with the level scales of batch row 0', withInputs(c, { lambda: mine }));
  }
  if (g) {
    add('what is right without any decay', withInputs(c, { g: filled(g, 0) }));
    if (initialState && g.shape.length > 1)
      add(
        'what is right without the decay of the first token',
        withInputs(c, { g: mapTensor(g, (value, [, t]) => (isStart(c, t) ? 0 : value)) }),
      );
    const twos = mapTensor(g, (value) => value * Math.LN2);
    add('what is right with exp2 in place of exp', withInputs(c, { g: twos }));
    {
      const heads = (index: readonly number[]): number =>
        g.shape.length === 1 ? g.get(0) : g.get(index[0], index[1], 0, ...index.slice(3));
      if (sizesOf(c).H > 1)
        add('what is right with the decays of head 0', withInputs(c, { g: mapTensor(g, (_, index) => heads(index)) }));
    }
  }
  const growing = decaysByPosition(c);
  if (growing) add('what is right where the decay grows with the position: g (t + 1) / T', growing);
  if (beta) add('what is right with every beta 1', withInputs(c, { beta: filled(beta, 1) }));
  if (initialState)
    add('what is right without the initial state', withInputs(c, { initialState: zerosLike(initialState) }));
  const short = atTheCoarseEnd(c);
  if (short) add('what is right with the levels of the state at the coarse end of those of lambda', short);
  if (c.position?.some((each) => each > 0) && systemOf(c).logLinear) {
    add('what is right from position 0 on', { ...c, position: c.position.map(() => 0) });
    if (c.position.some((each) => each >= 2 ** 16))
      add('what is right with positions in 16 bits', { ...c, position: c.position.map((each) => each % 2 ** 16) });
  }
  if (c.cotangents?.finalState)
    add('what is right without the cotangent of the final state', { ...c, cotangents: { o: c.cotangents.o } });
  return list;
}

/** The final state without what the last token of each sequence writes; or after all tokens but one. */
function shorter(c: Case): { words: string; c: Case }[] {
  const { T } = sizesOf(c);
  const last = (t: number): boolean => (c.cuSeqlens ? c.cuSeqlens.includes(t + 1) : t === T - 1);
  const v = mapTensor(c.inputs.v as Tensor, (value, [, t]) => (last(t) ? 0 : value));
  const list = [{ words: 'what is right without what the last token writes', c: withInputs(c, { v }) }];
  if (!c.cuSeqlens && T > 0)
    list.push({ words: 'what is right after all tokens but the last', c: tokens(c, 0, T - 1) });
  return list;
}

/** The gradient of beta by what beta v writes alone. */
function writesAlone(c: Case): Alternative[] {
  const { beta, v } = c.inputs as Record<'beta' | 'v', Tensor>;
  if (!c.cotangents || !beta) return [];
  return [
    {
      words: 'what comes through beta v alone: what goes through the erase is missing',
      outputs() {
        const [dv, own] = [toDense(compute(c).gradients?.v as Tensor), toDense(v)];
        const V = v.shape[3];
        const alone = toDense(beta).map((strength, at) =>
          range(at * V, (at + 1) * V).reduce((sum, i) => sum + (dv[i] * own[i]) / (strength || 1), 0),
        );
        return new Map([['gradients.beta', alone]]);
      },
    },
  ];
}

/** Gradients that are right plus or less something that belongs to another position. */
function nearGradients(c: Case): Alternative[] {
  const { g, v } = c.inputs as Record<'g' | 'v', Tensor>;
  if (!c.cotangents || !g || g.shape.length < 3) return [];
  const products = (sign: number, of: 'key' | 'query') => (): ReadonlyMap<string, Float64Array> => {
    const answer = compute(c);
    const [dg, dv, dk] = (['g', 'v', 'k'] as const).map((name) => toDense(answer.gradients?.[name] as Tensor));
    const [, , H, V] = v.shape;
    const { G, K } = sizesOf(c);
    const isByChannel = g.shape.length > 3;
    if (isByChannel && (G !== H || of === 'query')) return new Map();
    const [left, right] = isByChannel
      ? [toDense(c.inputs.k as Tensor), dk]
      : of === 'key'
        ? [toDense(v), dv]
        : [toDense(answer.o), toDense(c.cotangents?.o as Tensor)];
    const width = isByChannel ? 1 : V;
    const more = dg.map((value, at) =>
      range(at * width, (at + 1) * width).reduce((sum, i) => sum + sign * left[i] * right[i], value),
    );
    return K > 0 ? new Map([['gradients.g', more]]) : new Map();
  };
  return [
    {
      words: 'the right value and the products whose key is the position itself (s = r), which are no part of it',
      outputs: products(1, 'key'),
    },
    {
      words: 'the right value without the products whose query is the position itself (t = r)',
      outputs: products(-1, 'query'),
    },
  ];
}

/** Another case; or that for what comes through the outputs alone, where a gradient has more parts. */
function ofOther(c: Case, other: Case, words: string): Alternative[] {
  const whole = { words, outputs: () => ofCase(other) };
  if (!c.cotangents?.finalState || !other.cotangents?.finalState) return [whole];
  return [whole, { words, outputs: () => withState(c, throughOutputs(other)) }];
}

/** All of them for a case. */
export function alternativesFor(c: Case): Alternative[] {
  const ofCases = [...changedCases(c), ...shorter(c)].flatMap(({ words, c: other }) => ofOther(c, other, words));
  const erase = withoutErase(c);
  const { initialState, lambda } = c.inputs;
  const merges: Alternative[] =
    initialState && lambda
      ? ([0, 1] as const).map((first) => ({
          words: 'what is right where the state stays at the level that it came in with',
          outputs: neverMerged(c, first),
        }))
      : [];
  return [
    ...(erase ? [{ words: 'what is right where nothing is erased', outputs: erase }] : []),
    ...handWritten(c),
    ...ofCases,
    ...movedLevels(c),
    ...merges,
    ...nearGradients(c),
    ...writesAlone(c),
    ...byPosition(c),
  ];
}

/** Share of the wrong elements that an alternative has to explain. */
const NEARLY_ALL = 0.97;
/** How much nearer than what is right an alternative has to be. */
const NEARER = 8;

/** The alternatives that wrong elements hold, which tell themselves from what is right; null where there is none. */
export function heldBy(
  errors: OutputErrors,
  alternatives: readonly Alternative[],
  precision: Precision,
): string | null {
  const { name, actual, expected, bound, ratio } = errors;
  const wrong = [...ratio.keys()].filter((at) => !(ratio[at] <= 1));
  if (wrong.length < 2 || wrong.some((at) => !Number.isFinite(actual[at]))) return null;
  const loss = 2 * lossOf(precision);
  const found: string[] = [];
  for (const { words, outputs } of alternatives) {
    if (found.length === 2) break;
    let other: Float64Array | undefined;
    try {
      other = outputs().get(name);
    } catch {
      // a case that is none, such as one with too few level scales
      continue;
    }
    if (!other || other.length !== actual.length) continue;
    let hits = 0;
    for (const at of wrong) {
      const allowed = 4 * bound[at] + loss * Math.max(Math.abs(other[at]), Math.abs(actual[at]));
      const apart = Math.abs(actual[at] - expected[at]);
      // far nearer than what is right
      if (Math.abs(actual[at] - other[at]) <= Math.min(allowed, apart / NEARER)) hits++;
    }
    if (hits >= NEARLY_ALL * wrong.length && !found.includes(words)) found.push(words);
  }
  return found.length > 0 ? found.join(', or ') : null;
}

/** What a factor may come from. */
export function factorName(c: Case): (factor: number) => string | null {
  const { B, T, H, G, K } = sizesOf(c);
  const scale = c.scale ?? 1;
  const known: [number, string][] = [
    [1 / scale, 'scale is missing'],
    [scale, 'scale is there once more'],
    [1 / T, '1 / T: a mean in place of a sum'],
    [G / H, 'G / H: of the heads of a group one alone, or their mean'],
    [1 / B, '1 / B'],
    [1 / Math.sqrt(K), '1 / sqrt(K)'],
    [Math.LN2, 'ln 2'],
    [Math.LOG2E, 'log2 e'],
  ];
  return (factor) => {
    const names = known.filter(([value]) => value !== 1 && Math.abs(factor / value - 1) < 1e-3).map(([, name]) => name);
    return names.length > 0 ? names.slice(0, 3).join(', or ') : null;
  };
}
