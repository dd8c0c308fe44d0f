/** The catalogue, and what is made of it: names, numbers that a dtype can hold, expected values, refusals, the same bytes on every engine. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type CaseEntry, catalogue, groups, latestVersion, listCases } from '../../fixtures/catalogue.ts';
import { draws } from '../../fixtures/draws.ts';
import type { Fixture, FixtureTensor } from '../../fixtures/fixture.ts';
import { askedCase, generateFixture, roundUp } from '../../fixtures/generate.ts';
import { judgeAnswer } from '../../fixtures/judge.ts';
import { builtIn } from '../../properties/implementations.ts';
import { type Format, findPrecision, isExactIn, type Precision } from '../../properties/precision.ts';
import type { Answer } from '../../reference/case.ts';
import { InvalidInput } from '../../reference/errors.ts';
import { compute } from '../../reference/operator.ts';
import { systems } from '../../reference/systems/registry.ts';
import { tensor } from '../../reference/tensor.ts';
import { replyTo } from '../fixture-replies.ts';

const small = listCases();
const made = new Map<string, Fixture>();
const fixtureOf = (entry: CaseEntry): Fixture => {
  const known = made.get(entry.name) ?? generateFixture(entry);
  made.set(entry.name, known);
  return known;
};
const byName = (name: string): Fixture => fixtureOf(listCases({ set: 'full', names: [name] })[0]);
const find = ({ tensors }: Fixture, name: string): FixtureTensor =>
  tensors.find((each) => each.name === name) as FixtureTensor;
const refused = ({ header }: Fixture): boolean => header.error !== undefined;

describe('the catalogue', () => {
  const { probes } = catalogue();

  it('has at least 150 small cases, of every system, under names and sentences of their own', () => {
    expect(small.length).toBeGreaterThanOrEqual(150);
    const full = listCases({ set: 'full' });
    const names = full.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9][a-z0-9.-]*$/);
    expect(new Set(small.map(({ system }) => system))).toEqual(new Set(systems.map(({ name }) => name)));
    expect(names).toEqual(expect.arrayContaining(small.map(({ name }) => name)));
    const sentences = probes.map((probe) => probe.probes);
    expect(new Set(sentences).size).toBe(sentences.length);
    for (const sentence of sentences) expect(sentence).toMatch(/^.+ .+\.$/);
  });

  it('names what there is: systems, draws, dtypes; and no draw is idle', () => {
    const known = new Set([...systems.map(({ name }) => name), ...Object.keys(groups)]);
    const used = new Set(['quarters', 'decay', 'eighths', 'short-keys']);
    for (const { systems: all, small: some = [], dtypes = [], draws: own = {}, flags } of probes) {
      for (const name of [...all, ...some]) expect(known).toContain(name);
      for (const name of some)
        expect(all.flatMap((each) => groups[each] ?? each)).toEqual(expect.arrayContaining(groups[name] ?? [name]));
      for (const dtype of dtypes) expect(findPrecision(dtype)).toBeDefined();
      for (const draw of Object.values(own)) {
        expect(Object.keys(draws)).toContain(draw);
        used.add(draw);
      }
      expect(flags.length).toBeGreaterThan(0);
    }
    expect([...used].sort()).toEqual(Object.keys(draws).sort());
  });

  it('is filtered by dtype, system, flag and name, and refuses what there is not', () => {
    const bfloat16 = listCases({ dtypes: ['bfloat16'] });
    expect(bfloat16.length).toBeGreaterThan(100);
    expect(bfloat16.every(({ dtype }) => dtype === 'bfloat16')).toBe(true);
    expect(listCases({ systems: ['softmax'] }).every(({ system }) => system === 'softmax')).toBe(true);
    expect(listCases({ flags: ['packed', 'state'] }).length).toBeGreaterThan(0);
    for (const [argument, filter] of Object.entries({
      version: { version: latestVersion() + 1 },
      dtypes: { dtypes: ['float8'] },
      systems: { systems: ['mamba3'] },
      flags: { flags: ['nothing'] },
      names: { names: ['nobody'] },
    })) {
      expect(() => listCases(filter)).toThrow(expect.objectContaining({ argument }));
    }
  });
});

describe('a fixture', () => {
  it('has inputs that its dtype holds exactly', () => {
    for (const fixture of small.map(fixtureOf)) {
      const precision = findPrecision(fixture.header.dtype) as Precision;
      const formats: Record<string, Format> = Object.fromEntries(
        [precision.inputs, precision.state, precision.output].map((format) => [format.name, format]),
      );
      for (const { name, storage, shape, data } of fixture.tensors.filter(({ name }) =>
        /^(inputs|cotangents)/.test(name),
      )) {
        expect(isExactIn(formats[storage], tensor(data, shape)), `${fixture.header.name} ${name}`).toBe(true);
      }
    }
  });

  it('expects what our forms answer, each within its bounds, also of float64', async () => {
    for (const fixture of small.map(fixtureOf).filter((each) => !refused(each))) {
      for (const form of builtIn) {
        const { systems: known, structures } = form.abilities;
        if (!known.includes(fixture.header.system) || (fixture.header.structure && !structures)) continue;
        for (const { why } of judgeAnswer(fixture, await replyTo(fixture, form))) {
          expect(why, `${fixture.header.name} by ${form.name}`).toBeNull();
        }
      }
    }
  });

  it('that is refused is refused by the oracle for the same argument', () => {
    const bad = small.map(fixtureOf).filter(refused);
    expect(bad.length).toBeGreaterThanOrEqual(20);
    for (const fixture of bad) {
      const argument = fixture.header.error?.argument;
      const error = expect.objectContaining({ argument });
      expect(() => compute(askedCase(fixture)), fixture.header.name).toThrow(error);
      expect(() => compute(askedCase(fixture))).toThrow(InvalidInput);
    }
  });

  it('promises numbers: no bound is Infinity but where NaN may spread, and none is wider than the answers are large', () => {
    for (const fixture of small.map(fixtureOf).filter((each) => !refused(each))) {
      if (fixture.header.flags.includes('nan')) continue;
      const { data } = find(fixture, 'expected.o');
      const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      for (const bound of find(fixture, 'bounds.o').data) {
        expect(bound, fixture.header.name).toBeLessThan(largest === 0 ? 1e-30 : largest);
      }
    }
  });

  it('has other numbers in the same shapes for another seed', () => {
    const [entry] = listCases({ names: ['log-linear-mamba2.ordinary.float32'] });
    const [a, b] = [generateFixture(entry, 0), generateFixture(entry, 1)];
    expect(b.tensors.map(({ name, shape }) => [name, shape])).toEqual(
      a.tensors.map(({ name, shape }) => [name, shape]),
    );
    expect(find(b, 'inputs.q').data).not.toEqual(find(a, 'inputs.q').data);
    expect(generateFixture(entry, 0)).toEqual(a);
  });

  it('with NaN promises nothing of what may depend on it, and everything of the rest', () => {
    const later = byName('log-linear-mamba2.nan-in-later-tokens.float32');
    const { shape, data } = find(later, 'expected.o');
    const { data: bounds } = find(later, 'bounds.o');
    const row = shape[2] * shape[3];
    data.forEach((value, at) => {
      const isBefore = Math.floor(at / row) < 5;
      expect(Number.isFinite(value)).toBe(isBefore);
      expect(Number.isFinite(bounds[at])).toBe(isBefore);
    });
    const packed = byName('log-linear-mamba2.nan-in-another-sequence.float32');
    const finite = [...find(packed, 'expected.o').data].map(Number.isFinite);
    expect(finite.filter(Boolean).length).toBe((2 / 3) * finite.length);
    expect([...find(packed, 'expected.finalState').data].some(Number.isFinite)).toBe(true);
  });

  it('has no gradient where a decay is never read, however large it is', () => {
    for (const dtype of ['800', 'nan']) {
      const { data } = find(byName(`mamba2.shrunk-first-decay-of-${dtype}.float64`), 'expected.gradients.g');
      expect(data[0]).toBe(0);
    }
  });
});

describe('bytes', () => {
  const taken = [
    'exp',
    'expm1',
    'log',
    'log1p',
    'log2',
    'log10',
    'pow',
    'sin',
    'cos',
    'tan',
    'tanh',
    'sinh',
    'cosh',
    'atan',
    'atan2',
    'hypot',
    'cbrt',
    'asinh',
    'random',
  ] as const;
  afterEach(() => vi.restoreAllMocks());

  it('need nothing of Math that engines may choose for themselves', () => {
    const before = small.map(fixtureOf);
    for (const name of taken) {
      vi.spyOn(Math, name).mockImplementation(() => {
        throw new Error(`Math.${name} was asked`);
      });
    }
    expect(() => Math.exp(1)).toThrow('Math.exp was asked');
    // the truth of the last case is remembered; from the other end none of them is it
    expect(small.toReversed().map((entry) => generateFixture(entry))).toEqual(before.toReversed());
  });

  it('may use powers of two, which are exact', () => {
    let exact = 1;
    for (let k = 0; k < 1024; k++, exact *= 2) expect(2 ** k).toBe(exact);
    exact = 1;
    for (let k = 0; k >= -1074; k--, exact /= 2) expect(2 ** k).toBe(exact);
  });

  it('of bounds are rounded up to three digits', () => {
    expect([0, 1, 1.231, 1.23, 9.999, 5e-324, 1.5e-310, Infinity].map(roundUp)).toEqual([
      0,
      1,
      1.24,
      1.23,
      10,
      5e-324,
      1.5e-310,
      Infinity,
    ]);
    expect(roundUp(Number.NaN)).toBeNaN();
  });
});

/** Answers are what they were when a reply is made of them. */
it('a reply has the tensors of the answer', async () => {
  const fixture = byName('log-linear-mamba2.ordinary.float32');
  const reply = await replyTo(fixture, { ...builtIn[0], run: (c): Answer => compute(c) });
  expect('tensors' in reply && [...reply.tensors.keys()].sort()).toEqual(
    ['o', 'finalState', 'position', ...['q', 'k', 'v', 'g', 'lambda'].map((name) => `gradients.${name}`)].sort(),
  );
});
