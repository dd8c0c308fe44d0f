/** Gated linear attention on a device, against the oracle, within the bounds derived for float32. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { computeOn } from '../../gpu/compute.ts';
import { Device } from '../../gpu/device.ts';
import { cases } from '../../properties/arbitraries/cases.ts';
import { compare } from '../../properties/compare.ts';
import type { Worst } from '../../properties/law.ts';
import { boundFor, tensorsOf } from '../../properties/laws/common.ts';
import { findPrecision, type Precision, roundCase } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import type { DenseTensor } from '../../reference/tensor.ts';
import { goodCase, type Sizes, withCotangents } from './good-case.ts';

const float32 = findPrecision('float32') as Precision;
let device: Device;
beforeAll(async () => {
  device = await Device.open('webasm');
});
afterAll(() => device.close());

/** What is further from the oracle than its bound, in any output or gradient. */
async function wrong(c: Case): Promise<Worst[]> {
  const given = tensorsOf(await computeOn(device, c));
  const bounds = boundsOf(c, float32);
  return [...tensorsOf(compute(c))]
    .map(([name, value]) => compare(name, given.get(name) as DenseTensor, value, boundFor(bounds, name)))
    .filter(({ ratio }) => !(ratio <= 1));
}

const logLinear = (sizes: Sizes, more: Partial<Case>, system = 'log-linear-gla'): Case =>
  roundCase(withCotangents(goodCase(system, sizes, more), sizes), float32);

/** The case with other log decays at every so many elements. */
function withDecays(c: Case, every: number, value: number): Case {
  const g = c.inputs.g as DenseTensor;
  for (let i = 1; i < g.data.length; i += every) g.data[i] = value;
  return c;
}

const long: Sizes = { T: 21, G: 2, H: 4, L: 6 };
const continued = { chunkSize: 4, position: [5], scale: 0.5 };

describe('gated linear attention on webasm', () => {
  const examples: [string, Case][] = [
    ['no tokens but a state', logLinear({ T: 0, stateLevels: 3, L: 3 }, { position: [3] })],
    ['one chunk that is not full', logLinear({}, { chunkSize: 64 })],
    ['chunks of one token', logLinear({ T: 9, L: 5 }, { chunkSize: 1 })],
    ['many chunks, heads in groups', logLinear(long, { chunkSize: 2 })],
    ['a state that comes in within a chunk', logLinear({ ...long, stateLevels: 6 }, continued)],
    ['a state of fewer levels', logLinear({ ...long, stateLevels: 4 }, continued)],
    ['a flat system with a state', logLinear({ ...long, L: 1, stateLevels: 1 }, continued, 'gla')],
    [
      'packed sequences, one of them empty',
      logLinear({ T: 19, n: 3, L: 6, stateLevels: 6 }, { chunkSize: 4, cuSeqlens: [0, 6, 6, 19], position: [0, 2, 9] }),
    ],
    ['batch rows', logLinear({ B: 2, T: 7, L: 5, stateLevels: 4 }, { chunkSize: 2, position: [3, 0] })],
    ['resets of some channels', withDecays(logLinear({ ...long, stateLevels: 6 }, continued), 11, -Infinity)],
    ['channels that grow', withDecays(logLinear({ ...long, stateLevels: 6 }, continued), 5, 3)],
    ['channels that rise and fall', withDecays(withDecays(logLinear(long, { chunkSize: 4 }), 5, 20), 7, -30)],
  ];
  it.each(examples)('%s', async (_name, c) => {
    expect(await wrong(c)).toEqual([]);
  });

  it.each(['gla', 'log-linear-gla'])('drawn cases of %s', async (name) => {
    const abilities = {
      systems: [name],
      gradients: true,
      state: true,
      packed: true,
      groups: true,
      structures: false,
      chunkSizes: true,
      views: true,
    };
    const wish = { maxT: 40, maxChannels: 8, gradients: true, state: 'sometimes', packed: 'sometimes' } as const;
    const drawn = cases(findSystem(name) as System, abilities, wish, float32);
    for (const c of fc.sample(drawn, { numRuns: 8, seed: 5 })) expect(await wrong(c)).toEqual([]);
  });

  it('reads no token that comes later', async () => {
    const { cotangents: _, ...c } = logLinear(long, { chunkSize: 8 });
    const before = await computeOn(device, c);
    const from = 11;
    const T = long.T as number;
    for (const tensor of Object.values(c.inputs) as DenseTensor[]) {
      tensor.data.fill(Number.NaN, (tensor.data.length / T) * from);
    }
    const after = await computeOn(device, c);
    const kept = (before.o.data.length / T) * from;
    expect(after.o.data.slice(0, kept)).toEqual(before.o.data.slice(0, kept));
    expect(after.o.data.slice(kept).every(Number.isNaN)).toBe(true);
  });
});
