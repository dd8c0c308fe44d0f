/** Memory of decoding: live level states and their bytes at t around each power of two, up to 2^20. */
import { createDecoder, type Token } from '../reference/decoder.ts';
import { popcount } from '../reference/levels.ts';
import { compute } from '../reference/operator.ts';
import type { InputName } from '../reference/systems/system.ts';
import { type Tensor, tensor } from '../reference/tensor.ts';
import { mustAgree, randomCase, WrongAnswer } from './cases.ts';
import { say, seconds } from './timing.ts';

export const LAST_EXPONENT = 20;
export const STATE = { K: 16, V: 16 };
/** Different tokens: then they come again, so that they need no memory of their own. */
const TOKENS = 4096;

export interface Held {
  t: number;
  live: number;
  bytes: number;
}

export interface Decoding {
  /** At t = 2^i - 1 and 2^i, for i = 0 … 20. */
  held: Held[];
  secondsPerToken: number;
}

export function decoding(): Decoding {
  const { K, V } = STATE;
  const last = 2 ** LAST_EXPONENT;
  const L = LAST_EXPONENT + 2;
  const c = randomCase('log-linear-mamba2', { T: TOKENS, H: 1, K, V, L });
  const tokens = Array.from({ length: TOKENS }, (_, t) => {
    const views = (Object.entries(c.inputs) as [InputName, Tensor][]).map(([name, value]) => [
      name,
      value.pick(null, t),
    ]);
    return Object.fromEntries(views) as Token;
  });
  const decoder = createDecoder({ system: c.system, B: 1, H: 1, G: 1, K, V, levels: L });
  const held: Held[] = [];
  const early = new Float64Array(TOKENS * V);
  const time = seconds(() => {
    for (let t = 0; t <= last; t++) {
      if (t % 2 ** 17 === 0) say(`decoding, token ${t} of ${last}`);
      const o = decoder.step(tokens[t % TOKENS]);
      if (t < TOKENS) early.set(o.data, t * V);
      if ((t & (t - 1)) !== 0 && (t & (t + 1)) !== 0) continue;
      const live = decoder.alive()[0][0];
      if (live !== popcount(t) + 1) throw new WrongAnswer(`decoder: ${live} live states at t = ${t}`);
      if (decoder.bytes() !== live * K * V * 8) throw new WrongAnswer(`decoder: ${decoder.bytes()} bytes at t = ${t}`);
      held.push({ t, live, bytes: decoder.bytes() });
    }
  });
  mustAgree('decoder', c, tensor(early, [1, TOKENS, 1, V]), compute({ ...c, form: 'chunked' }).o);
  return { held, secondsPerToken: time / (last + 1) };
}
