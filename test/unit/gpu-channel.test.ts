/** Gated linear attention on a device, against the oracle, within the bounds derived for float32. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Device } from '../../gpu/device.ts';
import type { Case } from '../../reference/case.ts';
import type { Sizes } from './good-case.ts';
import { continued, drawn, inFloat32, long, outside, packed, readsNothingLater, withDecays } from './gpu-cases.ts';

let device: Device;
beforeAll(async () => {
  device = await Device.open('webasm');
});
afterAll(() => device.close());

const logLinear = (sizes: Sizes, more: Partial<Case>, system = 'log-linear-gla'): Case =>
  inFloat32(system, sizes, more);

describe('gated linear attention on webasm', () => {
  const examples: [string, Case][] = [
    ['no tokens but a state', logLinear({ T: 0, stateLevels: 3, L: 3 }, { position: [3] })],
    ['one chunk that is not full', logLinear({}, { chunkSize: 64 })],
    ['chunks of one token', logLinear({ T: 9, L: 5 }, { chunkSize: 1 })],
    ['many chunks, heads in groups', logLinear(long, { chunkSize: 2 })],
    ['a state that comes in within a chunk', logLinear({ ...long, stateLevels: 6 }, continued)],
    ['a state of fewer levels', logLinear({ ...long, stateLevels: 4 }, continued)],
    ['a flat system with a state', logLinear({ ...long, L: 1, stateLevels: 1 }, continued, 'gla')],
    ['packed sequences, one of them empty', logLinear(...packed)],
    ['batch rows', logLinear({ B: 2, T: 7, L: 5, stateLevels: 4 }, { chunkSize: 2, position: [3, 0] })],
    ['resets of some channels', withDecays(logLinear({ ...long, stateLevels: 6 }, continued), 11, -Infinity)],
    ['channels that grow', withDecays(logLinear({ ...long, stateLevels: 6 }, continued), 5, 3)],
    ['channels that rise and fall', withDecays(withDecays(logLinear(long, { chunkSize: 4 }), 5, 20), 7, -30)],
  ];
  it.each(examples)('%s', async (_name, c) => {
    expect(await outside(device, c)).toEqual([]);
  });

  it.each(['gla', 'log-linear-gla'])('drawn cases of %s', async (name) => {
    for (const c of drawn(name, 8)) expect(await outside(device, c)).toEqual([]);
  });

  it('reads no token that comes later', async () => {
    await readsNothingLater(device, logLinear(long, { chunkSize: 8 }), long.T);
  });
});
