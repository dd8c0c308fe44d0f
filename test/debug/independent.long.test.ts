/** The diagnosis on kernels that have nothing from here: neither the dictionary nor a form of ours. */
import { describe, expect, it } from 'vitest';
import { probeCases } from '../../debug/diagnose/cases.ts';
import { type Diagnosis, diagnose } from '../../debug/diagnose/diagnose.ts';
import { ask, differs } from '../../debug/diagnose/outputs.ts';
import { rightFor } from '../../debug/diagnose/right.ts';
import { createMemory } from '../../debug/diagnose/trial.ts';
import type { Abilities, Implementation } from '../../properties/law.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { diagnoseBlind, failureOn } from './blind.ts';
import { backwardBugs, CHUNK, forwardBugs, type QuadraticBug, quadraticKernel } from './independent-quadratic.ts';
import { type RecurrentBug, recurrentBugs, recurrentKernel } from './independent-recurrent.ts';

const MAMBA = 'log-linear-mamba2';
const DELTA = 'log-linear-gated-deltanet';
const memory = createMemory();
const precisions = { float64: (value: number) => value, float32: Math.fround };

const kernelOf = (
  precision: string,
  systems: string[],
  run: (c: Case) => Answer,
  abilities: Partial<Abilities>,
): Implementation => ({
  name: 'kernel',
  precision: findPrecision(precision) as Precision,
  chunkSize: CHUNK,
  abilities: {
    systems,
    gradients: false,
    state: false,
    packed: true,
    groups: true,
    structures: false,
    chunkSizes: false,
    views: true,
    ...abilities,
  },
  run,
});

type PrecisionName = keyof typeof precisions;
const recurrent = (precision: PrecisionName, bug: RecurrentBug | null, system: string): Implementation =>
  kernelOf(precision, [system], recurrentKernel(precisions[precision], bug), { state: true });
const quadratic = (precision: PrecisionName, bug: QuadraticBug | null, gradients = true): Implementation =>
  kernelOf(precision, [MAMBA], quadraticKernel(precisions[precision], bug), { gradients });

describe.each(['float64', 'float32'] as const)('the correct kernels in %s', (precision) => {
  const correct = [
    ...['linear', 'mamba2', 'gla', 'log-linear-linear', MAMBA, 'log-linear-gla', DELTA].map(
      (system) => ['token by token', system, recurrent(precision, null, system)] as const,
    ),
    ['over pairs', MAMBA, quadratic(precision, null)] as const,
  ];
  it.each(correct)('%s on %s are right, and accused of nothing', async (_, system, kernel) => {
    for (const question of probeCases(system, kernel)) {
      const actual = await ask(kernel, question);
      const right = await rightFor(question, kernel);
      const wrong = [...actual.keys()].filter((name) => differs(actual, right, 1, [name]));
      expect(wrong, question.name).toEqual([]);
    }
    const diagnosis = await diagnose(kernel, await failureOn(kernel, probeCases(system, kernel)[0].c), { memory });
    expect(diagnosis).toMatchObject({ wrong: 0, causes: [], pairs: [], forward: [] });
  });
});

/** What is named first: for everything, or for outputs and states where the gradients are not those of the bug. */
const named = ({ causes, forward }: Diagnosis): string[] => (causes[0] ?? forward[0])?.names ?? [];

interface Trial {
  bug: string;
  /** What the dictionary calls it. */
  entry: string;
  system: string;
  kernel: (precision: PrecisionName) => Implementation;
}

/** Bugs that the delta rule alone can have. */
const ERASES = /beta|erase/;
const trials: Record<string, Trial[]> = {
  'token by token': (Object.keys(recurrentBugs) as RecurrentBug[]).map((bug) => {
    const system = ERASES.test(bug) ? DELTA : MAMBA;
    return { bug, entry: recurrentBugs[bug], system, kernel: (p: PrecisionName) => recurrent(p, bug, system) };
  }),
  'over pairs, forward': Object.entries(forwardBugs).map(([bug, entry]) => ({
    bug,
    entry,
    system: MAMBA,
    kernel: (p: PrecisionName) => quadratic(p, bug as QuadraticBug),
  })),
  'over pairs, backward': Object.entries(backwardBugs).map(([bug, entry]) => ({
    bug,
    entry,
    system: MAMBA,
    kernel: (p: PrecisionName) => quadratic(p, bug as QuadraticBug),
  })),
};

const OVERFLOW =
  'States grow beyond what numbers hold, and where Infinity becomes NaN hangs on the order of products and sums.';
/** Those that are not named, and why. */
const missed: Record<PrecisionName, Record<string, Record<string, string>>> = {
  float64: { 'token by token': { 'exp(-g)': OVERFLOW }, 'over pairs, forward': { 'exp(-g)': OVERFLOW } },
  float32: {
    'token by token': { 'exp(-g)': OVERFLOW },
    'over pairs, forward': { 'mask s <= t + 1': OVERFLOW },
  },
};
/** Of a kernel that hands out no states: whether they are wrong too cannot be asked. */
const alike: Record<string, string[]> = { 'exp(c_t - c_{s-1})': ['insert-before-transition'] };

const groups = Object.keys(trials).flatMap((kind) => (['float64', 'float32'] as const).map((p) => [kind, p] as const));

describe.each(groups)('bugs of a kernel %s, in %s', (kind, precision) => {
  it('are named first, by themselves', { timeout: 900_000 }, async () => {
    const others: string[] = [];
    for (const { bug, entry, system, kernel } of trials[kind]) {
      const { diagnosis } = await diagnoseBlind(kernel(precision), system, { memory, pairs: false });
      const names = named(diagnosis);
      if (names.join() === [entry, ...(alike[bug] ?? [])].join()) {
        expect(diagnosis.text[0]).toMatch(/^Your outputs.* equal ours with this bug/);
      } else {
        others.push(bug);
        // nothing else is named in its place
        expect(names, bug).toEqual([]);
        expect(diagnosis.nearest[0]?.names ?? [entry]).toEqual([entry]);
      }
    }
    expect(others).toEqual(Object.keys(missed[precision][kind] ?? {}));
    expect(others.length).toBeLessThanOrEqual(0.1 * trials[kind].length);
  });
});

it('a backward pass that is right is not asked to be that of a wrong forward pass', async () => {
  const { diagnosis } = await diagnoseBlind(quadratic('float64', 'lambda squared'), MAMBA, { memory, pairs: false });
  expect(diagnosis.causes).toEqual([]);
  expect(diagnosis.text).toHaveLength(1);
  expect(diagnosis.text[0]).toMatch(
    /^Your outputs and states equal ours with this bug, .* Your gradients are not those of that forward/,
  );
  const alone = await diagnoseBlind(quadratic('float64', 'lambda squared', false), MAMBA, { memory, pairs: false });
  expect(named(alone.diagnosis)).toEqual(['lambda-twice']);
});
