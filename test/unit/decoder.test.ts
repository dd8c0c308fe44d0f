import ndarray from 'ndarray';
import { describe, expect, it } from 'vitest';
import type { Answer, Case } from '../../reference/case.ts';
import { createDecoder, type Decoder, type DecoderOptions, type Token } from '../../reference/decoder.ts';
import { popcount, type Structure } from '../../reference/levels.ts';
import { compute } from '../../reference/operator.ts';
import { linearSystems, systems } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { filled, goodCase } from './good-case.ts';

const SIZES = { B: 2, T: 21, H: 4, G: 2, K: 3, V: 5, L: 7 };
const { B, T, H, G, K, V, L } = SIZES;
const linear = systems.filter(({ recurrence }) => recurrence !== null);

const optionsOf = ({ system, structure, scale }: Case): DecoderOptions => {
  const levels = system.startsWith('log-linear') ? L : undefined;
  return { system, B, H, G, K, V, levels, structure, scale };
};

/** Token t of a case: views into its tensors, with their strides. */
function tokenOf(c: Case, t: number): Token {
  const rows = (Object.entries(c.inputs) as [InputName, Tensor][])
    .filter(([name]) => name !== 'initialState')
    .map(([name, value]) => [name, name === 'g' && value.shape.length === 1 ? value : value.pick(null, t)]);
  return Object.fromEntries(rows);
}

/** Steps through tokens from … to-1 and returns o as rows [B,H,V], one for each token. */
const decode = (decoder: Decoder, c: Case, from: number, to: number): number[][] =>
  Array.from({ length: to - from }, (_, i) => [...decoder.step(tokenOf(c, from + i)).data]);

/** The rows [B,H,V] of an answer's o, one for each token. */
const rowsOf = ({ o }: Answer): number[][] =>
  Array.from({ length: o.shape[1] }, (_, t) => [...toDense(o.pick(null, t))]);

const structures: (Structure | undefined)[] = [undefined, { kind: 'strong' }, { kind: 'weak', base: 3 }];

describe.each(linear.map(({ name }) => name))('decoder of %s', (system) => {
  const isLifted = system.startsWith('log-linear');
  it.each(isLifted ? structures : [undefined])('gives what the recurrent form gives, bit for bit: %j', (structure) => {
    const c = goodCase(system, SIZES, { structure, scale: 0.7, form: 'recurrent' });
    const answer = compute(c);
    const decoder = createDecoder(optionsOf(c));
    expect(decode(decoder, c, 0, T)).toEqual(rowsOf(answer));
    expect(decoder.state()).toEqual({ levels: answer.finalState, position: answer.position });
  });

  it('goes on from a state, at different positions in different rows', () => {
    const c = goodCase(system, { ...SIZES, stateLevels: isLifted ? 5 : 1 }, { position: [3, 10], form: 'recurrent' });
    const answer = compute(c);
    const state = { levels: c.inputs.initialState as Tensor, position: [3, 10] };
    const first = createDecoder({ ...optionsOf(c), state });
    const early = decode(first, c, 0, 8);
    const second = createDecoder({ ...optionsOf(c), state: first.state() });
    expect([...early, ...decode(second, c, 8, T)]).toEqual(rowsOf(answer));
    expect(second.state()).toEqual({ levels: answer.finalState, position: answer.position });
    // the first decoder keeps its own state
    expect(decode(first, c, 8, 9)).toEqual([rowsOf(answer)[8]]);
  });
});

describe('memory of a decoder', () => {
  it('holds popcount(t) + 1 level states after token t', () => {
    const c = goodCase('log-linear-mamba2', { B: 1, T: 300, H: 2, G: 1, K: 2, V: 3, L: 10 });
    const decoder = createDecoder({ system: c.system, B: 1, H: 2, G: 1, K: 2, V: 3, levels: 10 });
    expect(decoder.alive()).toEqual([[0, 0]]);
    for (let t = 0; t < 300; t++) {
      decoder.step(tokenOf(c, t));
      const live = popcount(t) + 1;
      if (decoder.alive().some((heads) => heads.some((count) => count !== live))) expect.fail(`token ${t}`);
      if (decoder.bytes() !== 2 * live * 2 * 3 * 8) expect.fail(`bytes after token ${t}`);
    }
  });

  it.each(linearSystems.map(({ name }) => name))('holds one state for flat %s', (system) => {
    const c = goodCase(system, SIZES);
    const decoder = createDecoder(optionsOf(c));
    decode(decoder, c, 0, T);
    expect(decoder.alive()).toEqual([
      [1, 1, 1, 1],
      [1, 1, 1, 1],
    ]);
    expect(decoder.bytes()).toBe(B * H * K * V * 8);
  });
});

it('takes float32, plain arrays and any strides', () => {
  const c = goodCase('log-linear-kimi-delta', SIZES, { form: 'recurrent' });
  const rounded = Object.entries(c.inputs).map(([name, value]) => {
    return [name, ndarray(Float32Array.from(toDense(value as Tensor)), (value as Tensor).shape)];
  });
  const single: Case = { ...c, inputs: Object.fromEntries(rounded) };
  const decoder = createDecoder(optionsOf(single));
  const answers = rowsOf(compute(single));
  for (let t = 0; t < T; t++) {
    const token = tokenOf(single, t);
    if (t % 2 === 1) token.v = ndarray([...toDense(token.v)], [B, H, V]);
    if (t % 3 === 1) token.q = ndarray(toDense(token.q.transpose(2, 1, 0)), [K, G, B]).transpose(2, 1, 0);
    expect([...decoder.step(token).data]).toEqual(answers[t]);
  }
});

describe('what createDecoder refuses', () => {
  const good: DecoderOptions = { system: 'log-linear-gla', B, H, G, K, V, levels: L };
  const state = { levels: filled([B, H, L, K, V]), position: [1, 2] };
  const rows: [string, object, string][] = [
    ['softmax', { system: 'softmax' }, 'createDecoder: system: "softmax" given'],
    ['an unknown system', { system: 'mamba3' }, 'createDecoder: system: "mamba3" given'],
    ['an unknown option', { T: 3 }, 'createDecoder: T: an unknown field given'],
    ['no heads', { H: 0 }, 'createDecoder: H: 0 given, an integer of 1 or more wanted'],
    ['a size that is no number', { K: '4' }, 'createDecoder: K: "4" given'],
    ['groups that do not divide', { G: 3 }, 'createDecoder: G: 3 for H = 4 heads given, a divisor of H wanted'],
    ['no levels', { levels: undefined }, 'createDecoder: levels: nothing given'],
    ['levels of a flat system', { system: 'gla' }, 'createDecoder: levels: 7 given, 1 wanted'],
    ['a scale that is no number', { scale: Number.NaN }, 'createDecoder: scale: NaN given'],
    ['an unknown structure', { structure: { kind: 'odd' } }, 'createDecoder: structure: kind "odd"'],
    ['a state that is none', { state: 3 }, 'createDecoder: state: 3 given, {levels, position} wanted'],
    ['a state without levels', { state: { position: [0, 0] } }, 'createDecoder: state.levels: nothing given'],
    ['a state without position', { state: { levels: state.levels } }, 'createDecoder: state.position: nothing given'],
    ['too few positions', { state: { ...state, position: [1] } }, 'createDecoder: position: 1 entry given, n = 2'],
    ['a negative position', { state: { ...state, position: [1, -1] } }, 'createDecoder: position: entry -1 given'],
    [
      'a state of other sizes',
      { state: { ...state, levels: filled([B, H, L, K, V + 1]) } },
      'createDecoder: state.levels: shape [2,4,7,3,6] given, [B,H,L,K,V] = [2,4,7,3,5] wanted',
    ],
    ['more levels than lambda', { levels: 6, state }, 'createDecoder: state.levels: L = 7 given, 1 … 6 wanted'],
  ];
  it.each(rows)('%s', (_, change, message) => {
    expect(() => createDecoder({ ...good, ...change } as DecoderOptions)).toThrow(message);
  });
  it('takes one level for a flat system', () => {
    expect(createDecoder({ ...good, system: 'gla', levels: 1 }).state().levels.shape).toEqual([B, H, 1, K, V]);
  });
  it('takes L from the state', () => {
    expect(createDecoder({ ...good, levels: undefined, state }).state().levels.shape).toEqual([B, H, L, K, V]);
  });
});

describe('what step refuses', () => {
  const c = goodCase('log-linear-gated-deltanet', SIZES);
  const token = tokenOf(c, 0);
  const rows: [string, object, string][] = [
    ['no token', [], 'step: q: no tensor given'],
    ['a missing tensor', { beta: undefined }, 'step: beta: no tensor given, one for log-linear-gated-deltanet wanted'],
    ['an input the system has not', { initialState: token.q }, 'step: token: unknown field "initialState" given'],
    ['no ndarray', { q: [1, 2, 3] }, 'step: q: an array of 3 given, an ndarray wanted'],
    [
      'a case instead of a token',
      { k: c.inputs.k },
      'step: k: rank 4, shape [2,21,2,3] given, rank 3, shape [B,G,K] wanted',
    ],
    ['a wrong shape', { v: filled([B, H, V + 1]) }, 'step: v: shape [2,4,6] given, [B,H,V] = [2,4,5] wanted'],
    ['decays of another kind', { g: filled([B, H, K]) }, 'step: g: rank 3, shape [2,4,3] given, rank 2, shape [B,H]'],
  ];
  it.each(rows)('%s', (name, change, message) => {
    const decoder = createDecoder(optionsOf(c));
    const bad = (name === 'no token' ? {} : { ...token, ...change }) as Token;
    expect(() => decoder.step(bad)).toThrow(message);
    expect(decoder.state().position).toEqual([0, 0]);
  });

  it('a position that lambda has no level for, and keeps the state', () => {
    const short = goodCase('log-linear-linear', { ...SIZES, L: 3 }, { form: 'recurrent' });
    const decoder = createDecoder({ ...optionsOf(short), levels: 3 });
    decode(decoder, short, 0, 4);
    const before = decoder.state();
    expect(() => decoder.step(tokenOf(short, 4))).toThrow(
      'step: lambda: L = 3 given, L >= 4 wanted: position 4 reads 4 levels; make the decoder with levels >= 4, from state()',
    );
    expect(decoder.state()).toEqual(before);
    const longer = createDecoder({ ...optionsOf(short), levels: 4, state: before });
    expect(longer.step({ ...tokenOf(short, 4), lambda: filled([B, H, 4]) }).shape).toEqual([B, H, V]);
  });

  it('positions that 31 bits do not hold', () => {
    const state = { levels: filled([B, H, 1, K, V]), position: [0, 2 ** 31 - 1] };
    const flat = goodCase('linear', SIZES);
    const decoder = createDecoder({ ...optionsOf(flat), state });
    expect(() => decoder.step(tokenOf(flat, 0))).toThrow(
      'step: position: 2147483647 given, positions below 2^31 - 1 wanted',
    );
  });
});
