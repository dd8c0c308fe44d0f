/** What tells a bug from what is right: with gradients by autograd, and in low precision. */
import { describe, expect, it } from 'vitest';
import { probeCases } from '../../debug/diagnose/cases.ts';
import { diagnose } from '../../debug/diagnose/diagnose.ts';
import { tells } from '../../debug/diagnose/outputs.ts';
import { rightFor } from '../../debug/diagnose/right.ts';
import { createMemory } from '../../debug/diagnose/trial.ts';
import { dictionaryFor } from '../../debug/dictionary/entries.ts';
import { inputNames, withInputs } from '../../properties/edit.ts';
import { differentiate } from '../../properties/finite-differences.ts';
import type { Implementation } from '../../properties/law.ts';
import { findPrecision, type Precision, roundTo } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { emulated, variants } from '../emulated/implementations.ts';
import { failureOn } from './blind.ts';
import { makeCase, mutantNamed } from './failing.ts';

const SYSTEM = 'log-linear-mamba2';
const memory = createMemory();
const precision = (name: string): Precision => findPrecision(name) as Precision;

const inner = (a: Tensor, b: Tensor): number => {
  const [x, y] = [toDense(a), toDense(b)];
  return x.reduce((sum, value, at) => sum + value * y[at], 0);
};

const rounded = (value: Tensor, p: Precision): Answer['o'] =>
  tensor(
    toDense(value).map((each) => roundTo(p.output, each)),
    [...value.shape],
  );

/** A kernel in float32 with the forward of a known bug, and the gradients of that forward, as autograd would give them. */
function autograd(name: string): Implementation {
  const { implementation } = mutantNamed(name);
  const p = precision('float32');
  const forward = (c: Case): Answer => implementation.run({ ...c, cotangents: undefined }) as Answer;
  return {
    ...implementation,
    name: 'kernel',
    precision: p,
    abilities: { ...implementation.abilities, state: false, packed: false, groups: false, views: false },
    async run(c) {
      const answer = forward(c);
      const given: Answer = { ...answer, o: rounded(answer.o, p), finalState: undefined };
      if (!c.cotangents) return given;
      const { o: dO } = c.cotangents;
      given.gradients = {};
      for (const input of inputNames(c)) {
        const value = c.inputs[input] as Tensor;
        const gradient = new Float64Array(value.size);
        for (let at = 0; at < gradient.length; at++) {
          const moved = async (h: number): Promise<number> => {
            const data = toDense(value);
            data[at] += h;
            return inner(forward(withInputs(c, { [input]: tensor(data, [...value.shape]) })).o, dO);
          };
          gradient[at] = (await differentiate(moved, 2 ** -50, 2 ** -6)).value;
        }
        given.gradients[input] = rounded(tensor(gradient, [...value.shape]), p);
      }
      return given;
    },
  };
}

describe('gradients by autograd of a wrong forward', () => {
  it.each(['own-token-missing', 'lambda-of-the-key'])('%s is named, and that they are of it', async (name) => {
    const subject = autograd(name);
    const c = makeCase(SYSTEM, { T: 5, H: 1, K: 2, V: 2, gradients: true }, subject.precision);
    // few tokens are enough, and each costs many forwards
    const few = {
      ...subject,
      abilities: { ...subject.abilities, limits: { T: { max: 9 }, K: { max: 2 }, V: { max: 2 }, H: { max: 2 } } },
    };
    const { causes, forward, text } = await diagnose(few, await failureOn(few, c), { memory });
    expect(causes.map(({ names, gradients }) => [names, gradients])).toEqual([[[name], 'follow']]);
    expect(forward).toEqual([]);
    expect(text[0]).toContain('your gradients are those of that forward');
  });
});

describe('what tells a bug from what is right', () => {
  it.each(['float32', 'bfloat16', 'float16'])(
    'no correct answer in %s agrees with an entry that tells',
    async (name) => {
      const p = precision(name);
      const kernel = emulated(p, variants[0]);
      for (const question of probeCases(SYSTEM, kernel).slice(0, 12)) {
        const right = await rightFor(question, kernel);
        for (const { name: entry, implementation, change } of dictionaryFor(SYSTEM)) {
          if (change.remembers) continue;
          const wrong = toMap((await implementation.run(question.c)) as Answer);
          for (const output of ['o', 'finalState']) {
            if (!tells(wrong, right, p, output)) continue;
            // as far towards the bug as a correct answer may be
            const [values, bounds] = [right.values.get(output), right.bounds.get(output)] as Float64Array[];
            const other = wrong.get(output) as Float64Array;
            const nearest = values.map((each, i) => each + Math.sign(other[i] - each) * bounds[i]);
            const subject = new Map([[output, nearest]]);
            const { distance } = await import('../../debug/diagnose/outputs.ts');
            expect(distance(subject, wrong, right, p, output), `${entry} ${question.name}`).toBeGreaterThan(1);
          }
        }
      }
    },
  );

  it('a correct forward in bfloat16 is not accused for a wrong gradient', async () => {
    const kernel = emulated(precision('bfloat16'), variants[0]);
    const subject: Implementation = {
      ...kernel,
      async run(c) {
        const answer = await kernel.run(c);
        const dv = answer.gradients?.v;
        if (dv) for (let i = 0; i < dv.data.length; i++) dv.data[i] *= 1.5;
        return answer;
      },
    };
    const c = makeCase(SYSTEM, { T: 7, gradients: true }, subject.precision);
    const { causes, forward, nearest } = await diagnose(subject, await failureOn(subject, c), { memory, pairs: false });
    expect([causes, forward, nearest]).toEqual([[], [], []]);
  });
});

const toMap = (answer: Answer): Map<string, Float64Array> =>
  new Map([
    ['o', toDense(answer.o)],
    ...(answer.finalState ? [['finalState', toDense(answer.finalState)] as const] : []),
  ]);
