/** What the laws of causality disturb, what they leave, and what they see. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axes, inputNames, mapTensor, sizesOf } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation, Law } from '../../properties/law.ts';
import { causality } from '../../properties/laws/causality.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, toDense } from '../../reference/tensor.ts';

const [masked] = builtIn;

/** What a law draws beside the case: a position, or the number of a part. */
interface Drawn {
  c: Case;
  t?: number;
  i?: number;
}
type Index = readonly number[];

/** Whether an entry belongs to the disturbed part; of an output's or a cotangent's letters too. */
function isInside(law: Law, { c, t = 0, i = 0 }: Drawn, letters: string, index: Index): boolean {
  const { T, B, G, H, n } = sizesOf(c);
  const at = (letter: string): number => index[letters.indexOf(letter)];
  if (law.name.startsWith('causal')) return letters.includes('T') && at('T') > t % (T - 1);
  if (law.name.includes('rows')) return (letters.startsWith('B') || letters.startsWith('n')) && index[0] === i % B;
  if (law.name.includes('heads')) return letters.includes('H') ? at('H') === i % H : G === H && at('G') === i % H;
  if (letters.startsWith('n')) return index[0] === i % n;
  const [start, end] = (c.cuSeqlens as number[]).slice(i % n);
  return letters.includes('T') && at('T') >= start && at('T') < end;
}

const sample = (law: Law, system: string, count: number): Drawn[] => {
  const draws = fc.sample(law.draw(findSystem(system) as System, masked), { seed: 6, numRuns: 12 * count }) as Drawn[];
  const small = draws.filter(({ c }) => sizesOf(c).T < 20 && sizesOf(c).K * sizesOf(c).V < 60);
  // a head that has its group to itself, and one that has not
  const own = small.filter(({ c }) => sizesOf(c).G === sizesOf(c).H);
  return [...own.slice(0, count / 2), ...small.filter((each) => !own.includes(each)), ...own].slice(0, count);
};

/** A subject, and the cases that it was asked about. */
function recording(change: (answer: Answer, call: number) => Answer = (answer) => answer) {
  const asked: Case[] = [];
  const subject: Implementation = {
    ...masked,
    run(c) {
      asked.push(c);
      return change(masked.run(c) as Answer, asked.length);
    },
  };
  return { asked, subject };
}

const shifted = (value: Tensor | undefined): DenseTensor | undefined => value && mapTensor(value, (entry) => entry + 1);
const SYSTEMS = ['log-linear-kimi-delta', 'retention', 'softmax'];
const forward = causality.filter(({ name }) => !name.endsWith('backward'));
const backward = causality.filter(({ name }) => name.endsWith('backward'));

describe.each(forward.map((law) => [law.name, law] as const))('%s', (name, law) => {
  const poison = !['causal-forward', 'isolated-packed-sequences'].includes(name);

  it.each(SYSTEMS)('disturbs the whole part and nothing else: %s', async (system) => {
    const kinds = new Set<string>();
    for (const drawn of sample(law, system, 6)) {
      const { asked, subject } = recording();
      expect((await law.check(subject, drawn)).holds).toBe(true);
      expect(asked).toHaveLength(2);
      for (const input of inputNames(drawn.c)) {
        const [before, after] = asked.map(({ inputs }) => toDense(inputs[input] as Tensor));
        const letters = axes(drawn.c, input);
        let at = 0;
        mapTensor(drawn.c.inputs[input] as Tensor, (value, index) => {
          const [was, is] = [before[at], after[at++]];
          const inside = isInside(law, drawn, letters, index);
          const right = inside ? Number.isFinite(is) !== poison : Object.is(is, value);
          if (!right || !Object.is(was, value)) expect.fail(`${input} at ${index}: ${was} became ${is}`);
          if (inside) kinds.add(poison ? `${is}` : `${input === 'g' ? 'decay' : 'other'} ${Math.sign(is)}`);
          return value;
        });
      }
    }
    if (poison) expect(kinds).toEqual(new Set(['NaN', 'Infinity', '-Infinity']));
    else {
      expect(kinds).not.toContain('decay 1');
      for (const sign of ['other 1', 'other -1']) expect(kinds).toContain(sign);
    }
  });

  it.each(SYSTEMS)('disturbs each input in its own way: %s', async (system) => {
    const [q, k]: number[][] = [[], []];
    for (const drawn of sample(law, system, 6)) {
      const { asked, subject } = recording();
      await law.check(subject, drawn);
      const inputs = asked[1].inputs as Record<InputName, Tensor>;
      mapTensor(inputs.q, (value, index) => {
        if (isInside(law, drawn, 'BTGK', index)) q.push(value);
        if (isInside(law, drawn, 'BTGK', index)) k.push(inputs.k.get(...index));
        return value;
      });
    }
    expect(q.length).toBeGreaterThan(0);
    expect(q).not.toEqual(k);
  });

  it.each(SYSTEMS)('sees an output, or a state, that moves with it: %s', async (system) => {
    for (const drawn of sample(law, system, 6)) {
      // a part of whose kind there is but one leaves nothing to compare
      const others = mapTensor(drawn.c.inputs.v as Tensor, (_, index) => (isInside(law, drawn, 'BTHV', index) ? 0 : 1));
      const outputs = recording((answer, call) =>
        call === 2 ? { ...answer, o: shifted(answer.o) as DenseTensor } : answer,
      );
      const verdict = await law.check(outputs.subject, drawn);
      expect(verdict.holds).toBe(!toDense(others).includes(1));
      if (!verdict.holds) expect(verdict.worst?.name).toBe('o');
      if (name.startsWith('causal') || system === 'softmax') continue;
      const states = recording((answer, call) =>
        call === 2 ? { ...answer, finalState: shifted(answer.finalState) as DenseTensor } : answer,
      );
      const { n, H } = sizesOf(drawn.c);
      const parts = name.includes('heads') ? H : n;
      const seen = await law.check(states.subject, drawn);
      expect(seen.holds).toBe(parts === 1);
      if (parts > 1) expect(seen.worst?.name).toBe('finalState');
    }
  });
});

describe.each(backward.map((law) => [law.name, law] as const))('%s', (_, law) => {
  it.each(SYSTEMS)('keeps the cotangents outside of the part and no others: %s', async (system) => {
    for (const drawn of sample(law, system, 6)) {
      const { asked, subject } = recording();
      expect((await law.check(subject, drawn)).holds).toBe(true);
      const isCausal = law.name.startsWith('causal');
      const given = drawn.c.cotangents as NonNullable<Case['cotangents']>;
      const cut = asked[0].cotangents as NonNullable<Case['cotangents']>;
      const kept = mapTensor(given.o, (value, index) => (isInside(law, drawn, 'BTHV', index) ? 0 : value));
      expect([...toDense(cut.o)]).toEqual([...toDense(kept)]);
      expect(cut.finalState === undefined).toBe(given.finalState === undefined);
      if (!given.finalState || !cut.finalState) continue;
      // every token reaches the final state
      const states = mapTensor(given.finalState, (value, index) =>
        isCausal || isInside(law, drawn, 'nHLKV', index) ? 0 : value,
      );
      expect([...toDense(cut.finalState)]).toEqual([...toDense(states)]);
    }
  });

  it.each(SYSTEMS)('sees a gradient in the part, by name, and takes zeros of either sign: %s', async (system) => {
    for (const drawn of sample(law, system, 4)) {
      for (const input of inputNames(drawn.c)) {
        const filledWith = (fill: number) =>
          recording((answer) => {
            const gradient = mapTensor(answer.gradients?.[input] as Tensor, () => fill);
            return { ...answer, gradients: { ...answer.gradients, [input]: gradient } };
          }).subject;
        const letters = axes(drawn.c, input);
        let touched = false;
        mapTensor(drawn.c.inputs[input] as Tensor, (value, index) => {
          touched ||= isInside(law, drawn, letters, index);
          return value;
        });
        const verdict = await law.check(filledWith(1), drawn);
        expect(verdict.holds, input).toBe(!touched);
        if (touched) expect(verdict.worst?.name).toBe(`gradients.${input}`);
        expect((await law.check(filledWith(-0), drawn)).holds).toBe(true);
      }
    }
  });
});
