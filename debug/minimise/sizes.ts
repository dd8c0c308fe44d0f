/** Smaller sizes, by letter: positions, heads and groups, channels, levels. */
import { concat, range, sizesOf, take, takeAlong } from '../../properties/edit.ts';
import type { Abilities, SizeLimit } from '../../properties/law.ts';
import type { Case } from '../../reference/case.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { fewer, type Pass } from './pass.ts';

/** A size that has to be a power of two is halved or left; else its multiples are what is tried. */
const stepsOf = ({ multipleOf = 1, min = 1 }: SizeLimit = {}): { unit: number; least: number } => ({
  unit: multipleOf,
  least: Math.max(1, min),
});

/** Those positions alone; packed sequences are as much shorter. */
function positions(c: Case, kept: readonly number[]): Case {
  const some = takeAlong(c, 'T', kept);
  if (!c.cuSeqlens) return some;
  return { ...some, cuSeqlens: c.cuSeqlens.map((cut) => kept.filter((t) => t < cut).length) };
}

export const fewPositions = ({ T: limit }: NonNullable<Abilities['limits']>): Pass => ({
  name: 'fewer positions',
  *run(c) {
    const { T } = sizesOf(c);
    const { unit, least } = stepsOf(limit);
    // outputs do not see what comes after them: the shortest prefix that fails is found by bisection
    let now = c;
    let [fails, holds] = [T, 0];
    while (fails - holds > Math.max(unit, 1)) {
      const middle = holds + unit * Math.max(1, Math.floor((fails - holds) / (2 * unit)));
      if (middle >= fails || middle < least) break;
      const candidate = positions(c, range(0, middle));
      if (yield candidate) {
        fails = middle;
        now = candidate;
      } else holds = middle;
    }
    yield* fewer(range(0, fails), (kept) => positions(now, kept), { unit, least });
  },
});

export const fewChannels = (letter: 'K' | 'V', limits: NonNullable<Abilities['limits']>): Pass => ({
  name: `smaller ${letter}`,
  *run(c) {
    yield* fewer(range(0, sizesOf(c)[letter]), (kept) => takeAlong(c, letter, kept), stepsOf(limits[letter]));
  },
});

const heads = (c: Case, h: readonly number[], g: readonly number[]): Case => takeAlong(takeAlong(c, 'H', h), 'G', g);

export const fewHeads: Pass = {
  name: 'fewer heads and groups',
  *run(c) {
    let now = c;
    const { H, G } = sizesOf(c);
    if (H === 1) return;
    const each = H / G;
    for (let h = 0; h < H; h++) if (yield heads(c, [h], [Math.floor(h / each)])) return;
    // two heads of one group, one head of two groups: what is left where heads have something to do with each other
    const first = range(0, each);
    if (each > 2 && G > 1 && (yield heads(c, [0, 1], [0]))) return;
    for (let g = 0; G > 1 && g < G; g++) {
      const candidate = heads(
        c,
        first.map((i) => g * each + i),
        [g],
      );
      if (yield candidate) {
        now = candidate;
        break;
      }
    }
    const left = sizesOf(now);
    const ratio = left.H / left.G;
    for (let few = 1; few < ratio; few++) {
      const some = range(0, left.G).flatMap((g) => range(0, few).map((i) => g * ratio + i));
      const candidate = heads(now, some, range(0, left.G));
      if (yield candidate) {
        now = candidate;
        break;
      }
    }
    const { H: nowH, G: nowG } = sizesOf(now);
    // no groups: each head with queries and keys of its own
    if (nowG < nowH) {
      const own = range(0, nowH).map((h) => Math.floor((h * nowG) / nowH));
      if (yield takeAlong(now, 'G', own)) return;
    }
    if (nowG === nowH && nowH > 2) {
      yield* fewer(range(0, nowH), (kept) => heads(now, kept, kept));
    }
  },
};

/** The first `L` levels of everything that has them; a state with fewer is left. */
function levels(c: Case, L: number): Case {
  const cut = (value: Tensor, axis: number): Tensor => take(value, axis, range(0, Math.min(L, value.shape[axis])));
  const { lambda, initialState } = c.inputs;
  const inputs = { ...c.inputs, lambda: cut(lambda as Tensor, 3) };
  if (initialState) inputs.initialState = cut(initialState, 2);
  const some: Case = { ...c, inputs };
  const last = c.cotangents?.finalState;
  if (c.cotangents && last) some.cotangents = { o: c.cotangents.o, finalState: cut(last, 2) };
  return some;
}

/** Levels are read by their number: none can go but the last ones. */
export const fewLevels: Pass = {
  name: 'fewer levels',
  *run(c) {
    if (!c.inputs.lambda) return;
    for (let L = 1; L < sizesOf(c).L; L++) if (yield levels(c, L)) return;
    // a state need not have as many
    const { initialState } = c.inputs;
    for (let held = 1; initialState && held < initialState.shape[2]; held++) {
      const shorter = concat([take(initialState, 2, range(0, held))], 2);
      if (yield { ...c, inputs: { ...c.inputs, initialState: shorter } }) return;
    }
  },
};
