/**
 * What may not reach what: the future, other sequences, other batch rows, other heads. Numbers must be equal, zeros of either sign:
 * a tile that multiplies what is masked by 0 adds a zero, and its sign is that of what was masked.
 */
import fc from 'fast-check';
import type { Answer, Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import type { DenseTensor, Tensor } from '../../reference/tensor.ts';
import { cases, type Wish } from '../arbitraries/cases.ts';
import { noise, signed } from '../arbitraries/noise.ts';
import { compare, compareBits, verdict } from '../compare.ts';
import { axes, inputNames, mapTensor, sizesOf, systemOf, take, withInputs } from '../edit.ts';
import { type Draw, type Implementation, type Law, type Level, OutsideAbilities, type Worst } from '../law.ts';
import { anySystem } from './common.ts';
import { law } from './define.ts';

/** Whether an entry of an input belongs to the part of the case that is disturbed. */
type Part = (name: InputName, letters: string, index: readonly number[]) => boolean;

const at = (letters: string, letter: string, index: readonly number[]): number => index[letters.indexOf(letter)];

/** Other finite values there, or NaN and infinities. */
function disturb(c: Case, part: Part, seed: number, poison: boolean): Case {
  const changed: Partial<Record<InputName, Tensor>> = {};
  for (const name of inputNames(c)) {
    const letters = axes(c, name);
    changed[name] = mapTensor(c.inputs[name] as Tensor, (value, index) => {
      if (!part(name, letters, index)) return value;
      const bits = noise(seed, `disturbed ${name}`, index);
      if (poison) return [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][bits % 3];
      if (name === 'g') return -Math.abs(signed(bits));
      return name === 'beta' ? Math.abs(signed(bits)) : signed(bits);
    });
  }
  const { k } = changed;
  if (k && c.inputs.beta && !poison) {
    // longer keys would let the state grow without bound, past what narrow formats hold
    const letters = axes(c, 'k');
    const K = k.shape[3];
    changed.k = mapTensor(k, (value, index) => (part('k', letters, index) ? value / Math.sqrt(K) : value));
  }
  return withInputs(c, changed);
}

/** Zero in the cotangents outside of a part. */
function cotangentsOnly(
  c: Case,
  keepO: (index: readonly number[]) => boolean,
  keepState: (index: readonly number[]) => boolean,
): Case {
  const { o, finalState } = c.cotangents as NonNullable<Case['cotangents']>;
  const cut: NonNullable<Case['cotangents']> = { o: mapTensor(o, (value, index) => (keepO(index) ? value : 0)) };
  if (finalState) cut.finalState = mapTensor(finalState, (value, index) => (keepState(index) ? value : 0));
  return { ...c, cotangents: cut };
}

/** Every gradient of the part must be exactly zero. */
function zeroIn(answer: Answer, c: Case, part: Part): Worst[] {
  return inputNames(c).map((name) => {
    const gradient = answer.gradients?.[name] as DenseTensor;
    const letters = axes(c, name);
    const inside = mapTensor(gradient, (value, index) => (part(name, letters, index) && value !== 0 ? value : 0));
    return compareBits(
      `gradients.${name}`,
      inside,
      mapTensor(gradient, () => 0),
    );
  });
}

const later =
  (t: number): Part =>
  (_name, letters, index) =>
    letters.includes('T') && at(letters, 'T', index) > t;

/** A tile multiplies what is masked by 0, and 0 times NaN is NaN: an implementation may be right for every finite input. */
const RECOMMENDED: Level = 'recommended';

/** Positions of a case that is long enough to show a tile of 64. */
const PROBED = 200;

/** The first output that changes when everything after a position becomes NaN or infinite; null where none up to it does. */
async function firstChanged(subject: Implementation, c: Case, last: number, seed: number): Promise<number | null> {
  const [before, after] = [(await subject.run(c)).o, (await subject.run(disturb(c, later(last), seed, true))).o];
  for (let t = 0; t <= last; t++) {
    const { ratio } = compare('o', take(after, 1, [t]), take(before, 1, [t]), 0);
    if (ratio > 0) return t;
  }
  return null;
}

/** How far NaN reaches back, and in tiles of which size it stays. */
async function spread(subject: Implementation, { c }: Draw): Promise<string | null> {
  const wish: Wish = {
    minT: 1,
    sizes: { T: fc.constant(PROBED), B: fc.constant(1), K: fc.constant(4), V: fc.constant(4) },
  };
  const [probe] = fc.sample(cases(systemOf(c), subject.abilities, wish, subject.precision), { seed: 1, numRuns: 1 });
  const { T } = sizesOf(probe);
  const reached: { first: number; from: number }[] = [];
  try {
    for (let from = 1; from < T; from += 1 + Math.floor(T / 16)) {
      const first = await firstChanged(subject, probe, from - 1, from);
      if (first !== null) reached.push({ first, from });
    }
  } catch {
    return null;
  }
  if (reached.length === 0) return null;
  const most = Math.max(...reached.map(({ first, from }) => from - first));
  const tile = [1, 2, 4, 8, 16, 32, 64, 128].find((size) =>
    reached.every(({ first, from }) => first >= Math.floor(from / size) * size),
  );
  const where =
    tile === undefined ? 'past every tile of up to 128 positions' : `never past the start of its tile of ${tile}`;
  return `reaches back over up to ${most} positions, ${where}`;
}

const causalForward = (poison: boolean): Law => ({
  ...law({
    name: poison ? 'causal-forward-nonfinite' : 'causal-forward',
    group: 'causality',
    level: poison ? RECOMMENDED : 'required',
    statement: poison
      ? 'Outputs up to t are exactly unchanged when everything after t becomes NaN or infinite.'
      : 'Outputs up to t are exactly unchanged when everything after t changes.',
    citation: 'exact zeros above the diagonal of the mask',
    prerequisites: poison ? ['causal-forward'] : [],
    needs: [],
    appliesTo: anySystem,
    wish: { state: 'sometimes', structures: true, minT: 2, work: 3e5 },
    extra: { t: fc.nat(400), seed: fc.nat(1000) },
    async check(subject, { c, t, seed }) {
      const { T } = sizesOf(c);
      const last = t % (T - 1);
      const kept = Array.from({ length: last + 1 }, (_, i) => i);
      const before = await subject.run(c);
      const changed = await subject.run(disturb(c, later(last), seed, poison));
      return verdict(
        [compare('o', take(changed.o, 1, kept), take(before.o, 1, kept), 0)],
        `changed after position ${last} of ${T}`,
      );
    },
  }),
  ...(poison ? { explain: spread } : {}),
});

const causalBackward = law({
  name: 'causal-backward',
  group: 'causality',
  statement: 'The gradient of the outputs up to t is exactly 0 for every input after t.',
  citation: 'transpose of a lower triangular matrix',
  prerequisites: ['causal-forward'],
  needs: ['gradients'],
  appliesTo: anySystem,
  wish: { gradients: true, state: 'sometimes', structures: true, minT: 2, work: 3e5 },
  extra: { t: fc.nat(400) },
  async check(subject, { c, t }) {
    const { T } = sizesOf(c);
    const last = t % (T - 1);
    const early = cotangentsOnly(
      c,
      (index) => index[1] <= last,
      () => false,
    );
    return verdict(zeroIn(await subject.run(early), early, later(last)), `cotangent up to position ${last} of ${T}`);
  },
});

/** The entries that belong to sequence i of a packed case. */
const inSequence =
  (c: Case, i: number): Part =>
  (_name, letters, index) => {
    if (letters.startsWith('n')) return index[0] === i;
    if (!letters.includes('T')) return false;
    const cuts = c.cuSeqlens as number[];
    return at(letters, 'T', index) >= cuts[i] && at(letters, 'T', index) < cuts[i + 1];
  };

const inRow =
  (row: number): Part =>
  (_name, letters, index) =>
    letters.length > 1 && index[0] === row;

/** v, g, beta, lambda and state of one head; q and k too where the head has its group to itself. */
const inHead =
  (c: Case, h: number): Part =>
  (_name, letters, index) => {
    const { G, H } = sizesOf(c);
    if (letters.includes('H')) return at(letters, 'H', index) === h;
    return G === H && at(letters, 'G', index) === h;
  };

interface Separation {
  name: string;
  statement: string;
  wish: Wish;
  needs: Law['needs'];
  /** How many parts a case has. */
  count: (c: Case) => number;
  part: (c: Case, i: number) => Part;
  /** Whether an element of o, of the state, belongs to part i. */
  inOutput: (c: Case, i: number, index: readonly number[]) => boolean;
  inState: (c: Case, i: number, index: readonly number[]) => boolean;
  /** Whether a tile may hold several parts: then NaN may spread in it. */
  shareTiles?: boolean;
}

const separations: Separation[] = [
  {
    name: 'packed-sequences',
    statement: 'packed sequences',
    wish: { packed: 'always' },
    needs: ['packed'],
    count: (c) => sizesOf(c).n,
    part: inSequence,
    inOutput: (c, i, index) => index[1] >= (c.cuSeqlens as number[])[i] && index[1] < (c.cuSeqlens as number[])[i + 1],
    inState: (_c, i, index) => index[0] === i,
    shareTiles: true,
  },
  {
    name: 'batch-rows',
    statement: 'batch rows',
    wish: { minB: 2 },
    needs: [],
    count: (c) => sizesOf(c).B,
    part: (_c, i) => inRow(i),
    inOutput: (_c, i, index) => index[0] === i,
    inState: (_c, i, index) => index[0] === i,
  },
  {
    name: 'heads',
    statement: 'heads',
    wish: { minH: 2 },
    needs: [],
    count: (c) => sizesOf(c).H,
    part: inHead,
    inOutput: (_c, i, index) => index[2] === i,
    inState: (_c, i, index) => index[1] === i,
  },
];

const isolatedForward = (
  { name, statement, wish, needs, count, part, inOutput, inState, shareTiles }: Separation,
  poison: boolean,
): Law =>
  law({
    name: `isolated-${name}${poison && shareTiles ? '-nonfinite' : ''}`,
    group: 'causality',
    level: poison && shareTiles ? RECOMMENDED : 'required',
    statement: `${poison ? 'NaN and infinities' : 'Other numbers'} in one of several ${statement} leave the outputs and states of the others exactly unchanged.`,
    citation: 'block structure of the operator',
    prerequisites: poison && shareTiles ? [`isolated-${name}`] : [],
    needs,
    appliesTo: anySystem,
    wish: { ...wish, state: 'sometimes', work: 3e5 },
    extra: { i: fc.nat(50), seed: fc.nat(1000) },
    async check(subject, { c, i, seed }) {
      if (!shareTiles && count(c) < 2) throw new OutsideAbilities(`no two ${statement}`);
      const which = i % count(c);
      const before = await subject.run(c);
      const changed = await subject.run(disturb(c, part(c, which), seed, poison));
      const others = (value: DenseTensor, inside: (index: readonly number[]) => boolean): DenseTensor =>
        mapTensor(value, (entry, index) => (inside(index) ? 0 : entry));
      const comparisons = [
        compare(
          'o',
          others(changed.o, (index) => inOutput(c, which, index)),
          others(before.o, (index) => inOutput(c, which, index)),
          0,
        ),
      ];
      if (before.finalState && changed.finalState) {
        comparisons.push(
          compare(
            'finalState',
            others(changed.finalState, (index) => inState(c, which, index)),
            others(before.finalState, (index) => inState(c, which, index)),
            0,
          ),
        );
      }
      return verdict(comparisons, `disturbed number ${which} of ${count(c)}`);
    },
  });

const isolatedBackward = ({
  name,
  statement,
  wish,
  needs,
  count,
  part,
  inOutput,
  inState,
  shareTiles,
}: Separation): Law =>
  law({
    name: `isolated-${name}-backward`,
    group: 'causality',
    statement: `The gradient of the outputs of all but one of several ${statement} is exactly 0 for the inputs of that one.`,
    citation: 'block structure of the operator',
    prerequisites: [`isolated-${name}`],
    needs: [...needs, 'gradients'],
    appliesTo: anySystem,
    wish: { ...wish, state: 'sometimes', gradients: true, work: 3e5 },
    extra: { i: fc.nat(50) },
    async check(subject, { c, i }) {
      if (!shareTiles && count(c) < 2) throw new OutsideAbilities(`no two ${statement}`);
      const which = i % count(c);
      const others = cotangentsOnly(
        c,
        (index) => !inOutput(c, which, index),
        (index) => !inState(c, which, index),
      );
      return verdict(
        zeroIn(await subject.run(others), others, part(c, which)),
        `no cotangent in number ${which} of ${count(c)}`,
      );
    },
  });

export const causality: Law[] = [
  causalForward(false),
  causalForward(true),
  causalBackward,
  ...separations.flatMap((each) => [
    ...(each.shareTiles ? [isolatedForward(each, false)] : []),
    isolatedForward(each, true),
    isolatedBackward(each),
  ]),
];
