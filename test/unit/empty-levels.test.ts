import { describe, expect, it } from 'vitest';
import { fill } from '../../properties/arbitraries/cases.ts';
import { styles } from '../../properties/arbitraries/values.ts';
import { concat, inputNames, mapTensor, withInputs } from '../../properties/edit.ts';
import type { Case, FormName } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { type DenseTensor, type Tensor, toDense } from '../../reference/tensor.ts';

/** A named example: a level scale of NaN, at a level that a short state does not have and T never reaches, must stay unread. */
describe.each<FormName>(['masked', 'recurrent', 'chunked'])('levels that hold nothing are not read: %s', (form) => {
  const [B, T, H, K, V] = [1, 5, 1, 2, 2];
  const random = (name: string, shape: number[]): DenseTensor => fill(3, name, shape, styles.v[1]);
  const c: Case = {
    system: 'log-linear-gated-deltanet',
    form,
    chunkSize: 2,
    position: [3],
    inputs: {
      q: random('q', [B, T, H, K]),
      k: random('k', [B, T, H, K]),
      v: random('v', [B, T, H, V]),
      g: fill(3, 'g', [B, T, H], styles.g[2]),
      beta: fill(3, 'beta', [B, T, H], styles.beta[2]),
      lambda: random('lambda', [B, T, H, 4]),
      // three positions seen: level 0 holds position 2, level 2 holds 0 and 1, level 1 is empty
      initialState: mapTensor(random('state', [1, H, 3, K, V]), (value, index) => (index[2] === 1 ? 0 : value)),
    },
    cotangents: { o: random('o', [B, T, H, V]) },
  };
  const poisoned = withInputs(c, {
    lambda: concat([c.inputs.lambda as Tensor, mapTensor(random('x', [B, T, H, 2]), () => Number.NaN)], 3),
  });

  it('outputs and gradients are what they are without the poison', () => {
    const [clean, answer] = [compute(c), compute(poisoned)];
    expect(toDense(answer.o)).toEqual(toDense(clean.o));
    for (const name of inputNames(c).filter((each) => each !== 'lambda')) {
      expect(toDense(answer.gradients?.[name] as Tensor)).toEqual(toDense(clean.gradients?.[name] as Tensor));
    }
    const dLambda = mapTensor(answer.gradients?.lambda as Tensor, (value, [, , , l]) => (l < 4 ? 0 : value));
    expect(toDense(dLambda).every((value) => value === 0)).toBe(true);
  });
});
