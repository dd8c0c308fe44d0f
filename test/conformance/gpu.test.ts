/**
 * The laws on the GPU form: every law on webasm, with systems that take turns, and a law of each group on every other backend that can
 * be opened here. `lla gate --backend …` judges all of them with as many cases as one likes.
 */
import pc from 'picocolors';
import { afterAll, describe, expect, it } from 'vitest';
import { judge } from '../../gate/judge.ts';
import { explainFailure } from '../../gate/report.ts';
import { type Backend, BackendUnavailable } from '../../gpu/device.ts';
import { closeDevices, gpuForms, gpuName, type NodeBackend, sharedDevice } from '../../gpu/implementations.ts';
import { notCovered, seedOf } from '../../properties/check-law.ts';
import type { Implementation, Law } from '../../properties/law.ts';
import { laws } from '../../properties/laws/all.ts';
import { type System, systems } from '../../reference/systems/registry.ts';

const SEED = 3;
const RUNS = 1;
/** Systems for each law on webasm; `.ci/run` judges all of them after the tests. */
const SYSTEMS = 1;

afterAll(closeDevices);

const formOf = (backend: NodeBackend): Implementation =>
  gpuForms.find(({ name }) => name === gpuName(backend)) as Implementation;

/** So many of the systems that a law reaches, others for each law. */
function inTurn(law: Law, subject: Implementation, count: number): System[] {
  const reached = systems.filter((system) => notCovered(law, subject, system) === null);
  const first = laws.indexOf(law) * count;
  const chosen = Array.from(
    { length: Math.min(count, reached.length) },
    (_, i) => reached[(first + i) % reached.length],
  );
  return [...new Set(chosen)];
}

async function holds(law: Law, subject: Implementation, system: System, backend: Backend): Promise<void> {
  const names = { law: law.name, system: system.name, implementation: subject.name };
  const seed = seedOf(SEED, law.name, system.name, subject.name);
  const verdict = await judge(law, subject, system, { ...names, seed, runs: RUNS });
  if (verdict.status !== 'passed') expect.fail(explainFailure(verdict, pc.createColors(false)));
  expect(verdict.cases).toBe(RUNS);
  if (verdict.execution) expect(verdict.execution).toMatchObject({ backend, fallbackReason: null });
}

describe('gpu-webasm', () => {
  const subject = formOf('webasm');
  for (const law of laws) {
    for (const system of inTurn(law, subject, SYSTEMS)) {
      it(`${law.name} · ${system.name}`, () => holds(law, subject, system, 'webasm'));
    }
  }

  it('says in its verdicts where it has run', async () => {
    const law = laws.find(({ name }) => name === 'forward-within-its-bound') as Law;
    const [system] = inTurn(law, subject, 1);
    const task = { law: law.name, system: system.name, implementation: subject.name, seed: 1, runs: 1 };
    expect((await judge(law, subject, system, task)).execution).toEqual({
      backend: 'webasm',
      adapter: 'WebAssembly',
      executorKind: 'kernels',
      fallbackReason: null,
    });
  });
});

/** Backends that have to be there, where somebody says so: CI does once it has installed what they need. */
const expected = (process.env.LLA_EXPECT_BACKENDS ?? '').split(',');

/** One system of each family of kernels. */
const FAMILIES = ['softmax', 'log-linear-mamba2', 'log-linear-gla', 'log-linear-gated-deltanet'];

/** On software adapters a case takes seconds. */
const FEW = [
  'forward-within-its-bound',
  'backward-within-its-bound',
  'causal-forward-nonfinite',
  'split-through-state',
  'reset-forgets',
];

describe.each(['webgpu', 'headlessgl', 'cpu'] as const)('gpu-%s', (backend) => {
  it('runs, or it is said why not', async ({ skip }) => {
    try {
      await sharedDevice(backend);
    } catch (error) {
      if (!(error instanceof BackendUnavailable) || expected.includes(backend)) throw error;
      console.warn(`gpu-${backend} is not judged: ${error.message}`);
      skip(error.message);
    }
  });

  const subject = formOf(backend);
  for (const law of laws.filter(({ name }) => FEW.includes(name))) {
    const isOfAnswers = law.name.endsWith('within-its-bound') && backend === 'webgpu';
    const ofEachFamily = systems.filter(({ name }) => FAMILIES.includes(name));
    for (const system of isOfAnswers ? ofEachFamily : inTurn(law, subject, 1)) {
      it(`${law.name} · ${system.name}`, async ({ skip }) => {
        try {
          await sharedDevice(backend);
        } catch (error) {
          if (error instanceof BackendUnavailable) skip(error.message);
        }
        await holds(law, subject, system, backend);
      });
    }
  }
});
