/**
 * Known ways to get a delta rule wrong, each played through on one head: a column of P is what the state holds of one key's value,
 * carried on token by token. The implementation's own P is held against each.
 */
import { sizesOf, systemOf } from '../../properties/edit.ts';
import { levelsOf, WEAK } from '../../reference/levels.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { lossOf } from '../rounding.ts';
import { type Lab, type Matrices, squareOf } from './lab.ts';
import { isPast, positionOf } from './pairs.ts';
import type { Finding } from './probed.ts';

/** One token of a head. */
interface Token {
  k: number[];
  q: number[];
  /** exp of the log decay, by key channel; 1 at the start of a sequence. */
  alpha: number[];
  beta: number;
  isChunkStart: boolean;
}

interface Variant {
  kind: string;
  words: string;
  /** What a token makes of one column of the state, which is of so many tokens before. */
  step?(token: Token, x: number[], age: number): number[];
  /** How strongly a token writes. */
  strength?(token: Token): number;
  change?(token: Token): Token;
  /** Erases what the state was before it decayed. */
  isUndecayed?: boolean;
  /** Erases from what was written, not from what the state holds by then: I - N in place of its inverse. */
  isFirstOrder?: boolean;
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, each, i) => sum + each * b[i], 0);
const decayed = ({ alpha }: Token, x: readonly number[]): number[] => x.map((each, i) => alpha[i] * each);
const erased = ({ k }: Token, beta: number, x: readonly number[], from: readonly number[] = x): number[] => {
  const held = beta * dot(k, from);
  return x.map((each, i) => each - held * k[i]);
};
const right = (token: Token, x: number[]): number[] => erased(token, token.beta, decayed(token, x));
const normalised = (x: readonly number[]): number[] => x.map((each) => each / (Math.hypot(...x) || 1));

const VARIANTS: Variant[] = [
  { kind: 'right', words: '' },
  { kind: 'beta-missing', words: 'beta is missing on the value: v is written in place of beta v', strength: () => 1 },
  { kind: 'beta-twice', words: 'beta is multiplied to the value twice', strength: ({ beta }) => beta * beta },
  {
    kind: 'erase-without-beta',
    words: 'what is erased is not scaled by beta',
    step: (token, x) => erased(token, 1, decayed(token, x)),
  },
  {
    kind: 'erase-with-beta-twice',
    words: 'what is erased is scaled by beta twice',
    step: (token, x) => erased(token, token.beta ** 2, decayed(token, x)),
  },
  { kind: 'no-erase', words: 'nothing is erased: the delta rule is left out', step: decayed },
  {
    kind: 'erase-adds',
    words: 'what should be erased is added',
    step: (token, x) => erased(token, -token.beta, decayed(token, x)),
  },
  {
    kind: 'erase-before-decay',
    words: 'the state is erased first and decayed after',
    step: (token, x) => decayed(token, erased(token, token.beta, x)),
  },
  {
    kind: 'erase-without-decay',
    words: 'what is erased has not decayed: alpha S - beta k k^T S',
    isUndecayed: true,
    step: (token, x) => erased(token, token.beta, decayed(token, x), x),
  },
  { kind: 'inverse-cut', words: '(I + N)^-1 is replaced by I - N', isFirstOrder: true },
  {
    kind: 'erase-stops-at-chunk',
    words: 'the first token of a chunk erases nothing of what comes from earlier chunks',
    step: (token, x) => (token.isChunkStart ? decayed(token, x) : right(token, x)),
  },
  {
    kind: 'newest-missing',
    words: 'the first decay after the key is left out, as when a token is merged after the transition',
    step: (token, x, age) => (age === 1 ? erased(token, token.beta, x) : right(token, x)),
  },
  { kind: 'no-decay', words: 'the state does not decay', step: (token, x) => erased(token, token.beta, x) },
  {
    kind: 'keys-normalised',
    words: 'keys are normalised inside the kernel',
    change: (token) => ({ ...token, k: normalised(token.k) }),
  },
  {
    kind: 'queries-normalised',
    words: 'queries are normalised inside the kernel',
    change: (token) => ({ ...token, q: normalised(token.q) }),
  },
  {
    kind: 'both-normalised',
    words: 'queries and keys are normalised inside the kernel',
    change: (token) => ({ ...token, q: normalised(token.q), k: normalised(token.k) }),
  },
];

/** Variants in which scale is put where it does not belong. */
const scaled = (scale: number): Variant[] =>
  scale === 1
    ? []
    : [
        {
          kind: 'scale-on-the-keys',
          words: 'scale multiplies the keys, and so the state and what is erased',
          change: (token) => ({
            ...token,
            k: token.k.map((each) => each * scale),
            q: token.q.map((each) => each / scale),
          }),
        },
      ];

function tokensOf({ c, T, H, row, head, layout, chunkSize }: Lab): Token[] {
  const { q, k, g, beta } = c.inputs as Record<string, Tensor>;
  const { G, K } = sizesOf(c);
  const group = Math.floor((head * G) / H);
  const channels = Array.from({ length: K }, (_, i) => i);
  return Array.from({ length: T }, (_, t) => {
    const { index, before } = layout.cells[row][t];
    const log = (i: number): number => {
      if (!g || index === 0) return 0;
      return g.shape.length > 3 ? g.get(row, t, head, i) : g.get(row, t, head);
    };
    return {
      q: channels.map((i) => q.get(row, t, group, i)),
      k: channels.map((i) => k.get(row, t, group, i)),
      alpha: channels.map((i) => Math.exp(log(i))),
      beta: beta.get(row, t, head),
      isChunkStart: (before + index) % chunkSize === 0 && index > 0,
    };
  });
}

/** P of one head under a variant, and what its entries are sums of. */
interface Played {
  P: Float64Array;
  size: Float64Array;
}

const sizes = (x: readonly number[]): number[] => x.map(Math.abs);

function play(
  lab: Lab,
  tokens: readonly Token[],
  { step = right, strength = ({ beta }) => beta, isFirstOrder, isUndecayed }: Variant,
): Played {
  const { T, row, head, c } = lab;
  const level = lab.layout.hasLevels ? levelsOf(c.structure ?? WEAK).level : () => 0;
  const P = new Float64Array(T * T);
  const size = new Float64Array(T * T);
  const position = tokens.map((_, t) => positionOf(lab, row, t));
  const scale = c.scale ?? 1;
  for (let s = 0; s < T; s++) {
    let x = tokens[s].k.map((each) => each * strength(tokens[s]));
    // what the key would have left without any erasing
    let alone = x;
    // what the state was made of: a sum that cancels is off by what it is a sum of
    let made = sizes(x);
    for (let t = s; t < T && isPast(lab, row, t, s); t++) {
      if (t > s) {
        const token = tokens[t];
        const before = sizes(isUndecayed ? x : decayed(token, x));
        made = sizes(erased({ ...token, k: sizes(token.k) }, -Math.abs(token.beta), before)).map((each, i) =>
          Math.max(each, token.alpha[i] * made[i]),
        );
        alone = decayed(token, alone);
        x = isFirstOrder ? erased(token, token.beta, decayed(token, x), alone) : step(token, x, t - s);
      }
      const lambda = c.inputs.lambda?.get(row, t, head, level(position[t], position[s])) ?? 1;
      P[t * T + s] = scale * lambda * dot(tokens[t].q, x);
      size[t * T + s] = Math.abs(scale * lambda) * dot(sizes(tokens[t].q), made);
    }
  }
  return { P, size };
}

/** How far a variant is from what was read, in what the precision allows; null where some entry is beyond that. */
function misfitOf({ P, size }: Played, actual: Float64Array, truth: Float64Array, bound: Float64Array, loose: number) {
  let [misfit, telling] = [0, 0];
  for (let at = 0; at < P.length; at++) {
    // sums that are larger than the right ones round by more
    const more = Math.max(1, Math.abs(P[at] / (truth[at] || P[at] || 1)));
    const allowed = 1.5 * bound[at] * Math.min(more, 1e6) + loose * size[at];
    const apart = Math.abs(actual[at] - P[at]);
    if (!(apart <= allowed)) return null;
    misfit += apart / (allowed || 1);
    if (Math.abs(truth[at] - P[at]) > allowed) telling++;
  }
  return { misfit, telling };
}

/** The nearest variant whose P is the implementation's; null where that is the right one, or none, or there is no delta rule. */
export function deltaOf(lab: Lab, actual: Float64Array, rightOnes: Matrices): Finding | null {
  if (!systemOf(lab.c).recurrence?.beta) return null;
  const [a, e, bound] = [actual, rightOnes.values, rightOnes.bound].map((each) =>
    squareOf(lab, each, lab.row, lab.head),
  );
  const tokens = tokensOf(lab);
  const played = [...VARIANTS, ...scaled(lab.c.scale ?? 1)].map((variant) => ({
    ...variant,
    played: play(lab, variant.change ? tokens.map(variant.change) : tokens, variant),
  }));
  // exactly, then but for what a small constant in a division may do
  const loss = lossOf(lab.precision);
  for (const loose of [loss, loss + 3e-5]) {
    const fitting = played.flatMap(({ kind, words, played: its }) => {
      const found = misfitOf(its, a, e, bound, loose);
      return found ? [{ kind, words, ...found }] : [];
    });
    if (fitting.length === 0) continue;
    if (fitting.some(({ kind }) => kind === 'right')) return null;
    // what one case cannot tell apart is named together
    const telling = fitting.filter((each) => each.telling > 0).slice(0, 3);
    if (telling.length === 0) return null;
    return { kind: telling[0].kind, sentence: telling.map(({ words }) => words).join(', or ') };
  }
  return null;
}
