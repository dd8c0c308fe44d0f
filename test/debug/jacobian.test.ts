/** What single queries add to wrong gradients: which pairs are wrong, and what they hold. */
import { describe, expect, it } from 'vitest';
import { queriesOf } from '../../debug/probe/jacobian.ts';
import { probe } from '../../debug/probe/probe.ts';
import type { Probed } from '../../debug/probe/probed.ts';
import { mapTensor, scaleTensor, tensorBy, withInputs } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';
import { findPrecision, type Precision, roundTensor } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, tensor } from '../../reference/tensor.ts';
import { inPrecision } from '../mutants/in-precision.ts';
import { correctKernel } from '../mutants/trial.ts';
import { failureBy, makeCase, mutantNamed, type Wanted } from './failing.ts';

const SYSTEM = 'log-linear-mamba2';
const precisions = ['float64', 'float32'].map((name) => findPrecision(name) as Precision);

const probed = async (subject: Implementation, system: string, wanted: Wanted): Promise<Probed> =>
  probe(subject, await failureBy(subject, makeCase(system, { gradients: true, ...wanted }, subject.precision)));

/** A forward of ours with one gradient of its own, in a precision. */
function backward(
  name: InputName,
  change: (c: Case, gradient: Tensor, answer: Answer) => Tensor,
  precision: Precision = precisions[0],
): Implementation {
  return {
    ...builtIn[1],
    name: 'kernel',
    precision,
    run(c) {
      const answer = compute(c);
      const { gradients = {} } = answer;
      const right = gradients[name];
      const rounded = (value: Tensor): DenseTensor => roundTensor(precision.output, value);
      const all = Object.entries(gradients).map(([each, value]) => [
        each,
        rounded(each === name && right ? change(c, right, answer) : value),
      ]);
      return { ...answer, o: rounded(answer.o), gradients: Object.fromEntries(all) };
    },
  };
}

const packed: Wanted = { T: 16, cuSeqlens: [0, 5, 9, 16] };

/** Mutant, case, gradient, and what is said of its Jacobian. */
const mutants: [name: string, wanted: Wanted, of: InputName, words: RegExp][] = [
  ['dg-shifted-by-one', {}, 'g', /they hold what is right one position earlier$/m],
  ['gradients-accumulate', {}, 'k', /wrong: everywhere.*they hold the right value plus (1|0\.5)$/m],
  ['partial-chunk-without-gradient', {}, 'k', /wrong: keys 8 to 9, keys in the last partial chunk \(C = 4\).*hold 0$/m],
  ['partial-chunk-without-gradient', {}, 'v', /wrong: keys 8 to 9, keys in the last partial chunk \(C = 4\).*hold 0$/m],
  ['dv-before-its-time', {}, 'v', /query 0 adds to the gradient of v at position 9, which is after it$/m],
  ['cu-seqlens-ignored-in-backward', packed, 'v', /wrong: keys of other sequences/],
  ['heads-leak-in-backward', {}, 'g', /they hold the sum over the heads$/m],
  ['dq-without-scale', { scale: 0.5 }, 'q', /they hold 2 times the right value \(scale is missing\)$/m],
  ['retention-gradient-averaged', {}, 'g', /what every query adds to the gradient of g is wrong; it holds 0\.1 times/],
  [
    'dstate-missing',
    { state: true },
    'initialState',
    /every query adds to the gradient of initialState .*it holds 0$/m,
  ],
];

describe.each(precisions)('in $name', (precision) => {
  it.each(mutants)('%s, case %j: the gradient of %s', async (name, wanted, of, words) => {
    const mutant = mutantNamed(name);
    const subject = inPrecision(mutant, precision, correctKernel(precision, mutant));
    const { jacobians } = await probed(subject, mutant.system, wanted);
    const found = jacobians.find((each) => each.name === of);
    expect(found?.sentences.join('\n')).toMatch(words);
  });

  it('query and position exchanged', async () => {
    const exchanged = backward(
      'v',
      (c, dv) => {
        // dv = P dO in place of P^T dO
        const { o } = c.cotangents as { o: Tensor };
        const { v } = c.inputs as { v: Tensor };
        const column = (s: number): Tensor => {
          const one = tensorBy(v.shape, ([, t]) => (t === s ? 1 : 0));
          return compute({ ...withInputs(c, { v: one }), cotangents: undefined }).o;
        };
        const columns = Array.from({ length: v.shape[1] }, (_, s) => column(s));
        return mapTensor(dv, (_, [b, s, h, j]) =>
          columns.reduce((sum, P, t) => sum + P.get(b, s, h, 0) * o.get(b, t, h, j), 0),
        );
      },
      precision,
    );
    const { jacobians } = await probed(exchanged, SYSTEM, { T: 9, H: 1 });
    expect(jacobians[0].sentences.join('\n')).toContain('what is right with query and position exchanged');
  });

  it('one head alone', async () => {
    const one = backward('v', (_, dv) => mapTensor(dv, (value, [, , h]) => (h === 1 ? 0 : value)), precision);
    const { jacobians } = await probed(one, SYSTEM, { T: 9, H: 3 });
    expect(jacobians.map(({ head }) => head)).toEqual([1]);
    expect(jacobians[0].sentences[0]).toMatch(/row 0, head 1, 45 entries are wrong: .*; they hold 0$/);
  });

  it('a backward that is right has none, nor has one that follows a wrong forward', async () => {
    const mutant = mutantNamed('dg-shifted-by-one');
    const right = await probed(correctKernel(precision, mutant), SYSTEM, { T: 11 });
    expect([right.jacobians, right.gradients]).toEqual([[], []]);
    // differences of the forward tell that in float64 alone
    if (precision !== precisions[0]) return;
    const scale = mutantNamed('scale-missing');
    const { jacobians, gradients } = await probed(scale.implementation, scale.system, { T: 8, scale: 0.5 });
    expect(gradients.map(({ kind }) => kind)).toEqual(gradients.map(() => 'forward'));
    expect(jacobians).toEqual([]);
  });
});

/** Gradients of another computation, which is then named. */
const others: [words: string, name: InputName, change: (c: Case) => Case][] = [
  [
    'what is right with every level scale 1',
    'k',
    (c) => withInputs(c, { lambda: mapTensor(c.inputs.lambda as Tensor, () => 1) }),
  ],
  [
    'what is right with every level scale 1',
    'q',
    (c) => withInputs(c, { lambda: mapTensor(c.inputs.lambda as Tensor, () => 1) }),
  ],
  ['what is right without any decay', 'k', (c) => withInputs(c, { g: scaleTensor(c.inputs.g as Tensor, 0) })],
  ['2 times the right value (scale is missing)', 'k', (c) => ({ ...c, scale: 1 })],
];

describe('what wrong gradients are the right ones of', () => {
  it.each(others)('%s: the gradient of %s', async (words, name, change) => {
    const subject = backward(name, (c, right) => compute(change(c)).gradients?.[name] ?? right);
    const { gradients } = await probed(subject, SYSTEM, { T: 9, scale: 0.5 });
    expect(gradients.map((each) => each.name)).toEqual([name]);
    expect(gradients[0].sentence).toContain(`wrong elements hold ${words}`);
  });

  it('the gradient of g without its sum over positions', async () => {
    const subject = backward('g', (_, dg) =>
      mapTensor(dg, (value, [b, t, h]) => value - (t + 1 < dg.shape[1] ? dg.get(b, t + 1, h) : 0)),
    );
    const { gradients } = await probed(subject, SYSTEM, { T: 9 });
    expect(gradients[0].sentence).toContain('a sum over positions is missing');
  });

  it('the gradient of g with the products of its own key', async () => {
    const subject = backward('g', (c, dg, answer) => {
      const [v, dv] = [c.inputs.v as Tensor, answer.gradients?.v as Tensor];
      return mapTensor(dg, (value, [b, t, h]) => {
        let sum = value;
        for (let j = 0; j < v.shape[3]; j++) sum += v.get(b, t, h, j) * dv.get(b, t, h, j);
        return sum;
      });
    });
    const { gradients } = await probed(subject, SYSTEM, { T: 9 });
    expect(gradients[0].sentence).toContain('the products whose key is the position itself');
  });
});

describe('what it costs', () => {
  it('few queries of many, with edges of chunks among them', () => {
    expect(queriesOf(5, 4, 48)).toEqual([0, 1, 2, 3, 4]);
    const some = queriesOf(200, 64, 12);
    expect(some).toHaveLength(12);
    for (const t of [0, 63, 64, 127, 128, 199]) expect(some).toContain(t);
  });

  it('is bounded at 200 positions', async () => {
    let asked = 0;
    const wrong = backward('k', (_, dk) => scaleTensor(dk, 2));
    const subject: Implementation = {
      ...wrong,
      run(c) {
        if (c.cotangents) asked++;
        return wrong.run(c);
      },
    };
    const { jacobians } = await probed(subject, SYSTEM, { T: 200, H: 1, K: 4, V: 4, C: 64 });
    expect(jacobians[0].sentences.join('\n')).toContain('2 times the right value');
    expect(asked).toBeLessThan(60);
  });

  it('without positions nothing is asked', async () => {
    const wrong = backward('k', () => tensor(new Float64Array(0), [1, 0, 1, 3]));
    expect((await probed(wrong, SYSTEM, { T: 0 })).jacobians).toEqual([]);
  });
});
