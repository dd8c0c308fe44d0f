import { createRequire } from 'node:module';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { computeOn } from '../../gpu/compute.ts';
import { Device, rowClass } from '../../gpu/device.ts';
import { examineBackends } from '../../gpu/doctor.ts';
import { closeDevices, gpuSystems } from '../../gpu/implementations.ts';
import { zeros } from '../../gpu/kernels/zeros.ts';
import { planOf } from '../../gpu/plan.ts';
import { tensorsOf } from '../../properties/laws/common.ts';
import type { Case } from '../../reference/case.ts';
import { InvalidInput } from '../../reference/errors.ts';
import { checkCase } from '../../reference/shapes.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { caseOf } from './gpu-cases.ts';

const device = await Device.open('webasm', { threads: false });
afterAll(async () => {
  await device.close();
  await closeDevices();
});

describe.each(gpuSystems.filter((name) => name !== 'softmax'))('%s', (name) => {
  it('stays finite over 4096 positions, with log decays of -Infinity too', async () => {
    const c = caseOf(name, 4096, 64);
    const g = c.inputs.g as Tensor | undefined;
    for (let i = 0; g && i < g.size; i += 977) g.data[i] = Number.NEGATIVE_INFINITY;
    for (const [output, value] of tensorsOf(await computeOn(device, c))) {
      const bad = toDense(value).findIndex((each) => !Number.isFinite(each));
      expect(bad, output).toBe(-1);
    }
  });
});

it('compiles nothing for another T of the same shape class', async () => {
  // tokens, chunks and buckets that a chunk reads are rounded up to the same numbers
  await computeOn(device, caseOf('log-linear-mamba2', 100));
  const before = device.compilations;
  for (const T of [97, 98, 110, 112]) await computeOn(device, caseOf('log-linear-mamba2', T));
  expect(device.compilations).toBe(before);
  await computeOn(device, caseOf('log-linear-mamba2', 128));
  expect(device.compilations).toBeGreaterThan(before);
});

it('row classes are never less than what is asked, at most a quarter more above 16, and few', () => {
  const classes = new Set<number>();
  for (let rows = 1; rows <= 65536; rows++) {
    const rounded = rowClass(rows);
    expect(rounded >= rows && rounded <= (rows > 16 ? 1.25 : 2) * rows && rowClass(rounded) === rounded).toBe(true);
    classes.add(rounded);
  }
  expect(classes.size).toBe(5 + 4 * 12);
});

it('a device with its sizes compiled in compiles once for each shape class', async () => {
  const specialized = await Device.open('webasm', { threads: false, specialized: true });
  const c = caseOf('mamba2', 20);
  await computeOn(specialized, c);
  const before = specialized.compilations;
  await computeOn(specialized, caseOf('mamba2', 18));
  expect(specialized.compilations).toBe(before);
  await computeOn(specialized, caseOf('mamba2', 25, 8));
  expect(specialized.compilations).toBeGreaterThan(before);
  await specialized.close();
});

it('large results are computed in threads, by one pool for all kernels', async () => {
  const threaded = await Device.open('webasm');
  const c = caseOf('log-linear-mamba2', 2500, 32);
  const here = await computeOn(device, c);
  const there = await computeOn(threaded, c);
  expect(threaded.execution.executorKind).toBe('kernels-threaded');
  for (const [name, value] of tensorsOf(there)) {
    expect(toDense(value)).toEqual(toDense(tensorsOf(here).get(name) as Tensor));
  }
  await threaded.close();
});

describe('what it refuses', () => {
  it('structures that do not line up with chunks', async () => {
    const c: Case = { ...caseOf('log-linear-linear', 5), structure: { kind: 'strong' } };
    await expect(computeOn(device, c)).rejects.toThrow(InvalidInput);
  });

  it('a kernel that falls back to another backend', async () => {
    const { GPU, CPUKernel } = createRequire(import.meta.url)('gpu.js');
    const kernel = Object.assign(Object.create(CPUKernel.prototype), { fallbackReason: 'no such thing' });
    const compiled = Object.assign(async () => [[1]], { setOutput() {}, destroy() {}, kernel });
    const create = vi.spyOn(GPU.prototype, 'createKernel').mockReturnValue(compiled);
    const { sizes } = planOf(checkCase('test', caseOf('linear', 3)));
    const run = device.run('another', zeros, sizes, [1, 1]);
    await expect(run).rejects.toThrow('gpu: kernel zeros: webasm was asked for, cpu ran: no such thing');
    create.mockRestore();
  });
});

it('the doctor knows whether each backend works, or what is missing', async () => {
  const findings = await examineBackends();
  expect(findings.map(({ backend }) => backend)).toEqual(['webasm', 'webgpu', 'headlessgl', 'cpu']);
  for (const { backend, works, adapter, reason } of findings) {
    expect(works ? adapter : reason, backend).toEqual(expect.any(String));
    if (backend === 'webasm' || backend === 'cpu') expect(works).toBe(true);
  }
});
