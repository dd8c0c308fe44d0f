/** DeltaNet and Gated DeltaNet on a device, against the oracle, within the bounds derived for float32. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucketPlanOf } from '../../gpu/bucket-plan.ts';
import { computeOn } from '../../gpu/compute.ts';
import { Device } from '../../gpu/device.ts';
import type { HostData } from '../../gpu/kernel.ts';
import { planOf } from '../../gpu/plan.ts';
import { compare } from '../../properties/compare.ts';
import { boundFor, tensorsOf } from '../../properties/laws/common.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import { checkCase } from '../../reference/shapes.ts';
import type { DenseTensor } from '../../reference/tensor.ts';
import { goodCase, type Sizes } from './good-case.ts';
import { continued, drawn, float32, inFloat32, long, packed, readsNothingLater, withDecays } from './gpu-cases.ts';

let device: Device;
beforeAll(async () => {
  device = await Device.open('webasm');
});
afterAll(() => device.close());

interface Difference {
  name: string;
  /** Of the bound. */
  ratio: number;
  /** Largest error over largest value. */
  relative: number;
}

/** How far every output and gradient is from the oracle. */
async function differences(c: Case): Promise<Difference[]> {
  const given = tensorsOf(await computeOn(device, c));
  const bounds = boundsOf(c, float32);
  return [...tensorsOf(compute(c))].map(([name, value]) => {
    const mine = given.get(name) as DenseTensor;
    const { ratio } = compare(name, mine, value, boundFor(bounds, name));
    const data = [...(value as DenseTensor).data];
    const error = Math.max(0, ...data.map((entry, i) => Math.abs(entry - mine.data[i])));
    return { name, ratio, relative: error && error / Math.max(...data.map(Math.abs)) };
  });
}

const gated = (sizes: Sizes, more: Partial<Case>, system = 'log-linear-gated-deltanet'): Case =>
  inFloat32(system, sizes, more);

describe('the delta rule on webasm', () => {
  const examples: [string, Case][] = [
    ['no tokens but a state', gated({ T: 0, stateLevels: 3, L: 3 }, { position: [3] })],
    ['one chunk that is not full', gated({}, { chunkSize: 64 })],
    ['chunks of one token', gated({ T: 9, L: 5 }, { chunkSize: 1 })],
    ['many chunks, heads in groups', gated(long, { chunkSize: 2 })],
    ['blocks that double three times', gated(long, { chunkSize: 16 })],
    ['a state that comes in within a chunk', gated({ ...long, stateLevels: 6 }, continued)],
    ['a state of fewer levels', gated({ ...long, stateLevels: 4 }, continued)],
    ['without decays', gated({ ...long, stateLevels: 6 }, continued, 'log-linear-deltanet')],
    ['a flat system with a state', gated({ ...long, L: 1, stateLevels: 1 }, continued, 'gated-deltanet')],
    ['the plain delta rule', gated({ ...long, L: 1 }, { chunkSize: 4 }, 'deltanet')],
    ['packed sequences, one of them empty', gated(...packed)],
    ['batch rows', gated({ B: 2, T: 7, L: 5, stateLevels: 4 }, { chunkSize: 2, position: [3, 0] })],
    ['resets', withDecays(gated({ ...long, stateLevels: 6 }, continued), 11, -Infinity)],
  ];
  it.each(examples)('%s', async (_name, c) => {
    const found = await differences(c);
    expect(found.filter(({ ratio }) => !(ratio <= 1))).toEqual([]);
    // the bounds of the delta rule allow for cancellation, which these cases have little of
    expect(found.filter(({ relative }) => !(relative <= 5e-6))).toEqual([]);
  });

  it.each(['deltanet', 'gated-deltanet', 'log-linear-deltanet', 'log-linear-gated-deltanet'])(
    'drawn cases of %s',
    async (name) => {
      for (const c of drawn(name, 5)) {
        expect((await differences(c)).filter(({ ratio }) => !(ratio <= 1))).toEqual([]);
      }
    },
  );

  it('reads no token that comes later', async () => {
    await readsNothingLater(device, gated(long, { chunkSize: 8 }), long.T);
  });
});

describe('the tree of buckets', () => {
  const draws: [number, number, number[]][] = [
    [21, 0, [0, 21]],
    [37, 5, [0, 37]],
    [40, 26, [0, 9, 9, 40]],
    [3, 63, [0, 3]],
  ];
  it.each(draws)('T = %i, position %i, sequences %j', (T, at, cuSeqlens) => {
    const n = cuSeqlens.length - 1;
    const position = Array.from({ length: n }, () => at);
    const sizes = { T, n, L: 8, stateLevels: 8 };
    const plan = planOf(checkCase('test', goodCase('log-linear-mamba2', sizes, { chunkSize: 2, cuSeqlens, position })));
    const tree = bucketPlanOf(plan);
    const entry = (e: number, d: number, x: number): number => tree.bucket[e].data[d * 8 + x];
    const chunksIn = (e: number, d: number): number[] =>
      e === 0 ? [d] : [0, 1].flatMap((half) => (entry(e, d, half) < 0 ? [] : chunksIn(e - 1, entry(e, d, half))));
    for (let m = 0; m < plan.chunks; m++) {
      for (let e = 0; e < plan.slots; e++) {
        const d = tree.reads.data[m * tree.slots + e];
        const node = plan.onHost.reads.data[m * plan.slots + e];
        expect(d < 0).toBe(node < 0);
        if (d < 0) continue;
        const [from, to, , , start, end] = (plan.node as HostData).data.slice(node * 9, node * 9 + 7);
        expect(chunksIn(e, d)).toEqual(Array.from({ length: to - from }, (_, i) => from + i));
        expect([entry(e, d, 2), entry(e, d, 3)]).toEqual([start, end]);
        const isLast = plan.onHost.chunk.data[m * 5 + 3] === m;
        if (isLast) expect(entry(e, d, 7)).toBe(plan.onHost.chunk.data[m * 5 + 4]);
      }
    }
    for (let e = 0; e < tree.slots; e++) {
      for (let d = 0; d < tree.buckets[e]; d++) {
        const [parent, other, isRight] = [4, 5, 6].map((x) => entry(e, d, x));
        if (parent < 0) continue;
        expect([entry(e + 1, parent, isRight), entry(e + 1, parent, 1 - isRight)]).toEqual([d, other]);
      }
    }
  });
});
