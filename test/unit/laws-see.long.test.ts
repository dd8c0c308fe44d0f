/** What each law looks at: a tensor whose last entry is wrong makes it fail, and it says which. For laws of causality: causality.test.ts. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mapTensor, sizesOf } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Draw, Implementation, Law, Verdict } from '../../properties/law.ts';
import { laws } from '../../properties/laws/all.ts';
import { tensorsOf } from '../../properties/laws/common.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { InvalidInput } from '../../reference/errors.ts';
import { type System, systems } from '../../reference/systems/registry.ts';
import { type Tensor, tensor } from '../../reference/tensor.ts';

const [masked] = builtIn;
/** Where a law asks for more answers than these, only the last one more is made wrong. */
const CALLS = 3;

const EVERYTHING = 'o finalState position gradients';
const FORWARD = 'o finalState position';
const TENSORS = 'o finalState';

/** What is seen of the first answer that a law asks for, of the second, …, the last entry standing for all further ones. */
const SEEN: Record<string, string[]> = {
  'forward-within-its-bound': [TENSORS],
  'forward-within-its-noise': [TENSORS],
  'forward-equals-masked': [FORWARD],
  'forward-equals-recurrent': [FORWARD],
  'forward-equals-chunked': [FORWARD],
  'forward-equals-definition': [FORWARD],
  'chunk-size-invariance': [EVERYTHING],
  'packed-equals-separate': [EVERYTHING],
  'batch-permutation': [EVERYTHING],
  'head-permutation': [EVERYTHING],
  'groups-equal-repeated-heads': [EVERYTHING],
  prefix: ['o'],
  'views-equal-copies': ['o finalState gradients'],
  // the second is another case
  'same-answer-twice': ['o finalState gradients', '', 'o finalState gradients'],
  'split-through-state': [FORWARD],
  // the first part, the second with its gradients, the first with the second's, the whole
  'split-through-state-backward': ['finalState position', 'gradients', 'gradients'],
  'step-by-step': [FORWARD],
  'empty-call-keeps-the-state': ['finalState position gradients.initialState'],
  'no-state-is-a-zero-state': [FORWARD],
  'states-alive': ['finalState'],
  'short-state-is-extended': [TENSORS],
  'linear-in-v': ['o'],
  'linear-in-q': ['o'],
  'linear-in-lambda': ['o'],
  'linear-in-initial-state': [TENSORS],
  'power-of-two-scales-bitwise': [TENSORS],
  'scale-multiplies-the-output': [FORWARD],
  'unit-lambda-collapses': ['o finalState position gradients but lambda initialState'],
  'zero-decay-collapses': [FORWARD],
  'equal-channels-collapse': [FORWARD],
  'constant-decay-collapses': [FORWARD],
  'zero-beta-writes-nothing': [FORWARD],
  'orthonormal-keys-recall': ['o'],
  'one-level-reads-its-bucket': ['o'],
  'one-hot-values-read-the-mask': ['o'],
  'delta-rule-is-a-triangular-solve': ['o'],
  'softmax-weights-sum-to-one': ['o'],
  'softmax-ignores-a-common-key': ['o'],
  'reset-forgets': ['o gradients.k gradients.v gradients.g', 'o'],
  'unread-level-scales': ['o', 'o gradients.lambda'],
  'finite-in-finite-out': [''],
  'backward-within-its-bound': ['gradients'],
  'backward-within-its-noise': ['gradients'],
  'backward-equals-masked': [EVERYTHING],
  'backward-equals-recurrent': [EVERYTHING],
  'backward-equals-chunked': [EVERYTHING],
  'finite-differences': ['gradients'],
  'adjoint-identity': ['gradients'],
  'backward-is-linear': ['gradients'],
};

/** What is seen where it is no number. */
const SEEN_AS_NAN: Record<string, string[]> = {
  'reset-forgets': ['o finalState gradients', 'o'],
  'finite-in-finite-out': ['o finalState gradients'],
};

/** What they look at may be elsewhere than in the last entry: all of them are wrong here. */
const IN_PART = ['prefix', 'reset-forgets', 'finite-differences'];

/** How failures are named where it is not by the tensor. */
const NAMED: Record<string, (name: string) => string[]> = {
  'one-hot-values-read-the-mask': () => ['P'],
  'states-alive': () => ['levels that hold anything'],
  'finite-differences': (name) => [name, `<${name}, direction>`],
  'adjoint-identity': (name) => [name, `<${name}, direction>`],
};

const isSeen = (seen: string, name: string): boolean => {
  const [words, but = ''] = seen.split(' but ').map((list) => list.split(' '));
  const [group, input = ''] = name.split('.');
  return words.includes(name) || (words.includes(group) && !but.includes(input));
};

/** The answer with one of its tensors, or its position, changed in its last entry, or in all. */
function spoiled(answer: Answer, name: string, change: (entry: number) => number, all: boolean): Answer {
  const { position } = answer;
  const from =
    name === 'position' ? tensor(Float64Array.from(position), [position.length]) : tensorsOf(answer).get(name);
  const first = all ? 0 : (from as Tensor).size - 1;
  let at = 0;
  const value = mapTensor(from as Tensor, (entry) => (at++ < first ? entry : change(entry)));
  if (name === 'position') return { ...answer, position: [...value.data] };
  if (!name.startsWith('gradients.')) return { ...answer, [name]: value };
  return { ...answer, gradients: { ...answer.gradients, [name.slice('gradients.'.length)]: value } };
}

/** The law on our masked form, whose answers `change` sees one by one. */
async function judged(law: Law, draw: Draw, change: (answer: Answer, call: number) => Answer): Promise<Verdict> {
  let calls = 0;
  try {
    return await law.check({ ...masked, run: (c: Case) => change(masked.run(c) as Answer, calls++) }, draw);
  } catch (error) {
    // a position for which there are not enough levels
    if (!(error instanceof InvalidInput)) throw error;
    return { holds: false, worst: null };
  }
}

/** Small draws that have what the law may have: a state, several tokens; three, since what else is drawn may hide something. */
function drawsOf(law: Law, system: System): Draw[] {
  const isSmall = ({ c }: Draw): boolean => {
    const { T, K, V, H, n } = sizesOf(c);
    return T > 2 && T < 7 && K * V * H * n < 40 && c.structure === undefined;
  };
  const isWhole = ({ c }: Draw): boolean =>
    c.inputs.initialState !== undefined && (!c.cotangents || 'finalState' in c.cotangents);
  const chosen: Draw[] = [];
  for (const seed of [6, 7, 8, 9]) {
    const drawn = fc.sample(law.draw(system, masked), { seed, numRuns: 50 }).filter(isSmall);
    chosen.push(...drawn);
    if (chosen.length >= 3 && chosen.some(isWhole)) break;
  }
  return [...chosen.filter(isWhole).slice(0, 2), ...chosen].slice(0, 3);
}

async function seenBy(law: Law, system: System, change: (entry: number) => number): Promise<[string, boolean][][]> {
  const calls: Map<string, boolean>[] = [];
  for (const draw of drawsOf(law, system)) {
    const answers: Answer[] = [];
    expect((await judged(law, draw, (answer) => answers[answers.push(answer) - 1])).holds).toBe(true);
    for (let call = 0; call < answers.length; call++) {
      const isMiddle = call >= CALLS && call < answers.length - 1;
      if (isMiddle || (law.name === 'finite-differences' && call > 0)) continue;
      const seen = calls[Math.min(call, CALLS)] ?? new Map<string, boolean>();
      calls[Math.min(call, CALLS)] = seen;
      for (const name of [...tensorsOf(answers[call]).keys(), 'position']) {
        if (seen.get(name)) continue;
        const { holds, worst } = await judged(law, draw, (answer, at) =>
          at === call ? spoiled(answer, name, change, IN_PART.includes(law.name)) : answer,
        );
        seen.set(name, !holds);
        if (holds) continue;
        // what a later call makes of a wrong state is wrong elsewhere
        const passedOn = /^s(plit|tep)/.test(law.name) && /finalState|position|initialState/.test(name);
        if (!passedOn) expect(NAMED[law.name]?.(name) ?? [name]).toContain(worst?.name);
      }
    }
  }
  return calls.map((seen) => [...seen]);
}

const rows = laws
  .filter(({ group }) => group !== 'causality')
  .flatMap((law) => {
    const about = systems.filter((system) => law.appliesTo(system));
    const last = about.at(-1) as System;
    return (about[0].name === 'softmax' && about.length > 1 ? [about[0], last] : [last]).map(
      (system): [string, string, Law, System] => [law.name, system.name, law, system],
    );
  });

it.each(rows)('%s sees what is wrong: %s', async (_, __, law, system) => {
  for (const [table, change] of [
    [SEEN, (entry: number) => 2 * entry + 1],
    [SEEN_AS_NAN, () => Number.NaN],
  ] as const) {
    const expected = table[law.name];
    if (!expected) continue;
    const actual = await seenBy(law, system, change);
    expect(actual.length).toBeGreaterThan(0);
    actual.forEach((seen, call) => {
      const here = expected[Math.min(call, expected.length - 1)];
      const wanted = seen.map(([name]) => [name, isSeen(here, name)]);
      expect(seen, `answer ${call}`).toEqual(wanted);
    });
  }
});

it.each(laws.map((law) => [law.name, law] as const))(
  '%s holds where a subject can do no more than it needs',
  async (_, law) => {
    const abilities = { ...masked.abilities };
    for (const ability of ['gradients', 'state', 'packed', 'groups', 'structures', 'chunkSizes', 'views'] as const) {
      abilities[ability] = law.needs.includes(ability);
    }
    const subject: Implementation = {
      ...masked,
      abilities,
      run(c) {
        const answer = masked.run(c) as Answer;
        if (!abilities.state) delete answer.finalState;
        if (!abilities.gradients) expect(c.cotangents).toBeUndefined();
        return answer;
      },
    };
    const system = systems.findLast((each) => law.appliesTo(each)) as System;
    const drawn = fc.sample(law.draw(system, subject), { seed: 6, numRuns: 60 });
    const fits = drawn.filter(({ c }) => sizesOf(c).T < 7 && sizesOf(c).K * sizesOf(c).V < 40);
    for (const draw of fits.slice(0, 3)) expect((await law.check(subject, draw)).holds).toBe(true);
  },
);
