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

/** What is named first: for everything, or for the outputs alone where the gradients are of something else. */
function named({ causes, forward }: Diagnosis): string[] {
  return (causes[0] ?? forward[0])?.names ?? [];
}

interface Trial {
  bug: string;
  entry: string;
  system: string;
  kernel: (precision: PrecisionName) => Implementation;
}

const DELTA_ALONE = /beta|erase/;
const trials: Trial[] = [
  ...(Object.keys(recurrentBugs) as RecurrentBug[]).map((bug) => {
    const system = DELTA_ALONE.test(bug) ? DELTA : MAMBA;
    return { bug, entry: recurrentBugs[bug], system, kernel: (p: PrecisionName) => recurrent(p, bug, system) };
  }),
  ...Object.entries({ ...forwardBugs, ...backwardBugs }).map(([bug, entry]) => ({
    bug,
    entry,
    system: MAMBA,
    kernel: (p: PrecisionName) => quadratic(p, bug as QuadraticBug),
  })),
];

it.each(['float64', 'float32'] as const)(
  'the bugs of kernels in %s are named',
  async (precision) => {
    const missed: string[] = [];
    for (const { bug, entry, system, kernel } of trials) {
      const { diagnosis } = await diagnoseBlind(kernel(precision), system, { memory, pairs: false });
      const names = named(diagnosis);
      if (!names.includes(entry))
        missed.push(
          `${bug}: ${names.join() || 'nothing'}, not ${entry}; wrong ${diagnosis.wrong}; ${diagnosis.nearest.map((n) => n.names + ':' + n.toldBy + '/' + n.telling)}`,
        );
      else if (names.length > 1 || !diagnosis.causes[0]) console.log(bug, names.join(), diagnosis.causes.length > 0);
    }
    expect(missed).toEqual([]);
  },
  900_000,
);
