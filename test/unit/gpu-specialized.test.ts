/**
 * Sizes that are compiled in, on webasm: bodies are rewritten there (heads that four neighbours share, sums of four terms at once, four rows
 * a thread), and differently where four does not divide a size.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { Device } from '../../gpu/device.ts';
import { gpuSystems } from '../../gpu/implementations.ts';
import { findSystem } from '../../reference/systems/registry.ts';
import type { Sizes } from './good-case.ts';
import { continued, inFloat32, long, outside, packed, readsNothingLater } from './gpu-cases.ts';

const device = await Device.open('webasm', { specialized: true });
afterAll(() => device.close());

const flat = (name: string): Sizes => (findSystem(name)?.logLinear ? {} : { L: 1 });

describe.each(gpuSystems)('%s', (name) => {
  const state = name === 'softmax' ? {} : { stateLevels: flat(name).L ?? 6 };

  // where four divides no size all is computed as without sizes: one system of each family shows it
  const uneven = name.startsWith('log-linear') ? [[6, 3]] : [];
  it.each([[8, 4], ...uneven])('K = %i, V = %i', async (K, V) => {
    const sizes = { ...long, ...flat(name), ...state, K, V };
    expect(
      await outside(device, inFloat32(name, sizes, name === 'softmax' ? {} : { ...continued, chunkSize: 8 })),
    ).toEqual([]);
  });

  it('packed sequences', async () => {
    const [sizes, more] = packed;
    const { stateLevels: _, ...stateless } = { ...sizes, ...flat(name), K: 8, V: 8 };
    const { position, ...sequences } = more;
    const c =
      name === 'softmax'
        ? inFloat32(name, stateless, sequences)
        : inFloat32(name, { ...stateless, ...state }, { ...sequences, position });
    expect(await outside(device, c)).toEqual([]);
  });

  // retention's decays belong to no token
  it.skipIf(name.endsWith('retention'))('reads no token that comes later', async () => {
    await readsNothingLater(device, inFloat32(name, { ...long, ...flat(name), K: 4, V: 4 }, { chunkSize: 8 }), long.T);
  });
});
