/** Which log decays D[t,s] may have in its exponent: what kernels were wrong in. */
import type { Tensor } from '../../reference/tensor.ts';
import type { Lab } from './lab.ts';
import { positionOf } from './pairs.ts';

/** Log decays of one head by position; 0 at the start of a sequence, where nothing is there to decay. */
export type Decays = readonly number[];

/** An explanation: the exponent that it foresees, NaN where it foresees none. */
export interface Explanation {
  kind: string;
  words: string;
  exponent(t: number, s: number): number;
}

interface Terms {
  kind: string;
  words: string;
  /** How often the decay of position r counts between s and t. */
  count(t: number, s: number, r: number): number;
}

function termsFor(lab: Lab): Terms[] {
  const { chunkSize: C, row } = lab;
  const chunk = (t: number): number => Math.floor(positionOf(lab, row, t) / C);
  const inside = (t: number, s: number, r: number): boolean => r > s && r <= t;
  const of = (holds: (t: number, s: number, r: number) => boolean) => (t: number, s: number, r: number) =>
    Number(holds(t, s, r));
  return [
    {
      kind: 'key-included',
      words: "D[t,s] has exp(g_s + … + g_t): the decay of the key's own position is included",
      count: of((t, s, r) => r >= s && r <= t),
    },
    {
      kind: 'query-excluded',
      words: "D[t,s] has exp(g_{s+1} + … + g_{t-1}): the decay of the query's position is left out",
      count: of((t, s, r) => r > s && r < t),
    },
    {
      kind: 'query-undone',
      words:
        "D[t,s] has exp(g_{s+1} + … + g_{t-1}), and D[t,t] exp(-g_t): the query's sum is without its own decay, and the key's has it",
      count: (t, s, r) => (s === t ? -Number(r === t) : Number(r > s && r < t)),
    },
    {
      kind: 'one-early',
      words: 'D[t,s] has exp(g_s + … + g_{t-1}): every decay is one position early',
      count: of((t, s, r) => r >= s && r < t),
    },
    {
      kind: 'one-late',
      words: 'D[t,s] has exp(g_{s+2} + … + g_{t+1}): every decay is one position late',
      count: of((t, s, r) => r > s + 1 && r <= t + 1),
    },
    {
      kind: 'newest-missing',
      words:
        'D[t,s] has exp(g_{s+2} + … + g_t): the first decay after the key is left out, as when a token is merged after the transition',
      count: of((t, s, r) => r > s + 1 && r <= t),
    },
    { kind: 'no-decay', words: 'there is no decay at all', count: () => 0 },
    {
      kind: 'chunk-start-missing',
      words: `the decay of the first token of a chunk is missing when a state crosses into it (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && chunk(r) === chunk(r - 1)),
    },
    {
      kind: 'chunk-end-missing',
      words: `the decay of the last token of a chunk is missing when a state leaves it (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && (chunk(r) === chunk(t) || chunk(r) === chunk(r + 1))),
    },
    {
      kind: 'chunks-missing',
      words: `whole chunks between key and query do not decay what passes them (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && (chunk(r) === chunk(s) || chunk(r) === chunk(t))),
    },
    {
      kind: 'query-chunk-missing',
      words: `what comes from earlier chunks is not decayed inside the query's chunk (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && (chunk(s) === chunk(t) || chunk(r) !== chunk(t))),
    },
    {
      kind: 'key-chunk-missing',
      words: `a chunk's state is not decayed to the end of its chunk (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && (chunk(s) === chunk(t) || chunk(r) !== chunk(s))),
    },
    {
      kind: 'inside-chunks-only',
      words: `what crosses from chunk to chunk does not decay (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && chunk(s) === chunk(t)),
    },
    {
      kind: 'between-chunks-only',
      words: `inside a chunk nothing decays (C = ${C})`,
      count: of((t, s, r) => inside(t, s, r) && chunk(s) !== chunk(t)),
    },
    {
      kind: 'chunk-start-twice',
      words: `the decay of the first token of a chunk counts twice when a state crosses into it (C = ${C})`,
      count: (t, s, r) => (inside(t, s, r) ? (chunk(r) === chunk(r - 1) ? 1 : 2) : 0),
    },
    {
      kind: 'prefix-of-query',
      words: 'D[t,s] has exp(g_0 + … + g_t): it does not depend on the key',
      count: of((t, _s, r) => r <= t),
    },
  ];
}

/** Whose decays count, position by position. */
interface Source {
  kind: string;
  words: string;
  of(r: number): number;
}

/** Decays of every head and channel that a step could have been taken from. */
function sources(lab: Lab, g: Tensor, channel: number): Source[] {
  const { B, H, row, head } = lab;
  const at = (b: number, t: number, h: number, i: number): number =>
    g.shape.length > 3 ? g.get(b, t, h, i) : g.get(b, t, h);
  const list: Source[] = [];
  for (let h = 0; h < Math.min(H, 64); h++)
    if (h !== head)
      list.push({
        kind: 'other-head',
        words: `head ${head} decays as head ${h} does`,
        of: (r) => -at(row, r, h, channel),
      });
  for (let b = 0; b < B; b++)
    if (b !== row)
      list.push({
        kind: 'other-row',
        words: `row ${row} decays as row ${b} does`,
        of: (r) => -at(b, r, head, channel),
      });
  const K = g.shape[3] ?? 1;
  for (let i = 0; i < K; i++) {
    if (i !== channel)
      list.push({
        kind: 'other-channel',
        words: `key channel ${channel} decays as channel ${i} does`,
        of: (r) => -at(row, r, head, i),
      });
    if (i !== channel)
      list.push({
        kind: 'channels-mixed',
        words: `key channel ${channel} decays by the mean of its own g and that of channel ${i}`,
        of: (r) => -(at(row, r, head, i) + at(row, r, head, channel)) / 2,
      });
  }
  return list;
}

const headSources = (lab: Lab, g: Tensor): Source[] =>
  Array.from({ length: Math.min(lab.H, 64) }, (_, h) => h)
    .filter((h) => h !== lab.head)
    .map((h) => ({ kind: 'other-head', words: `head ${lab.head} decays as head ${h} does`, of: () => -g.get(h) }));

/** The same decays, of another size or elsewhere. */
const changed = ({ layout, row }: Lab, decays: Decays): Source[] => [
  {
    kind: 'base-two',
    words: 'exp2 is taken of a log decay in natural logarithms: each counts ln 2 = 0.693 times',
    of: (r) => -decays[r] * Math.LN2,
  },
  {
    kind: 'base-e-of-base-two',
    words: 'exp is taken of a log decay times log2 e: each counts 1.443 times',
    of: (r) => -decays[r] * Math.LOG2E,
  },
  { kind: 'growth', words: 'decays have the wrong sign: exp(-g)', of: (r) => decays[r] },
  { kind: 'twice', words: 'every log decay counts twice', of: (r) => -2 * decays[r] },
  { kind: 'half', words: 'every log decay counts half', of: (r) => -decays[r] / 2 },
  {
    kind: 'by-position',
    words: 'the decay grows with the position: g (t + 1) / T',
    of: (r) => (-decays[r] * (layout.cells[row][r].index + 1)) / layout.cells[row][r].length,
  },
];

/** Every explanation by sets of positions, by whose decays they are, by their size. `g` is what was asked. */
export function explanationsFor(lab: Lab, g: Tensor, channel: number, decays: Decays): Explanation[] {
  const prefix = (of: (r: number) => number): Float64Array => {
    const sums = new Float64Array(lab.T + 1);
    for (let r = 0; r < lab.T; r++) sums[r + 1] = sums[r] + of(r);
    return sums;
  };
  const ofSource = ({ kind, words, of }: Source): Explanation => {
    const sums = prefix(of);
    return { kind, words, exponent: (t, s) => sums[t + 1] - sums[s + 1] };
  };
  const ofTerms = ({ kind, words, count }: Terms): Explanation => ({
    kind,
    words,
    exponent(t, s) {
      let sum = 0;
      for (let r = 0; r < lab.T; r++) if (decays[r] !== 0) sum -= count(t, s, r) * decays[r];
      return sum;
    },
  });
  const others = g.shape.length === 1 ? headSources(lab, g) : sources(lab, g, channel);
  return [...termsFor(lab).map(ofTerms), ...[...changed(lab, decays), ...others].map(ofSource)];
}
