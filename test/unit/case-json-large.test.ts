import ndarray from 'ndarray';
import { expect, it } from 'vitest';
import type { Case } from '../../reference/case.ts';
import { caseToJson, jsonText, parseCase } from '../../reference/case-json.ts';
import type { Tensor } from '../../reference/tensor.ts';

it('a million numbers go out and come back, fast', () => {
  const data = Float64Array.from({ length: 1e6 }, (_, i) => (i % 1000 === 0 ? -0 : Math.sin(i)));
  const c: Case = { system: 'linear', inputs: { q: ndarray(data, [1, 1000, 10, 100]) } };
  const back = parseCase(jsonText(caseToJson(c))).inputs.q as Tensor;
  expect(Buffer.compare(Buffer.from((back.data as Float64Array).buffer), Buffer.from(data.buffer))).toBe(0);
});
