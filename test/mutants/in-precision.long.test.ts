import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mutants } from '../../debug/dictionary/all.ts';
import type { Mutant } from '../../debug/dictionary/mutant.ts';
import { findPrecision, isExactIn, type Precision } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { tensor, toDense } from '../../reference/tensor.ts';
import type { Detection } from '../calibration/detection-rates.ts';
import { inPrecision } from './in-precision.ts';
import { onlyFloat64 } from './only-float64.ts';
import judgeGroup, { correctKernel } from './trial.ts';

const recorded = (
  JSON.parse(readFileSync(new URL('../../docs/detection.json', import.meta.url), 'utf8')) as { mutants: Detection[] }
).mutants;

/** The law that has been measured to see it best, and as many cases as let it pass with one part in a million; else its control. */
function planOf({ name, control }: Mutant, precision: string): { law: string; count: number } {
  const best = recorded.find((each) => each.name === name && each.precision === precision);
  if (!best || best.p === 0) return { law: control, count: 200 };
  // rates from few cases are rough
  return { law: best.law, count: Math.max(40, Math.ceil(Math.log(1e-6) / Math.log1p(-Math.min(best.p, 0.999)))) };
}

describe.each(['float32', 'bfloat16'])('in %s', (precision) => {
  const listed = onlyFloat64[precision];
  it.each(mutants.filter(({ name }) => !(name in listed)))('$name is rejected', async (mutant) => {
    const { law, count } = planOf(mutant, precision);
    const trial = { precision, law, mutants: [mutant.name], seed: 7, from: 0, count, stop: true };
    expect((await judgeGroup(trial)).rejected[mutant.name]).toHaveLength(1);
  });

  it('every listed mutant is one of ours', () => {
    const names = mutants.map(({ name }) => name);
    expect(Object.keys(listed).filter((name) => !names.includes(name))).toEqual([]);
  });
});

describe('the bug on top of the rounding', () => {
  const bfloat16 = findPrecision('bfloat16') as Precision;
  const T = 5;
  const values = (...shape: number[]) => {
    const size = shape.reduce((product, length) => product * length);
    return tensor(
      Float64Array.from({ length: size }, (_, i) => ((i * 37) % 19) / 16 - 0.5),
      shape,
    );
  };
  const c: Case = {
    system: 'linear',
    inputs: { q: values(1, T, 1, 3), k: values(1, T, 1, 3), v: values(1, T, 1, 2) },
    cotangents: { o: values(1, T, 1, 2) },
  };
  const mutant = mutants.find(({ name }) => name === 'rows-past-the-end-are-read') as Mutant;
  const kernel = correctKernel(bfloat16, mutant);

  it('is in the formats of the precision, and the kernel to the bit where nothing is wrong', async () => {
    const wrong = (await inPrecision(mutant, bfloat16, kernel).run(c)) as Answer;
    const right = (await kernel.run(c)) as Answer;
    expect(isExactIn(bfloat16.output, wrong.o)).toBe(true);
    // the last of five tokens alone is read twice
    const last = (T - 1) * 2;
    expect(toDense(wrong.o).subarray(0, last)).toEqual(toDense(right.o).subarray(0, last));
    expect(toDense(wrong.o).subarray(last)).not.toEqual(toDense(right.o).subarray(last));
    expect(wrong.gradients).toEqual(right.gradients);
  });

  it('is NaN where the mutant is, and the mutant itself in float64', async () => {
    const poisoned = { ...mutant, implementation: { ...mutant.implementation, run: (x: Case) => withNaN(compute(x)) } };
    const { o } = (await inPrecision(poisoned, bfloat16, kernel).run(c)) as Answer;
    expect(o.data[0]).toBeNaN();
    const double = findPrecision('float64') as Precision;
    expect(inPrecision(mutant, double, kernel)).toBe(mutant.implementation);
  });
});

function withNaN(answer: Answer): Answer {
  answer.o.data[0] = Number.NaN;
  return answer;
}
