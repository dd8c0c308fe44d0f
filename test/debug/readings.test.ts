/** Kernels whose faults are easily taken for others: what is said of them, and what may not be. */
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../debug/failure.ts';
import { localise } from '../../debug/localise/localise.ts';
import { probe } from '../../debug/probe/probe.ts';
import { mapTensor, scaleTensor, tensorBy, withInputs } from '../../properties/edit.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';
import { findPrecision, type Precision, roundTensor } from '../../properties/precision.ts';
import type { Answer, Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { failureBy, makeCase, type Wanted } from './failing.ts';

const SYSTEM = 'log-linear-mamba2';
const float32 = findPrecision('float32') as Precision;

/** A kernel of ours with something done to its cases and its answers. */
const kernel = (run: (c: Case) => Answer): Implementation => ({ ...builtIn[1], name: 'kernel', run });
const onOutput = (change: (c: Case, o: Tensor) => Tensor): Implementation =>
  kernel((c) => {
    const answer = compute(c);
    return { ...answer, o: change(c, answer.o) as Answer['o'] };
  });

async function said(
  subject: Implementation,
  c: Case,
): Promise<{ text: string; sentences: string[]; failure: Failure }> {
  const failure = await failureBy(subject, c);
  const { sentences } = await probe(subject, failure);
  return { text: [...localise(failure).sentences, ...sentences].join('\n'), sentences, failure };
}

const of = (subject: Implementation, wanted: Wanted = {}, system = SYSTEM): ReturnType<typeof said> =>
  said(subject, makeCase(system, wanted, subject.precision));

/** Values in other channels, heads or rows. */
const values = (move: (index: readonly number[], shape: readonly number[]) => readonly number[]): Implementation =>
  kernel((c) => {
    const v = c.inputs.v as Tensor;
    return compute(withInputs(c, { v: mapTensor(v, (_, index) => v.get(...move(index, v.shape))) }));
  });

describe('numbers that are none', () => {
  it('one of them is no overflow of decays', async () => {
    const last = onOutput((_, o) =>
      mapTensor(o, (value, index) => (index.every((each, axis) => each === o.shape[axis] - 1) ? Number.NaN : value)),
    );
    const { sentences } = await of(last, { T: 7 });
    expect(sentences[0]).toMatch(/^1 of 49 entries of P are no numbers \(NaN.*\): /);
    expect(sentences.join()).not.toMatch(/overflow|decays|level/);
  });

  it('all of them have no levels to tell of', async () => {
    const { sentences } = await of(onOutput((_, o) => mapTensor(o, () => Number.NaN)));
    expect(sentences[0]).toBe('100 of 100 entries of P are no numbers (NaN): everywhere');
    expect(sentences.join()).not.toMatch(/level scales|overflow|masked/);
  });
});

describe('larger than what is right', () => {
  const growing = (c: Case): Answer => compute(withInputs(c, { g: scaleTensor(c.inputs.g as Tensor, -1) }));
  it.each([
    ['float64', builtIn[1].precision],
    ['float32', float32],
  ])('a wrong sign of g is no rounding, in %s', async (_, precision) => {
    const subject: Implementation = {
      ...kernel((c) => {
        const { o, ...answer } = growing(c);
        return { ...answer, o: roundTensor(precision.output, o) };
      }),
      precision,
    };
    const { text } = await of(subject, { T: 20, H: 1 });
    expect(text).not.toContain('rounds to fewer bits');
    expect(text).toContain('decays have the wrong sign: exp(-g)');
  });
});

describe('value channels', () => {
  const swapped = values(([b, t, h, j], [, , , V]) => [b, t, h, (j + V / 2) % V]);
  const half = onOutput((_, o) => mapTensor(o, (value, [, , , j]) => (j >= o.shape[3] / 2 ? 0 : value)));

  it('exchanged halves are no levels', async () => {
    const { sentences } = await of(swapped, { V: 4, T: 10 });
    expect(sentences[0]).toBe(
      'the fault is in the value channels: value channels from 0 on hold what is right for 2, 3, 0 and 1 (V = 4)',
    );
    expect(sentences.join()).not.toMatch(/level|D\[|own token/);
  });

  it('a half of zeros is not a set of keys', async () => {
    const { sentences } = await of(half, { V: 4, T: 10 });
    expect(sentences[0]).toBe('the fault is in the value channels: value channels 2 and 3 are 0 (V = 4)');
    expect(sentences.join()).not.toMatch(/entries of P|level|keys from/);
  });

  it('values of another head, and of another row', async () => {
    const heads = await of(
      values(([b, t, , j]) => [b, t, 0, j]),
      { H: 3 },
    );
    expect(heads.sentences[0]).toBe('every head uses the values of head 0');
    const rows = await of(
      values(([, t, h, j]) => [0, t, h, j]),
      { B: 2 },
    );
    expect(rows.text).toContain('batch row 1 uses the values of row 0');
  });
});

describe('factors', () => {
  const scaledBy = (factor: (c: Case) => number): Implementation => onOutput((c, o) => scaleTensor(o, factor(c)));
  const K = (c: Case): number => (c.inputs.q as Tensor).shape[3];
  /** What each factor is, where K = 4 and scale = 0.5 make all of them the same. */
  const readings: [string, (c: Case) => number][] = [
    ['scale (0.5) is applied twice', (c) => c.scale ?? 1],
    ['1 / sqrt(K) is multiplied to scale', (c) => 1 / Math.sqrt(K(c))],
    ['every entry of P is 0.5 times what is right', () => 0.5],
  ];
  it.each(readings)('%s', async (words, factor) => {
    const { sentences } = await of(scaledBy(factor), { K: 4, scale: 0.5 });
    expect(sentences.filter((each) => / times what is right/.test(each))).toEqual([
      words.startsWith('every') ? words : `${words}: every entry of P is 0.5 times what is right`,
    ]);
  });

  it('none is named that prints as 1', async () => {
    const { text } = await of(scaledBy(() => 1 + 1e-9));
    expect(text).not.toContain(' 1 times');
    expect(text).toContain('nearly the right value: off by up to 1e-9 of it');
  });
});

describe('words for places', () => {
  it('levels are those of the structure', async () => {
    const c: Case = { ...makeCase(SYSTEM, { T: 20, extraLevels: 1 }), structure: { kind: 'weak', base: 3 } };
    const late = kernel((asked) => {
      const answer = compute(asked);
      return { ...answer, o: mapTensor(answer.o, (value, [, t]) => (t >= 9 ? value + 1 : value)) };
    });
    expect((await said(late, c)).text).toContain('positions from 9 on, where level 3 begins');
    expect((await said(late, c)).text).not.toMatch(/bit \d+ of/);
  });

  it('with a state they follow from the position, not from the index', async () => {
    const late = onOutput((_, o) => mapTensor(o, (value, [, t]) => (t >= 3 ? value + 1 : value)));
    const { text } = await of(late, { T: 9, position: [5], state: true });
    expect(text).toContain('positions from 3 on');
    expect(text).not.toMatch(/where level|that read level/);
  });

  it('softmax has no chunks', async () => {
    const late = onOutput((_, o) => mapTensor(o, (value, [, t]) => (t >= 8 ? value + 1 : value)));
    expect((await of(late, { T: 13, C: 8 }, 'softmax')).text).not.toContain('chunk');
  });

  it('a set of entries of P that is not all of it says so', async () => {
    const uneven = kernel((c) => {
      const { lambda } = c.inputs as { lambda: Tensor };
      // most of the later rows, and one before them
      const wrong = (t: number): boolean => t === 2 || (t >= 8 && t !== 13);
      return compute(withInputs(c, { lambda: mapTensor(lambda, (value, [, t]) => (wrong(t) ? 2 * value : value)) }));
    });
    const { sentences } = await of(uneven, { T: 24, H: 1 });
    const set = sentences.find((each) => /entries of P are wrong/.test(each));
    expect(set).toMatch(/no simple set|% of (it|what) is wrong/);
  });
});

describe('softmax', () => {
  interface Change {
    score?(x: number): number;
    reads?(t: number, s: number): boolean;
    sums?(t: number, s: number): boolean;
    divides?: boolean;
  }
  const past = (t: number, s: number): boolean => s <= t;
  const weights = (c: Case, { score = (x) => x, reads = past, sums = reads, divides = true }: Change): Answer => {
    const { q, k, v } = c.inputs as Record<'q' | 'k' | 'v', Tensor>;
    const [, T, H] = v.shape;
    const [, , G, K] = q.shape;
    const scale = c.scale ?? 1;
    const o = tensorBy(v.shape, ([b, t, h, j]) => {
      const group = Math.floor((h * G) / H);
      let [sum, total] = [0, 0];
      for (let s = 0; s < T; s++) {
        let product = 0;
        for (let i = 0; i < K; i++) product += q.get(b, t, group, i) * k.get(b, s, group, i);
        const weight = Math.exp(score(scale * product));
        if (reads(t, s)) sum += weight * v.get(b, s, h, j);
        if (sums(t, s)) total += weight;
      }
      return divides ? sum / (total || 1) : sum;
    });
    return { ...compute(c), o };
  };
  const bugs: [words: string, run: (c: Case) => Answer][] = [
    ['scale (0.5) is missing', (c) => weights(c, { score: (x) => 2 * x })],
    ['the mask is s <= t + 1', (c) => weights(c, { reads: (t, s) => s <= t + 1 })],
    ['the mask is s < t', (c) => weights(c, { reads: (t, s) => s < t })],
    ['the causal mask is missing', (c) => weights(c, { reads: () => true })],
    ['weights are not divided by their sum', (c) => weights(c, { divides: false })],
    ['divided by a sum over all keys', (c) => weights(c, { sums: () => true })],
    ['exp2 is taken of the scores', (c) => weights(c, { score: (x) => x * Math.LN2 })],
  ];
  it.each(bugs)('%s', async (words, run) => {
    const subject = { ...kernel((c) => run(c)), abilities: { ...builtIn[0].abilities, gradients: false } };
    const scaled = (c: Case): Answer => (words.startsWith('scale') ? compute({ ...c, scale: 1 }) : run(c));
    const { sentences } = await of({ ...subject, run: scaled }, { T: 7, scale: 0.5 }, 'softmax');
    expect(sentences.join('\n')).toContain(words);
  });
});
