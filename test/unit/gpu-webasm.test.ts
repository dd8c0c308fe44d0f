/** What webasm is taught: code that is written otherwise than gpu.js writes it, and steps that run together. */
import { afterAll, describe, expect, it } from 'vitest';
import { computeOn } from '../../gpu/compute.ts';
import { Device } from '../../gpu/device.ts';
import type { Kernel, Matrix, Thread } from '../../gpu/kernel.ts';
import { planOf } from '../../gpu/plan.ts';
import { hostData } from '../../gpu/step.ts';
import { threadsOf, WebAssembly } from '../../gpu/webasm-threads.ts';
import { checkCase } from '../../reference/shapes.ts';
import { toDense } from '../../reference/tensor.ts';
import { caseOf } from './gpu-cases.ts';

const exponentials: Kernel = {
  name: 'exponentials',
  body: function exponentials(this: Thread, x: Matrix) {
    return Math.exp(x[this.thread.y][this.thread.x]);
  },
};

describe('exp', () => {
  const special = [0, -0, 1, -1, -1e30, -Infinity, Infinity, Number.NaN, -104, -103, -87.5, 88.7, 88.8, 89, 1e-30, 200];
  const numbers = Float32Array.from([...special, ...Array.from({ length: 20000 }, (_, i) => -105 + (i * 195) / 20000)]);
  const device = Device.open('webasm', { threads: false });
  afterAll(async () => (await device).close());

  // rows of four are computed together, rows of one alone
  it.each([4, 1])('%i at once: within two units in the last place', async (width) => {
    const { sizes } = planOf(checkCase('test', caseOf('linear', 3)));
    const size = [width, numbers.length / width];
    const result = await (await device).run('exp', exponentials, sizes, size, hostData(numbers, ...size));
    const got = await (await device).read(result);
    numbers.forEach((x, i) => {
      const exact = Math.exp(x);
      const wanted = Math.fround(exact);
      const unit = Math.max(2 ** -149, 2 ** (Math.floor(Math.log2(exact)) - 23));
      const isNear = Object.is(got[i], wanted) || Math.abs(got[i] - exact) <= 2 * unit;
      expect(isNear, `exp(${x}) is ${got[i]}`).toBe(true);
    });
  });
});

describe('steps that run together', () => {
  it('say so', async () => {
    const device = await Device.open('webasm', { specialized: true });
    await computeOn(device, caseOf('log-linear-mamba2', 20, 16, 8, 4));
    expect(device.execution.executorKind).toBe('kernels-joined');
    await device.close();
  });

  it('answer as steps do that run one by one, whatever ran before', async () => {
    const together = await Device.open('webasm', { specialized: true });
    const alone = await Device.open('webasm', { specialized: true, threads: false });
    for (const T of [40, 33, 300, 40]) {
      const c = caseOf('log-linear-mamba2', T, 16, 8, 4);
      const [one, other] = [await computeOn(together, c), await computeOn(alone, c)];
      expect(toDense(one.o)).toEqual(toDense(other.o));
    }
    await Promise.all([together.close(), alone.close()]);
  });

  it('keep calls apart that are made at once', async () => {
    const device = await Device.open('webasm', { specialized: true });
    const cases = [20, 21, 20, 22].map((T) => caseOf('log-linear-mamba2', T, 16, 8, 4));
    const one = await Promise.all(cases.map((c) => computeOn(device, c)));
    for (const [i, c] of cases.entries()) {
      const { o } = await computeOn(device, c);
      expect(toDense(one[i].o)).toEqual(toDense(o));
    }
    await device.close();
  });

  it('can be read at once', async () => {
    const device = await Device.open('webasm', { specialized: true });
    const { sizes } = planOf(checkCase('test', caseOf('linear', 3)));
    const numbers = Float32Array.from({ length: 8 }, (_, i) => i);
    const steps = ['one', 'two'].map((step) => device.run(step, exponentials, sizes, [4, 2], hostData(numbers, 4, 2)));
    const [one, two] = await Promise.all(steps.map(async (step) => device.read(await step)));
    expect(one[1]).toBeCloseTo(Math.E);
    expect([...two]).toEqual([...one]);
    await device.close();
  });

  it('assemble nothing for another number of tokens of the same class', async () => {
    const device = await Device.open('webasm', { specialized: true });
    await computeOn(device, caseOf('log-linear-mamba2', 97, 16, 8, 4));
    const before = device.compilations;
    expect(before).toBeGreaterThan(0);
    for (const T of [98, 110, 112]) await computeOn(device, caseOf('log-linear-mamba2', T, 16, 8, 4));
    expect(device.compilations).toBe(before);
    await device.close();
  });

  it('end with the device', async () => {
    const device = await Device.open('webasm', { specialized: true });
    const answer = computeOn(device, caseOf('log-linear-mamba2', 2000, 32, 8, 4)).catch(
      (error: Error) => error.message,
    );
    await new Promise((resolve) => setTimeout(resolve, 1));
    await device.close();
    expect(['string', 'object']).toContain(typeof (await answer));
  });
});

it('threads that die are an error, and others take their place', async () => {
  // (memory shared) and two functions that are unreachable
  const trap = new WebAssembly.Module(
    Uint8Array.from([
      ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 3, 127, 127, 127, 0],
      ...[2, 16, 1, 3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 3, 1, 1, 3, 2, 1, 0],
      ...[7, 18, 2, 3, 114, 117, 110, 0, 0, 8, 114, 117, 110, 95, 115, 105, 109, 100, 0, 0, 10, 5, 1, 3, 0, 0, 11],
    ]),
  );
  const threads = threadsOf();
  const series = {
    id: -1,
    memory: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }),
    modules: [trap],
    math: [[]],
    steps: [{ module: 0, cells: 8, width: 4, grain: 4, waits: false }],
  };
  await expect(threads.run(series)).rejects.toThrow('unreachable');
  await expect(threads.run(series)).rejects.toThrow('unreachable');
  threads.close();
});
