/** The whole text of what createDecoder and step refuse, one of each kind. */
import { createDecoder, type DecoderOptions, type Token } from '../../reference/decoder.ts';
import { filled } from './good-case.ts';
import { refusals } from './refusals.ts';

const options = { system: 'log-linear-gla', B: 2, H: 4, G: 2, K: 3, V: 5, levels: 3 };
const decoder = (change: object) => () => createDecoder({ ...options, ...change } as DecoderOptions);
const token = { q: filled([2, 2, 3]), k: filled([2, 2, 3]), v: filled([2, 4, 5]), g: filled([2, 4, 3]) };
const step = (change: object) => () =>
  createDecoder(options).step({ ...token, lambda: filled([2, 4, 3]), ...change } as Token);

refusals([
  [() => createDecoder(null as unknown as DecoderOptions), 'createDecoder: options: null given, an object wanted'],
  [() => createDecoder(3 as unknown as DecoderOptions), 'createDecoder: options: 3 given, an object wanted'],
  [decoder({ state: null }), 'createDecoder: state: null given, {levels, position} wanted: pass what state() returned'],
  [
    decoder({ T: 3 }),
    'createDecoder: T: an unknown field given, system, B, H, G, K, V, levels, structure, scale, state wanted: remove it',
  ],
  [
    decoder({ system: 'softmax' }),
    'createDecoder: system: "softmax" given, linear, retention, mamba2, gla, deltanet, gated-deltanet, kimi-delta, log-linear-linear, log-linear-retention, log-linear-mamba2, log-linear-gla, log-linear-deltanet, log-linear-gated-deltanet, log-linear-kimi-delta wanted: softmax attention has no recurrence to step through; compute answers it',
  ],
  [
    decoder({ system: 'mamba3' }),
    'createDecoder: system: "mamba3" given, linear, retention, mamba2, gla, deltanet, gated-deltanet, kimi-delta, log-linear-linear, log-linear-retention, log-linear-mamba2, log-linear-gla, log-linear-deltanet, log-linear-gated-deltanet, log-linear-kimi-delta wanted',
  ],
  [decoder({ K: 1.5 }), 'createDecoder: K: 1.5 given, an integer of 1 or more wanted'],
  [
    decoder({ G: 3 }),
    'createDecoder: G: 3 for H = 4 heads given, a divisor of H wanted: each group serves H / G heads',
  ],
  [
    decoder({ levels: undefined }),
    'createDecoder: levels: nothing given, an integer of 1 or more wanted: T tokens need bitLength(T-1) + 1',
  ],
  [decoder({ system: 'gla', levels: 2 }), 'createDecoder: levels: 2 given, 1 wanted: gla has no level scales'],
  [decoder({ state: 1 }), 'createDecoder: state: 1 given, {levels, position} wanted: pass what state() returned'],
  [
    decoder({ state: { levels: filled([2, 4, 3, 3, 5]), at: 1 } }),
    'createDecoder: state: unknown field "at" given, levels, position wanted: remove it',
  ],
  [
    decoder({ state: { levels: filled([2, 4, 3, 3, 5]) } }),
    'createDecoder: state.position: nothing given, B = 2 integers wanted',
  ],
  [
    decoder({ state: { levels: filled([2, 4, 3, 3, 4]), position: [0, 0] } }),
    'createDecoder: state.levels: shape [2,4,3,3,4] given, [B,H,L,K,V] = [2,4,3,3,5] wanted: sizes are those of the decoder',
  ],
  [
    decoder({ state: { levels: filled([2, 4, 4, 3, 5]), position: [0, 0] } }),
    'createDecoder: state.levels: L = 4 given, 1 … 3 wanted: raise the option levels',
  ],
  [
    decoder({ state: { levels: filled([2, 4, 0, 3, 5]), position: [0, 0] } }),
    'createDecoder: state.levels: L = 0 given, 1 … 3 wanted: raise the option levels',
  ],
  [() => createDecoder(options).step(null as unknown as Token), 'step: token: null given, an object wanted'],
  [() => createDecoder(options).step(3 as unknown as Token), 'step: token: 3 given, an object wanted'],
  [step({ beta: filled([2, 4]) }), 'step: token: unknown field "beta" given, q, k, v, g, lambda wanted: remove it'],
  [step({ q: undefined }), 'step: q: no tensor given, one for log-linear-gla wanted'],
  [
    step({ q: filled([2, 2, 4]) }),
    'step: q: shape [2,2,4] given, [B,G,K] = [2,2,3] wanted: a token has the axes of a case without T',
  ],
]);
