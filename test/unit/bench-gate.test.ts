/** The pieces of the gate's benchmark; nothing is timed here. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cpuOf } from '../../bench/gate/against-hypothesis.ts';
import { type GateBench, gateRows, gateSection, slopeOf, withSection } from '../../bench/gate/section.ts';
import { createWatch, stagesOf, watchedLaw } from '../../bench/gate/stages.ts';
import { answersOf } from '../../bench/gate/zeros.ts';
import { openProgram } from '../../gate/external/implementation.ts';
import { runGate } from '../../gate/run.ts';
import type { Law } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';

it('the program that does nothing answers in the right shapes', () => {
  const tensors = [
    { name: 'q', shape: [1, 5, 1, 4] },
    { name: 'k', shape: [1, 5, 1, 4] },
    { name: 'v', shape: [1, 5, 2, 3] },
    { name: 'lambda', shape: [1, 5, 2, 6] },
    { name: 'cotangents.o', shape: [1, 5, 2, 3] },
  ];
  const answers = answersOf({ case: { system: 'log-linear-linear', cuSeqlens: [0, 2, 5] }, tensors });
  expect(answers.map(({ name, shape }) => `${name} ${shape}`)).toEqual([
    'o 1,5,2,3',
    'finalState 2,2,6,4,3',
    'gradients.q 1,5,1,4',
    'gradients.k 1,5,1,4',
    'gradients.v 1,5,2,3',
    'gradients.lambda 1,5,2,6',
  ]);
  const flat = answersOf({ case: { system: 'softmax' }, tensors: tensors.slice(0, 3) });
  expect(flat.map(({ name }) => name)).toEqual(['o']);
});

it('under the gate every law asks it, and its time is that of the cases', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lla-bench-'));
  process.env.BENCH_TIMES = join(folder, 'times.json');
  try {
    const command = [process.execPath, 'dist/bench/gate/zeros.js', 'log-linear-mamba2'];
    const { close, implementations } = await openProgram({ command, timeout: 60_000, startTimeout: 60_000 });
    const watch = createWatch();
    const laws = ['forward-equals-masked', 'prefix', 'backward-is-linear'].map((name) => findLaw(name) as Law);
    const options = { implementations, systems: [findSystem('log-linear-mamba2') as System], seed: 1, runs: 2 };
    const { summary } = await runGate({ ...options, laws: laws.map((law) => watchedLaw(law, watch, true)) });
    await close();
    const { calls } = JSON.parse(readFileSync(process.env.BENCH_TIMES, 'utf8'));
    expect(summary.passed).toBe(3);
    expect(calls).toHaveLength(watch.questions);
    expect(stagesOf(watch, calls)).toMatchObject({ cases: 6, questions: 2 * (1 + 2 + 3) });
    // zeros are no answer, and a law that is not blind says so
    const other = await openProgram({ command, timeout: 60_000, startTimeout: 60_000 });
    const seeing = watchedLaw(laws[0], createWatch(), false);
    const report = await runGate({ ...options, implementations: other.implementations, laws: [seeing] });
    await other.close();
    expect(report.summary.failed).toBe(1);
  } finally {
    delete process.env.BENCH_TIMES;
    rmSync(folder, { recursive: true });
  }
});

it('parts add up, and long cases can be left out', () => {
  const cases = [
    { T: 4, drawing: 1, check: 10, asking: 6, from: 0, to: 2 },
    { T: 300, drawing: 2, check: 100, asking: 50, from: 2, to: 3 },
  ];
  const calls: [number, number][] = [
    [1, 0.5],
    [2, 0.5],
    [30, 10],
  ];
  const short = { cases: 1, questions: 2, oracle: 4, drawing: 1, transport: 2, adapter: 1, implementation: 3 };
  expect(stagesOf({ cases }, calls, 256)).toEqual(short);
  expect(stagesOf({ cases }, calls).transport).toBe(2 + 10);
});

it("the shell's times are seconds", () => {
  expect(cpuOf('0m0.01s 0m0.02s\n1m2.5s 0m0.25s\n')).toBe(62.75);
});

const stages = { cases: 10, questions: 20, oracle: 5, drawing: 2, transport: 2, adapter: 0, implementation: 1 };
// what the first round adds is the warm-up's
const memory = [500, 1000, 2000, 3000].map((cases, i) => ({ cases, rss: (i && 100 + i) * 2 ** 20, heap: 2 ** 20 }));
const zeros = {
  cases: 3000,
  questions: 6000,
  seconds: 60,
  gateCpu: 50,
  programCpu: 5,
  all: stages,
  short: stages,
  memory,
};
const bench: GateBench = { node: 'v20', zeros, numpy: null, hypothesis: null, seconds: 100, load: [0, 1] };

it('goals are judged by what was measured', () => {
  expect(slopeOf(memory.slice(1), 'rss')).toBeCloseTo(1);
  expect(slopeOf(memory, 'heap')).toBe(0);
  const verdicts = ['met', 'missed', 'not measured', 'not measured', 'met', 'met', 'not measured'];
  expect(gateRows(bench).map(({ verdict }) => verdict)).toEqual(verdicts);
});

it('its section stands in for the old one, and nothing else changes', () => {
  const page = '# Performance\n\nfirst\n\n## The GPU form\n\nsecond\n';
  const once = withSection(page, gateSection(bench));
  expect(once.startsWith(page.trimEnd())).toBe(true);
  expect(withSection(once, gateSection(bench))).toBe(once);
  const before = '# Performance\n\n## The gate\n\nold\n\n## The GPU form\n\nsecond\n';
  const after = withSection(before, gateSection(bench));
  expect(after).not.toContain('old');
  expect(after).toMatch(/^# Performance\n\n## The gate\n.*\n\n## The GPU form\n\nsecond\n$/s);
});
