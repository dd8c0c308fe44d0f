/** What a diagnosis says and does not say: of answers alone, of what could not be compared. */
import { describe, expect, it } from 'vitest';
import { clockOf, createPatience, limited, reasonLine } from '../../debug/budget.ts';
import { diagnose } from '../../debug/diagnose/diagnose.ts';
import { createMemory } from '../../debug/diagnose/trial.ts';
import { dictionaryFor } from '../../debug/dictionary/entries.ts';
import { type Failure, failureOf } from '../../debug/failure.ts';
import { type Implementation, NoAnswer } from '../../properties/law.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { compute } from '../../reference/operator.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { failureOn } from './blind.ts';
import { makeCase, mutantNamed } from './failing.ts';

const SYSTEM = 'log-linear-mamba2';
const memory = createMemory();
const precision = (name: string): Precision => findPrecision(name) as Precision;

describe('what could not be compared is said', () => {
  const wrong = mutantNamed('own-token-missing').implementation;
  const c = makeCase(SYSTEM, { T: 6, H: 1 });

  it('cases without an answer, and why; after many of them no more is asked', async () => {
    let asked = 0;
    const subject: Implementation = {
      ...wrong,
      run(each) {
        if (asked++ > 4) throw new NoAnswer('crashed: out of memory\n  more');
        return wrong.run(each);
      },
    };
    const failure = await failureOn(subject, c);
    const { unanswered, cutShort, text } = await diagnose(subject, failure, { memory, pairs: false });
    expect(unanswered).toHaveLength(12);
    expect(cutShort).toBe('12 questions got no answer');
    expect(text.join('\n')).toMatch(/12 cases got no answer; the first, .*: crashed: out of memory\nNot everything/);
  });

  it('a traceback by its last line', () => {
    expect(reasonLine('crashed: it ended with exit code 7\n  it printed:\n    so long')).toBe(
      'crashed: it ended with exit code 7',
    );
    expect(reasonLine('refused: File "kernel.py", line 3, in forward\n    launch()\nValueError: V has to be 64')).toBe(
      'refused: ValueError: V has to be 64',
    );
  });

  it('the time that was up', async () => {
    const failure = await failureOn(wrong, c);
    const { cutShort, text } = await diagnose(wrong, failure, { memory, clock: { isOver: () => true, left: () => 0 } });
    expect(cutShort).toBe('the time is up');
    expect(text.join(' ')).toContain('Not everything was compared');
    expect(clockOf(1000).isOver(0.5)).toBe(false);
    expect(clockOf(0).isOver(0.5)).toBe(true);
  });

  it('a failing case that is right the second time, one that is too large, and one without outputs', async () => {
    const right: Implementation = { ...wrong, run: (each) => compute(each) };
    const failure = await failureOn(wrong, c);
    expect((await diagnose(right, failure, { memory })).text[0]).toMatch(
      /^Asked again, the failing case is answered right/,
    );
    const large = makeCase(SYSTEM, { T: 600, H: 8, K: 64, V: 64 });
    const shape = [...(large.inputs.v as Tensor).shape];
    const zeros = tensor(new Float64Array(600 * 8 * 64), shape);
    const o = { axes: 'BTHV', shape, data: toDense(zeros).fill(1), bound: toDense(zeros) };
    const failing = failureOf(
      large,
      precision('float64'),
      { o: zeros, position: [] },
      { tensors: new Map([['o', o]]) },
    );
    const said = await diagnose(right, failing, { memory });
    expect(said.failing).toBe('too large');
    expect(said.text[0]).toMatch(/^The failing case is too large to be compared .* that were: no bug is named/);
    const missing: Failure = { ...failure, outputs: [], faults: ['o is missing'] };
    expect((await diagnose(null, missing, { memory })).text[0]).toMatch(/^What is missing/);
  });

  it('a failing case of a kernel’s size is compared with what it answered', async () => {
    const late: Implementation = {
      ...wrong,
      run(each) {
        const answer = compute(each);
        if (each.inputs.q?.shape[1] === 300) answer.o.data.fill(0, 200 * 2 * 16);
        return answer;
      },
    };
    const failing = await failureOn(late, makeCase(SYSTEM, { T: 300, H: 2, K: 16, V: 16 }));
    const { wrong: count, text } = await diagnose(late, failing, { memory, pairs: false });
    expect(count).toBe(1);
    expect(text[0]).toMatch(/^No known bug explains your outputs on 1 wrong case/);
  });
});

it('all of it is there for whoever imports the package', async () => {
  const lib = await import('../../index.ts');
  const kernel = mutantNamed('own-token-missing').implementation;
  const c = makeCase(SYSTEM, { T: 5, H: 1, K: 2, V: 2 });
  const failure = lib.failureOf(c, kernel.precision, await kernel.run(c), lib.expectedOf(c, kernel.precision));
  expect(lib.isWrong(failure)).toBe(true);
  expect(lib.localise(failure).sentences.join()).toContain('elements of o are wrong');
  expect((await lib.probe(kernel, failure)).sentences.join()).toContain('own token (level 0) is read not at all');
  expect((await lib.diagnose(kernel, failure, { memory })).causes[0].names).toEqual(['own-token-missing']);
  const budget = { questions: 100, seconds: 20 };
  const smallest = await lib.minimise(kernel, c, lib.stillWrong(kernel, failure), budget);
  expect(smallest.c.inputs.q?.shape).toEqual([1, 1, 1, 1]);
});

it('two bugs at once are looked for in one answer alone', async () => {
  const names = ['decay-of-the-query-excluded', 'lambda-of-the-key'];
  const c = makeCase(SYSTEM, { T: 9, H: 1 });
  const [a, b] = names.map((name) => dictionaryFor(SYSTEM).find((entry) => entry.name === name));
  const { pairOf } = await import('../../debug/dictionary/entries.ts');
  const both = pairOf(a as NonNullable<typeof a>, b as NonNullable<typeof b>, SYSTEM);
  const failure = await failureOn((both as NonNullable<typeof both>).implementation, c);
  const { pairs, triedPairs } = await diagnose(null, failure, { memory });
  expect(triedPairs).toBe(true);
  expect(pairs.map((pair) => pair.names.toSorted())).toContainEqual(names.toSorted());
});

it('a limited implementation is asked no more when its stage has to end, or when it takes all of its time again and again', async () => {
  class Slow extends NoAnswer {
    override get isCostly(): boolean {
      return true;
    }
  }
  const subject: Implementation = {
    ...mutantNamed('own-token-missing').implementation,
    run() {
      throw new Slow('timed-out');
    },
  };
  const c = makeCase(SYSTEM);
  const patience = createPatience();
  const slow = limited(subject, clockOf(1000), 1, patience);
  for (let i = 0; i < 3; i++) await expect(slow.run(c)).rejects.toThrow('timed-out');
  await expect(slow.run(c)).rejects.toThrow('asked no more: 3 questions took all of their time limit');
  expect(patience.count()).toBe(3);
  await expect(limited(subject, clockOf(0), 1).run(c)).rejects.toThrow('the time is up');
});
