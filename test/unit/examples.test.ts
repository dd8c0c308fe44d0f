/** Named examples: what once went wrong, kept for good. */
import { describe, expect, it } from 'vitest';
import type { Case, FormName } from '../../reference/case.ts';
import { parseCase } from '../../reference/case-json.ts';
import { compute } from '../../reference/operator.ts';
import { toDense } from '../../reference/tensor.ts';

const forms: FormName[] = ['masked', 'recurrent', 'chunked'];
const one = (...data: (number | string)[]) => ({ shape: [1, data.length, 1, 1], data });

describe.each(forms)('%s', (form) => {
  it.each(['800', '"NaN"', '"Infinity"'])(
    'the first decay decays nothing: g = %s leaves outputs and gradients alone',
    (g) => {
      const c: Case = parseCase(
        JSON.stringify({
          system: 'mamba2',
          form,
          chunkSize: 2,
          inputs: { q: one(1, 2), k: one(1, 2), v: one(1, 2), g: { shape: [1, 2, 1], data: [JSON.parse(g), -1] } },
          cotangents: { o: one(1, 1) },
        }),
      );
      const { o, gradients } = compute(c);
      expect([...o.data]).toEqual([1, 2 * Math.exp(-1) + 8]);
      expect(gradients?.g?.data[0]).toBe(0);
      for (const gradient of Object.values(gradients ?? {}))
        expect(toDense(gradient).every(Number.isFinite)).toBe(true);
    },
  );

  it('level scales that are never read may be NaN, also beside a state', () => {
    const c = parseCase(
      JSON.stringify({
        system: 'log-linear-linear',
        form,
        position: [0],
        inputs: {
          q: one(1),
          k: one(1),
          v: one(1),
          lambda: { shape: [1, 1, 1, 4], data: [1, 1, 1, 'NaN'] },
          initialState: { shape: [1, 1, 1, 1, 1], data: [0] },
        },
        cotangents: { o: one(1) },
      }),
    );
    const { o, gradients } = compute(c);
    expect([...o.data]).toEqual([1]);
    expect([...(gradients?.q?.data ?? [])]).toEqual([1]);
    expect([...(gradients?.lambda?.data ?? [])]).toEqual([1, 0, 0, 0]);
  });
});

it('softmax: a score of 10^12 is a weight of 1, not Infinity / Infinity', () => {
  const c = parseCase(JSON.stringify({ system: 'softmax', inputs: { q: one(1), k: one(1039382085632), v: one(3) } }));
  expect([...compute(c).o.data]).toEqual([3]);
});
