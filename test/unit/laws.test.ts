/** What each law speaks about, asks for, draws and says: a row of a table each, so that none of it is lost unseen. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sizesOf } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Law } from '../../properties/law.ts';
import { findLaw, laws } from '../../properties/laws/all.ts';
import type { Case } from '../../reference/case.ts';
import { type System, systems } from '../../reference/systems/registry.ts';

const [masked] = builtIn;

/** Sets of systems that have a name of their own. */
const SETS: Record<string, (system: System) => boolean> = {
  'all systems': () => true,
  'all recurrences': ({ recurrence }) => recurrence !== null,
  'all log-linear': ({ logLinear }) => logLinear,
  'all delta rules': ({ recurrence }) => recurrence?.beta ?? false,
};

function spokenAbout(law: Law): string {
  const names = systems.filter((system) => law.appliesTo(system)).map(({ name }) => name);
  const same = ([, test]: [string, (system: System) => boolean]): boolean =>
    systems.every((system) => test(system) === names.includes(system.name));
  return Object.entries(SETS).find(same)?.[0] ?? names.filter((name) => !name.startsWith('log-linear')).join(' ');
}

/** "state" where every drawn case has it, "state?" where some have, nothing where none has. */
function drawn(cases: readonly Case[]): string {
  const features: [string, (c: Case) => boolean][] = [
    ['gradients', ({ cotangents }) => cotangents !== undefined],
    ['state', ({ inputs }) => inputs.initialState !== undefined],
    ['packed', ({ cuSeqlens }) => cuSeqlens !== undefined],
    ['structures', ({ structure }) => structure !== undefined],
    ['B>1', (c) => sizesOf(c).B > 1],
    ['H>1', (c) => sizesOf(c).H > 1],
  ];
  const words = features.flatMap(([word, has]) => {
    const count = cases.filter(has).length;
    if (count === cases.length) return [word];
    return count > 0 && !word.includes('>') ? [`${word}?`] : [];
  });
  return words.join(' ');
}

/** Name, group, systems, abilities, laws that must hold first, cases, notes. */
type Row = [
  name: string,
  group: Law['group'],
  about: string,
  needs: string,
  after: string,
  draws: string,
  ...notes: string[],
];

const TABLE: Row[] = [
  ['forward-within-its-bound', 'equivalence', 'all systems', '', '', 'state? packed? structures?'],
  [
    'forward-within-its-noise',
    'equivalence',
    'all systems',
    '',
    'forward-within-its-bound',
    'state? packed? structures?',
  ],
  ['forward-equals-masked', 'equivalence', 'all systems', '', '', 'state? packed? structures?'],
  ['forward-equals-recurrent', 'equivalence', 'all recurrences', '', '', 'state? packed? structures?'],
  ['forward-equals-chunked', 'equivalence', 'all recurrences', '', '', 'state? packed?'],
  ['forward-equals-definition', 'equivalence', 'all systems', '', '', 'state? packed? structures?'],
  [
    'chunk-size-invariance',
    'equivalence',
    'all recurrences',
    'chunkSizes',
    '',
    'gradients state? packed?',
    'chunk sizes # and #',
  ],
  ['packed-equals-separate', 'equivalence', 'all systems', 'packed', '', 'gradients state? packed'],
  ['batch-permutation', 'equivalence', 'all systems', '', '', 'gradients state? B>1', 'rows in order #'],
  ['head-permutation', 'equivalence', 'all systems', 'groups', '', 'gradients state? packed?', 'groups in order #'],
  ['groups-equal-repeated-heads', 'equivalence', 'all systems', 'groups', '', 'gradients state? packed?'],
  ['prefix', 'equivalence', 'all systems', '', '', 'state? structures?', 'the first # of # positions'],
  ['views-equal-copies', 'equivalence', 'all systems', 'views', '', 'gradients state? packed?'],
  ['same-answer-twice', 'equivalence', 'all systems', '', '', 'gradients state?'],
  ['causal-forward', 'causality', 'all systems', '', '', 'state? structures?', 'changed after position # of #'],
  [
    'causal-forward-nonfinite',
    'causality',
    'all systems',
    '',
    'causal-forward',
    'state? structures?',
    'changed after position # of #',
  ],
  [
    'causal-backward',
    'causality',
    'all systems',
    'gradients',
    'causal-forward',
    'gradients state? structures?',
    'cotangent up to position # of #',
  ],
  ['isolated-packed-sequences', 'causality', 'all systems', 'packed', '', 'state? packed', 'disturbed number # of #'],
  [
    'isolated-packed-sequences-nonfinite',
    'causality',
    'all systems',
    'packed',
    'isolated-packed-sequences',
    'state? packed',
    'disturbed number # of #',
  ],
  [
    'isolated-packed-sequences-backward',
    'causality',
    'all systems',
    'packed gradients',
    'isolated-packed-sequences',
    'gradients state? packed',
    'no cotangent in number # of #',
  ],
  ['isolated-batch-rows', 'causality', 'all systems', '', '', 'state? B>1', 'disturbed number # of #'],
  [
    'isolated-batch-rows-backward',
    'causality',
    'all systems',
    'gradients',
    'isolated-batch-rows',
    'gradients state? B>1',
    'no cotangent in number # of #',
  ],
  ['isolated-heads', 'causality', 'all systems', '', '', 'state? H>1', 'disturbed number # of #'],
  [
    'isolated-heads-backward',
    'causality',
    'all systems',
    'gradients',
    'isolated-heads',
    'gradients state? H>1',
    'no cotangent in number # of #',
  ],
  [
    'split-through-state',
    'state',
    'all recurrences',
    'state',
    '',
    'state? structures?',
    'split after # of # positions',
  ],
  [
    'split-through-state-backward',
    'state',
    'all recurrences',
    'state gradients',
    'split-through-state',
    'gradients state? structures?',
    'split after # of # positions',
  ],
  ['step-by-step', 'state', 'all recurrences', 'state', '', 'state? structures?'],
  ['empty-call-keeps-the-state', 'state', 'all recurrences', 'state', '', 'gradients state structures?'],
  ['no-state-is-a-zero-state', 'state', 'all recurrences', 'state', '', 'state structures?'],
  ['states-alive', 'state', 'all log-linear', 'state', '', ''],
  ['short-state-is-extended', 'state', 'all log-linear', 'state', '', 'state'],
  ['linear-in-v', 'algebra', 'all systems', '', '', 'state? packed? structures?', '# x + # y'],
  ['linear-in-q', 'algebra', 'all recurrences', '', '', 'state? packed? structures?', '# x + # y'],
  ['linear-in-lambda', 'algebra', 'all log-linear', '', '', 'state? packed? structures?', '# x + # y'],
  ['linear-in-initial-state', 'algebra', 'all recurrences', 'state', '', 'state packed? structures?'],
  ['power-of-two-scales-bitwise', 'algebra', 'all systems', '', '', 'state? packed? structures?', 'times #^#'],
  ['scale-multiplies-the-output', 'algebra', 'all recurrences', '', '', 'state? packed?', 'scale #'],
  ['unit-lambda-collapses', 'algebra', 'all log-linear', '', '', 'gradients state? packed? structures?'],
  [
    'zero-decay-collapses',
    'algebra',
    'retention mamba2 gla gated-deltanet kimi-delta',
    '',
    '',
    'state? packed? structures?',
    'onto log-linear-deltanet',
  ],
  [
    'equal-channels-collapse',
    'algebra',
    'gla kimi-delta',
    '',
    '',
    'state? packed? structures?',
    'onto log-linear-gated-deltanet',
  ],
  ['constant-decay-collapses', 'algebra', 'retention', '', '', 'state? packed? structures?', 'onto log-linear-mamba2'],
  [
    'zero-beta-writes-nothing',
    'algebra',
    'all delta rules',
    '',
    '',
    'state? packed? structures?',
    'onto log-linear-gla',
  ],
  ['orthonormal-keys-recall', 'algebra', 'all delta rules', '', '', ''],
  [
    'one-level-reads-its-bucket',
    'algebra',
    'all log-linear',
    '',
    'unit-lambda-collapses',
    'structures?',
    'level # of query #',
  ],
  ['one-hot-values-read-the-mask', 'algebra', 'all log-linear', '', '', 'structures?', 'all levels', 'level # alone'],
  ['delta-rule-is-a-triangular-solve', 'algebra', 'all delta rules', '', '', 'structures?'],
  ['softmax-weights-sum-to-one', 'algebra', 'softmax', '', '', 'packed?'],
  ['softmax-ignores-a-common-key', 'algebra', 'softmax', '', '', 'packed?'],
  [
    'reset-forgets',
    'robustness',
    'mamba2 gla gated-deltanet kimi-delta',
    '',
    '',
    'gradients state? structures?',
    'reset at position # of #',
  ],
  [
    'unread-level-scales',
    'robustness',
    'all log-linear',
    '',
    '',
    'gradients packed? structures?',
    '# levels more than needed, B #, H #',
  ],
  ['finite-in-finite-out', 'robustness', 'all systems', '', '', 'gradients state? packed? structures?'],
  [
    'backward-within-its-bound',
    'gradients',
    'all systems',
    'gradients',
    'forward-within-its-bound',
    'gradients state? packed? structures?',
  ],
  [
    'backward-within-its-noise',
    'gradients',
    'all systems',
    'gradients',
    'backward-within-its-bound',
    'gradients state? packed? structures?',
  ],
  [
    'backward-equals-masked',
    'gradients',
    'all systems',
    'gradients',
    'forward-equals-masked',
    'gradients state? packed? structures?',
  ],
  [
    'backward-equals-recurrent',
    'gradients',
    'all recurrences',
    'gradients',
    'forward-equals-recurrent',
    'gradients state? packed? structures?',
  ],
  [
    'backward-equals-chunked',
    'gradients',
    'all recurrences',
    'gradients',
    'forward-equals-chunked',
    'gradients state? packed?',
  ],
  [
    'finite-differences',
    'gradients',
    'all systems',
    'gradients',
    '',
    'gradients state? packed? structures?',
    'along a random direction',
    'along one element',
  ],
  [
    'adjoint-identity',
    'gradients',
    'all systems',
    'gradients',
    '',
    'gradients state? packed? structures?',
    'along a random direction',
    'along one element',
  ],
  ['backward-is-linear', 'gradients', 'all systems', 'gradients', '', 'gradients state? packed?'],
];

it('are all in the table, each after those that must hold first', () => {
  const names = laws.map(({ name }) => name);
  expect(names).toEqual(TABLE.map(([name]) => name));
  laws.forEach(({ prerequisites }, i) => {
    for (const before of prerequisites) expect(names.slice(0, i)).toContain(before);
  });
  expect(findLaw('no such law')).toBeUndefined();
});

it.each(TABLE)('%s: whom it speaks about, and what it needs', (name, group, about, needs, after) => {
  const law = findLaw(name) as Law;
  expect([law.group, spokenAbout(law), law.needs.join(' '), law.prerequisites.join(' ')]).toEqual([
    group,
    about,
    needs,
    after,
  ]);
});

it.each(TABLE)('%s: its cases, correct answers to them, and a note of what was looked at', async (...row) => {
  const [name, , , , , draws, ...notes] = row;
  const law = findLaw(name) as Law;
  const system = systems.findLast((each) => law.appliesTo(each)) as System;
  const cases = fc.sample(law.draw(system, masked), { seed: 7, numRuns: 14 });
  expect(drawn(cases.map(({ c }) => c))).toBe(draws);
  const small = cases.filter(({ c }) => sizesOf(c).T > 1 && sizesOf(c).T < 10 && sizesOf(c).K * sizesOf(c).V < 30);
  for (const draw of small.slice(0, 2)) {
    const { holds, note } = await law.check(masked, draw);
    expect(holds, note).toBe(true);
    const words = note?.replace(/;.*/, '').replace(/(?<![a-z])-?\d+([.,]\d+)*/g, '#');
    expect(notes.length === 0 ? [undefined] : notes).toContain(words);
  }
});
