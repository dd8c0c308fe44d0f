/** What passes as an answer to a fixture, and what does not. */
import { describe, expect, it } from 'vitest';
import { listCases } from '../../fixtures/catalogue.ts';
import type { Fixture } from '../../fixtures/fixture.ts';
import { generateFixture } from '../../fixtures/generate.ts';
import { type AnswerTensor, judgeAnswer, lawsOf, type Reply } from '../../fixtures/judge.ts';
import { FixtureVerdicts } from '../../gate/fixtures/verdicts.ts';

const fixtureOf = (name: string): Fixture => generateFixture(listCases({ set: 'full', names: [name] })[0]);
const ordinary = fixtureOf('log-linear-mamba2.ordinary.float32');
const packed = fixtureOf('log-linear-mamba2.packed.float32');
const groups = fixtureOf('log-linear-mamba2.groups.float32');
const stated = fixtureOf('log-linear-mamba2.from-a-state.float32');
const softmax = fixtureOf('softmax.ordinary.float32');

/** The expected values themselves, with changes; null takes one away. */
function reply({ tensors }: Fixture, changes: Record<string, Partial<AnswerTensor> | null> = {}): Reply {
  const right = tensors
    .filter(({ name }) => name.startsWith('expected.'))
    .map(({ name, shape, data }): [string, AnswerTensor] => [name.slice('expected.'.length), { shape, data }]);
  const given = new Map(right);
  for (const [name, change] of Object.entries(changes)) {
    if (change === null) given.delete(name);
    else given.set(name, { ...(given.get(name) as AnswerTensor), ...change });
  }
  return { tensors: given };
}
const outcome = (fixture: Fixture, given: Reply): Record<string, string> =>
  Object.fromEntries(judgeAnswer(fixture, given).map(({ law, status }) => [law, status]));

const RIGHT = { 'fixture-forward': 'passed', 'fixture-final-state': 'passed', 'fixture-gradients': 'passed' };

describe('one answer', () => {
  it('that is the expected one passes', () => {
    expect(outcome(ordinary, reply(ordinary))).toEqual(RIGHT);
  });

  it.each([
    ['position', { position: { data: Float64Array.of(99) } }],
    ['position, where there is no finalState', { position: { data: Float64Array.of(99) }, finalState: null }],
    ['a shape', { o: { shape: [1, 5, 1, 4] } }],
    ['NaN', { o: { data: new Float64Array(20).fill(Number.NaN) } }],
  ])('is wrong for %s', (_what, changes) => {
    expect(outcome(ordinary, reply(ordinary, changes))['fixture-forward']).toBe('failed');
  });

  it('says which position is wrong', () => {
    const [{ why }] = judgeAnswer(packed, reply(packed, { position: { data: Float64Array.of(3, 5, 3) } }));
    expect(why).toContain('position[2] is 3, where 2 is wanted exactly');
  });

  it('has positions also where there is no state', () => {
    const given = reply(softmax, { position: { data: Float64Array.of(7) } });
    expect(outcome(softmax, given)['fixture-forward']).toBe('failed');
  });

  it('has no gradient of what the case does not have', () => {
    const beta = { shape: [1, 5, 2], data: new Float64Array(10) };
    const [{ why }] = judgeAnswer(ordinary, reply(ordinary, { 'gradients.beta': beta })).slice(2);
    expect(why).toBe('gradients.beta, where the case has no such input');
  });

  it('need not have gradients of levels that hold nothing', () => {
    const { shape, data } = stated.tensors.find(
      ({ name }) => name === 'expected.gradients.initialState',
    ) as AnswerTensor;
    const state = stated.tensors.find(({ name }) => name === 'inputs.initialState') as AnswerTensor;
    const block = shape[3] * shape[4];
    const isEmpty = (at: number): boolean =>
      state.data.subarray(at - (at % block), at - (at % block) + block).every((value) => value === 0);
    const live = data.map((value, at) => (isEmpty(at) ? 0 : value));
    expect([...data.keys()].some(isEmpty)).toBe(true);
    expect(live).not.toEqual(data);
    expect(outcome(stated, reply(stated, { 'gradients.initialState': { data: live } }))).toEqual(RIGHT);
    const none = reply(stated, { 'gradients.initialState': { data: new Float64Array(data.length) } });
    expect(outcome(stated, none)['fixture-gradients']).toBe('failed');
  });

  it('has the gradient of a flat state, which is never empty', () => {
    const flat = fixtureOf('gated-deltanet.shrunk-dstate-missing.float32');
    const { data } = flat.tensors.find(({ name }) => name === 'bounds.gradients.initialState') as AnswerTensor;
    expect([...data].every(Number.isFinite)).toBe(true);
    const none = reply(flat, { 'gradients.initialState': { data: new Float64Array(data.length) } });
    expect(outcome(flat, none)['fixture-gradients']).toBe('failed');
  });

  it('that refuses says for which argument, and as what kind', () => {
    const bad = fixtureOf('log-linear-mamba2.refuses-no-v.float32');
    const refused = (argument: string, kind?: string): string =>
      judgeAnswer(bad, { refused: { argument, message: '', kind } })[0].status;
    expect([refused('v'), refused('v', 'invalid-input'), refused('v', 'other'), refused('q')]).toEqual([
      'passed',
      'passed',
      'failed',
      'failed',
    ]);
  });
});

describe('answers together', () => {
  const verdictsOf = (answers: [Fixture, Reply][]): Record<string, string> => {
    const verdicts = new FixtureVerdicts('there', 0);
    for (const [fixture, given] of answers) {
      const judged = judgeAnswer(fixture, given);
      verdicts.add(fixture.header, lawsOf(fixture), { name: 'mine', dtype: 'float32' }, { judged });
    }
    return Object.fromEntries(verdicts.all().map(({ law, status }) => [law, status]));
  };
  const without = (fixture: Fixture): [Fixture, Reply] => {
    const names = fixture.tensors.map(({ name }) => name).filter((name) => name.startsWith('expected.gradients.'));
    return [fixture, reply(fixture, Object.fromEntries(names.map((name) => [name.slice(9), null])))];
  };

  it('without any gradients do not cover them', () => {
    expect(verdictsOf([without(ordinary), without(packed)])['fixture-gradients']).toBe('not-covered');
  });

  it('with some have to have all', () => {
    const right: [Fixture, Reply] = [ordinary, reply(ordinary)];
    const alike = fixtureOf('log-linear-mamba2.power-of-two.float32');
    expect(verdictsOf([right, without(alike)])['fixture-gradients']).toBe('failed');
    expect(verdictsOf([right, [alike, reply(alike)]])['fixture-gradients']).toBe('passed');
  });

  it('are excused of what nobody of theirs does: packed sequences here, and no groups there', () => {
    expect(verdictsOf([[ordinary, reply(ordinary)], without(packed)])['fixture-gradients']).toBe('passed');
    const mixed = verdictsOf([[packed, reply(packed)], [groups, reply(groups)], without(packed)]);
    expect(mixed['fixture-gradients']).toBe('failed');
  });

  it('need a final state where a state comes in, and else not', () => {
    const half: [Fixture, Reply] = [packed, reply(packed, { finalState: null })];
    expect(verdictsOf([[ordinary, reply(ordinary)], half])['fixture-final-state']).toBe('passed');
    const lost: [Fixture, Reply] = [stated, reply(stated, { finalState: null })];
    const other = fixtureOf('log-linear-mamba2.one-step.float32');
    expect(verdictsOf([[other, reply(other)], lost])['fixture-final-state']).toBe('failed');
  });
});
