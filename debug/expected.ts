/** What is right for a case, and how far off a correct implementation may be. */
import type { Fixture, FixtureTensor } from '../fixtures/fixture.ts';
import { byName } from '../properties/errors/by-element.ts';
import { outputsOf } from '../properties/outputs.ts';
import type { Precision } from '../properties/precision.ts';
import { boundsOf } from '../properties/tolerance.ts';
import { type Parts, partsOf, truthOf } from '../properties/truth.ts';
import type { Case } from '../reference/case.ts';
import { findSystem } from '../reference/systems/registry.ts';
import { axesOf, type InputName } from '../reference/systems/system.ts';
import { elements } from '../reference/tensor.ts';
import type { Expected } from './failure.ts';

type ExpectedTensor = Expected['tensors'] extends ReadonlyMap<string, infer One> ? One : never;

const bits = new DataView(new ArrayBuffer(8));

/** Half a unit in the last place of a float64; 0 for what is exact as it stands. */
function halfAnUlp(value: number): number {
  if (value === 0 || !Number.isFinite(value)) return 0;
  bits.setFloat64(0, Math.abs(value));
  bits.setBigUint64(0, bits.getBigUint64(0) + 1n);
  const ulp = bits.getFloat64(0) - Math.abs(value);
  return Number.isFinite(ulp) ? ulp / 2 : 2 ** 970;
}

/** The two parts rounded once, which the bound then has to allow for. */
const rounded = ({ hi, lo }: Parts, bound: Float64Array): Pick<ExpectedTensor, 'data' | 'bound'> => ({
  data: hi.map((value, i) => (Number.isFinite(value) ? value + lo[i] : value)),
  bound: bound.map((each, i) => (lo[i] === 0 ? each : each + halfAnUlp(hi[i]))),
});

/**
 * The truth of a case in double-double, rounded once, with the bounds of the precision. Where an implementation has chunks of its
 * own, the case has to say so: they are part of what it may lose.
 * @throws InvalidInput where `compute` does
 */
export function expectedOf(c: Case, precision: Precision): Expected {
  const truth = truthOf(c);
  const bounds = boundsOf(c, precision);
  const tensors = [...outputsOf(c)].map(([path, { name, axes, shape }]): [string, ExpectedTensor] => [
    path,
    { axes, shape, ...rounded(partsOf(truth, name), byName(bounds, name)) },
  ]);
  return { tensors: new Map(tensors) };
}

const EXPECTED = 'expected.';

/** What a fixture says is right, by the bounds that it brings; an element without a bound has to be equal. */
export function expectedFromFixture({ header, tensors: all }: Fixture): Expected {
  const recurrence = findSystem(header.system)?.recurrence ?? null;
  const byTensorName = new Map<string, FixtureTensor>(all.map((each) => [each.name, each]));
  const tensors = new Map<string, ExpectedTensor>();
  for (const { name: full, shape, data } of all) {
    if (!full.startsWith(EXPECTED) || full === 'expected.position') continue;
    const name = full.slice(EXPECTED.length);
    const letters = { o: 'BTHV', finalState: 'nHLKV' }[name] ?? axesOf(recurrence, name.slice(10) as InputName);
    const bound = byTensorName.get(`bounds.${name}`)?.data ?? new Float64Array(elements(shape));
    tensors.set(name, { axes: letters, shape: [...shape], data, bound });
  }
  return { tensors };
}
