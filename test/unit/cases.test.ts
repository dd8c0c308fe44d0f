/** Cases as laws wish for them, inside what an implementation can do. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cases, fill, type Wish } from '../../properties/arbitraries/cases.ts';
import { channels, chunkSizes, lengths, longLengths, positions, weighted } from '../../properties/arbitraries/sizes.ts';
import { axes, inputNames, shapeOf, sizesOf } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Abilities } from '../../properties/law.ts';
import { DOUBLE, findPrecision, type Precision } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { levelsOf } from '../../reference/levels.ts';
import { checkCase } from '../../reference/shapes.ts';
import { findSystem, type System, systems } from '../../reference/systems/registry.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';

const [{ abilities: everything }] = builtIn;
const RUNS = { seed: 9, numRuns: 40 };
const everywhere: Wish = { gradients: true, state: 'sometimes', packed: 'sometimes', structures: true };

const draw = (name: string, wish: Wish, abilities: Abilities = everything, precision?: Precision): Case[] =>
  fc.sample(cases(findSystem(name) as System, abilities, { work: 2e4, ...wish }, precision), RUNS);

const isStructured = ({ structure }: Case): boolean => structure !== undefined;
const some = (drawn: Case[], test: (c: Case) => boolean): boolean => drawn.some(test) && !drawn.every(test);
/** Multiply-adds of one masked evaluation. */
const costOf = (c: Case): number => {
  const { B, T, H, K, V } = sizesOf(c);
  return B * H * (T + 1) * (T + 4) * (K + V);
};

describe('sizes', () => {
  const values = <T>(arbitrary: fc.Arbitrary<T>): T[] => fc.sample(arbitrary, { seed: 2, numRuns: 3000 });
  const sorted = (arbitrary: fc.Arbitrary<number>): number[] => [...new Set(values(arbitrary))].sort((a, b) => a - b);

  it('are drawn as often as their weights say, and shrink to the first', () => {
    const drawn = values(
      weighted([
        [1, 'a'],
        [6, 'b'],
        [3, 'c'],
      ]),
    );
    const share = (letter: string): number => drawn.filter((each) => each === letter).length / drawn.length;
    expect(share('a')).toBeCloseTo(0.1, 1);
    expect(share('b')).toBeCloseTo(0.6, 1);
    expect(share('c')).toBeCloseTo(0.3, 1);
    const heads = weighted([
      [1, 'a'],
      [6, 'b'],
    ]);
    const { counterexample } = fc.check(
      fc.property(heads, () => false),
      { endOnFailure: false },
    );
    expect(counterexample).toEqual(['a']);
  });

  it('are those at which kernels break', () => {
    expect(sorted(lengths(17))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17]);
    expect(sorted(lengths(9, 2))).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(sorted(lengths(300, 64))).toEqual([64, 65, 95, 127, 128, 129, 255, 256, 257, 300]);
    expect(sorted(lengths(63, 18))).toEqual([20, 23, 31, 32, 33, 40, 63]);
    expect(sorted(longLengths)).toEqual([65, 96, 127, 128, 129, 192, 193, 255, 256, 257, 300]);
    expect(sorted(channels(8))).toEqual([1, 2, 3, 4, 5, 8]);
    expect(sorted(channels(70))).toEqual([1, 2, 3, 4, 5, 8, 15, 16, 17, 33, 64, 65, 70]);
    expect(sorted(chunkSizes)).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
    expect(sorted(positions).slice(0, 13)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 15, 16, 17]);
    expect(sorted(positions).slice(13)).toEqual([
      31, 32, 33, 63, 64, 65, 127, 128, 1000, 8191, 8192, 32768, 65535, 65536, 1048575, 1048576,
    ]);
  });
});

describe('what is wished for', () => {
  const NAME = 'log-linear-gated-deltanet';

  it('nothing: tokens alone', () => {
    for (const c of draw(NAME, {})) {
      expect(Object.keys(c.inputs)).toEqual(['q', 'k', 'v', 'g', 'beta', 'lambda']);
      for (const field of ['cotangents', 'cuSeqlens', 'position', 'structure']) expect(c).not.toHaveProperty(field);
    }
  });

  it('everything, sometimes: each is there and not there', () => {
    const drawn = draw(NAME, everywhere);
    expect(drawn.every(({ cotangents }) => cotangents !== undefined)).toBe(true);
    const tests: [string, (c: Case) => boolean][] = [
      ['state', ({ inputs }) => inputs.initialState !== undefined],
      ['position', ({ position }) => position !== undefined],
      ['packed', ({ cuSeqlens }) => cuSeqlens !== undefined],
      ['structure', isStructured],
      ['strong', ({ structure }) => structure?.kind === 'strong'],
      ['base', ({ structure }) => structure?.kind === 'weak' && structure.base > 2],
      ['final cotangent', ({ cotangents }) => cotangents?.finalState !== undefined],
      ['scale', ({ scale }) => scale !== undefined],
      ['rows', (c) => sizesOf(c).B > 1],
      ['groups', (c) => sizesOf(c).G > 1],
      ['heads of a group', (c) => sizesOf(c).H > sizesOf(c).G],
      ['long', (c) => sizesOf(c).T > 64],
      ['short state', ({ inputs }) => (inputs.initialState?.shape[2] ?? 9) < (inputs.lambda?.shape[3] ?? 0)],
    ];
    expect(tests.filter(([, test]) => !some(drawn, test)).map(([name]) => name)).toEqual([]);
  });

  it('state and packing, always or never', () => {
    for (const c of draw(NAME, { state: 'always', packed: 'always' })) {
      expect(c.inputs.initialState).toBeDefined();
      expect(sizesOf(c).B).toBe(1);
      const { T, n } = sizesOf(c);
      const cuts = c.cuSeqlens as number[];
      expect([cuts[0], cuts.at(-1), cuts.length]).toEqual([0, T, n + 1]);
    }
    for (const c of draw(NAME, { state: 'never', packed: 'never', gradients: true })) {
      expect(c.inputs.initialState).toBeUndefined();
      expect([c.position, c.cuSeqlens, c.cotangents?.finalState]).toEqual([undefined, undefined, undefined]);
    }
  });

  it('several packed sequences, in order, of several lengths', () => {
    const drawn = draw(NAME, { packed: 'always', minT: 3 });
    expect(new Set(drawn.map((c) => sizesOf(c).n))).toEqual(new Set([1, 2, 3, 4, 5]));
    for (const { cuSeqlens } of drawn) expect([...(cuSeqlens as number[])].sort((a, b) => a - b)).toEqual(cuSeqlens);
  });

  it('sizes within bounds', () => {
    for (const c of draw(NAME, { minB: 2, minH: 2, minT: 3, maxT: 20, maxChannels: 5 })) {
      const { B, T, H, K, V } = sizesOf(c);
      expect(B).toBeGreaterThanOrEqual(2);
      expect(H).toBeGreaterThanOrEqual(2);
      expect(T).toBeGreaterThanOrEqual(3);
      expect(T).toBeLessThanOrEqual(20);
      expect(Math.max(K, V)).toBeLessThanOrEqual(5);
    }
  });

  it('no more work, but for long cases ten times as much', () => {
    const drawn = draw(NAME, { work: 3000, maxT: 90 });
    for (const c of drawn) expect(costOf(c)).toBeLessThanOrEqual(3000);
    // and no less than it has to be
    expect(drawn.filter((c) => costOf(c) > 1000).length).toBeGreaterThan(10);
    const long = draw(NAME, { work: 3e5 }).filter((c) => costOf(c) > 3e5);
    expect(long.length).toBeGreaterThan(0);
    for (const c of long) {
      expect(costOf(c)).toBeLessThanOrEqual(3e6);
      const { B, G, H, K, V } = sizesOf(c);
      expect([B, G, H, c.chunkSize]).toEqual([1, 1, 1, 64]);
      expect(Math.min(K, V)).toBeGreaterThanOrEqual(4);
    }
  });

  it('long cases too have no more positions, and there are none where few are wanted', () => {
    const isLong = (c: Case): boolean => sizesOf(c).T > 64;
    const drawn = draw('linear', { maxT: 100, work: 1e6 });
    expect(drawn.filter(isLong).length).toBeGreaterThan(0);
    expect(Math.max(...drawn.map((c) => sizesOf(c).T))).toBe(100);
    expect(Math.max(...draw('linear', { maxT: 99, work: 1e9 }).map((c) => sizesOf(c).T))).toBeLessThan(99);
  });

  it('sizes are cut one after the other, and no more of them than have to be', () => {
    const wish: Wish = { maxT: 40, maxChannels: 17 };
    const whole = draw('linear', { ...wish, work: 1e12 }).map(sizesOf);
    whole.slice(0, 12).forEach((full, i) => {
      const cut = { ...full, heads: full.H / full.G };
      const cost = (): number => cut.B * cut.G * cut.heads * (cut.T + 1) * (cut.T + 4) * (cut.K + cut.V);
      const stages = [{ work: cost(), ...cut }];
      const stage = (change: Partial<typeof cut>): void => {
        Object.assign(cut, change);
        if (cost() < (stages.at(-1) as { work: number }).work) stages.push({ work: cost(), ...cut });
      };
      stage({ B: 1 });
      stage({ heads: 1 });
      stage({ G: 1 });
      stage({ V: Math.min(cut.V, 4) });
      stage({ K: Math.min(cut.K, 4) });
      while (cut.T > 1) stage({ T: Math.floor(cut.T / 2) });
      for (const { work, B, G, heads, T, K, V } of stages) {
        const drawn = sizesOf(draw('linear', { ...wish, work })[i]);
        expect(drawn, `${work}`).toMatchObject({ B, G, H: G * heads, T, K, V });
      }
      // nothing is left to cut
      expect(sizesOf(draw('linear', { ...wish, work: 1 })[i]).T).toBe(Math.min(full.T, 1));
    });
  });

  it('a final cotangent where states are wished for', () => {
    for (const c of draw(NAME, { gradients: true })) expect(c.cotangents).not.toHaveProperty('finalState');
    expect(
      some(draw(NAME, { gradients: true, state: 'sometimes' }), (c) => c.cotangents?.finalState !== undefined),
    ).toBe(true);
  });

  it('states have as many levels as lambda, or those that their positions need', () => {
    let [whole, short] = [0, 0];
    for (const c of draw(NAME, { state: 'always', packed: 'sometimes', minB: 2 })) {
      const levels = c.inputs.initialState?.shape[2];
      const { L, n } = sizesOf(c);
      const { count } = levelsOf({ kind: 'weak', base: 2 });
      const needed = Math.max(...(c.position ?? Array<number>(n).fill(0)).map((position) => count(position)));
      expect([needed, L]).toContain(levels);
      if (needed < L && levels === L) whole++;
      if (needed < L && levels === needed) short++;
    }
    expect([whole > 5, short > 5]).toEqual([true, true]);
  });

  it('scales but 1, which is left out', () => {
    expect(new Set(draw('linear', {}).map(({ scale }) => scale))).toEqual(new Set([undefined, 0.5, -0.75, 0, 0.125]));
  });

  it('the second and third style most often', () => {
    const own = Array.from({ length: 5 }, (_, i) => () => i);
    const drawn = fc.sample(
      cases(findSystem('linear') as System, everything, { styles: { v: own }, minT: 1, maxT: 2 }),
      {
        seed: 4,
        numRuns: 500,
      },
    );
    const shares = own.map((_, i) => drawn.filter((c) => c.inputs.v?.get(0, 0, 0, 0) === i).length / drawn.length);
    for (const i of own.keys()) expect(shares[i]).toBeCloseTo((i === 1 || i === 2 ? 4 : 1) / 11, 1);
  });

  it('own styles', () => {
    const seven = () => 7;
    for (const c of draw(NAME, { styles: { v: [seven] } })) {
      expect(new Set(toDense(c.inputs.v as Tensor)).size).toBeLessThanOrEqual(1);
      if (c.inputs.v?.size) expect(c.inputs.v.get(0, 0, 0, 0)).toBe(7);
    }
  });
});

describe('what an implementation cannot do is not drawn', () => {
  it.each<[keyof Abilities, (c: Case) => boolean]>([
    ['gradients', ({ cotangents }) => cotangents !== undefined],
    ['state', ({ inputs, position }) => inputs.initialState !== undefined || position !== undefined],
    ['packed', ({ cuSeqlens }) => cuSeqlens !== undefined],
    ['groups', (c) => sizesOf(c).G < sizesOf(c).H],
    ['structures', isStructured],
  ])('%s', (ability, test) => {
    expect(draw('log-linear-mamba2', everywhere, { ...everything, [ability]: false }).some(test)).toBe(false);
  });

  it('softmax has no state, flat systems have one level and no structure', () => {
    for (const c of draw('softmax', everywhere)) {
      expect([c.inputs.initialState, c.position, c.structure, c.cotangents?.finalState]).toEqual(
        Array(4).fill(undefined),
      );
    }
    for (const c of draw('gla', { ...everywhere, state: 'always' })) {
      expect([c.structure, c.inputs.initialState?.shape[2]]).toEqual([undefined, 1]);
    }
  });
});

it.each(systems.map(({ name }) => name))('%s: shapes fit, levels are those that are needed', (name) => {
  for (const c of draw(name, everywhere)) {
    const sizes: Record<string, number> = sizesOf(c);
    const p = checkCase('test', c);
    for (const input of inputNames(c)) {
      if (input === 'initialState') continue;
      expect(shapeOf(c, input), input).toEqual([...axes(c, input)].map((letter) => sizes[letter]));
    }
    if (p.system.logLinear) {
      const needed = Math.max(...p.sequences.map(({ start, end, position }) => p.levels.count(position + end - start)));
      expect([0, 1, 3]).toContain(p.L - needed);
    }
    if (c.cotangents?.finalState)
      expect(c.cotangents.finalState.shape).toEqual([p.sequences.length, p.H, p.L, p.K, p.V]);
  }
});

it('levels that are empty by rule hold nothing, the others something', () => {
  let held = 0;
  for (const c of draw('log-linear-gla', { state: 'always', structures: true, packed: 'sometimes' })) {
    const state = c.inputs.initialState as Tensor;
    const { H, n } = sizesOf(c);
    const { partition } = levelsOf(c.structure ?? { kind: 'weak', base: 2 });
    for (let i = 0; i < n; i++) {
      const position = c.position?.[i] ?? 0;
      const alive = position === 0 ? [] : partition(position - 1).map(({ level }) => level);
      for (let h = 0; h < H; h++) {
        for (let l = 0; l < state.shape[2]; l++) {
          const holds = toDense(state.pick(i, h, l, null, null)).some((value) => value !== 0);
          if (holds) expect(alive).toContain(l);
          if (holds) held++;
        }
      }
    }
  }
  expect(held).toBeGreaterThan(100);
});

it('the state of a flat system holds something at position 0 too', () => {
  const first = draw('gla', { state: 'always' }).filter(({ position }) => position === undefined);
  expect(
    first.filter((c) => toDense(c.inputs.initialState as Tensor).some((value) => value !== 0)).length,
  ).toBeGreaterThan(1);
});

it('keys of the delta rule have length 1 or 0, but short cases may have others, none above 4', () => {
  const lengthsOf = (c: Case): number[] => {
    const { K } = sizesOf(c);
    const k = toDense(c.inputs.k as Tensor);
    return Array.from({ length: k.length / K }, (_, row) => Math.hypot(...k.subarray(row * K, (row + 1) * K)));
  };
  const isUnit = (length: number): boolean => length === 0 || Math.abs(length - 1) < 1e-12;
  const drawn = fc.sample(cases(findSystem('deltanet') as System, everything, { maxT: 20, work: 2e4 }), {
    seed: 1,
    numRuns: 300,
  });
  const free = drawn.filter((c) => !lengthsOf(c).every(isUnit));
  expect(free.length).toBeGreaterThan(10);
  expect(free.length).toBeLessThan(0.4 * drawn.filter((c) => sizesOf(c).T <= 8).length);
  for (const c of free) {
    expect(sizesOf(c).T).toBeLessThanOrEqual(8);
    expect(Math.max(...toDense(c.inputs.k as Tensor).map(Math.abs))).toBeLessThanOrEqual(4);
  }
  const ones = (c: Case): boolean => toDense(c.inputs.k as Tensor).every((value) => value === 1) && sizesOf(c).K > 1;
  expect(free.some(ones)).toBe(true);
  expect(draw('gla', {}).some((c) => sizesOf(c).T > 8 && !lengthsOf(c).every(isUnit))).toBe(true);
});

it('narrow formats get numbers that they can multiply, and the same log decays', () => {
  const float16 = findPrecision('float16') as Precision;
  const wide = draw('gla', { state: 'always', maxT: 20 });
  const narrow = draw('gla', { state: 'always', maxT: 20 }, everything, float16);
  let changed = 0;
  narrow.forEach((c, i) => {
    for (const name of ['q', 'k', 'v', 'initialState'] as const) {
      const [mine, theirs] = [c, wide[i]].map(({ inputs }) => toDense(inputs[name] as Tensor));
      const wrong = mine.findIndex((value, at) => {
        const [size, before] = [Math.abs(value), theirs[at]];
        const exponent = Math.log2(Math.abs(before));
        if (size >= 2 ** 9 || (value !== 0 && size <= 2 ** -13)) return true;
        if (!Number.isFinite(exponent) || Math.abs(exponent) <= 8) return Math.abs(value - before) > 2 ** -10 * size;
        changed++;
        return Math.abs(Math.log2(size) - 0.1 * exponent) >= 0.51;
      });
      expect(wrong, name).toBe(-1);
    }
  });
  expect(changed).toBeGreaterThan(100);
  const [decay, wanted] = [narrow, wide].map((drawn) =>
    drawn.flatMap(({ inputs }) => [...toDense(inputs.g as Tensor)]),
  );
  expect(decay.some((g) => g < -300)).toBe(true);
  expect(
    decay.every((g, i) => Object.is(g, wanted[i]) || Math.abs(g - wanted[i]) <= 2 ** -11 * Math.abs(g) + 2 ** -25),
  ).toBe(true);
});

it('one narrow format is enough for smaller numbers, and one like float32 is not narrow', () => {
  const float16 = findPrecision('float16') as Precision;
  const float32 = findPrecision('float32') as Precision;
  const most = (precision: Precision): number =>
    Math.max(
      ...draw('gla', { maxT: 20 }, everything, precision).flatMap(({ inputs }) =>
        Array.from(toDense(inputs.v as Tensor), Math.abs),
      ),
    );
  for (const part of ['inputs', 'product', 'state'] as const) {
    expect(most({ ...DOUBLE, [part]: float16[part] }), part).toBeLessThan(2 ** 9);
  }
  const [drawn, wide] = [float32, DOUBLE].map((each) => draw('gla', { maxT: 20 }, everything, each));
  drawn.forEach((c, i) => {
    const wanted = toDense(wide[i].inputs.v as Tensor).map(Math.fround);
    expect([...toDense(c.inputs.v as Tensor)]).toEqual([...wanted]);
  });
  expect(most(float32)).toBeGreaterThan(2 ** 20);
});

it('fill goes through the places in order', () => {
  const seen: string[] = [];
  const { data, shape } = fill(3, 'x', [2, 2], (seed, name, index) => {
    seen.push(`${seed} ${name} ${index}`);
    return seen.length;
  });
  expect(seen).toEqual(['3 x 0,0', '3 x 0,1', '3 x 1,0', '3 x 1,1']);
  expect([[...data], shape]).toEqual([
    [1, 2, 3, 4],
    [2, 2],
  ]);
});
