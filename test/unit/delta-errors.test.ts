/** Errors of the delta rule in one channel, where every sum has few enough terms to be written out. All numbers are exact. */
import { describe, expect, it } from 'vitest';
import { deltaErrors } from '../../properties/errors/delta.ts';
import { certain, likely, type Measure } from '../../properties/errors/measure.ts';
import { bfloat16, DOUBLE } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { headOf } from '../../reference/operator.ts';
import { checkCase } from '../../reference/shapes.ts';
import { type Tensor, tensor } from '../../reference/tensor.ts';

const of = (shape: number[], ...values: number[]): Tensor => tensor(Float64Array.from(values), shape);
const list = (values: Float64Array): number[] => [...values];

const measures: [string, Measure][] = [
  ['certain', certain],
  ['likely', likely({ ...DOUBLE, product: bfloat16 })],
  // vectors of many channels that meet at an angle, in one channel
  ['at an angle', { ...certain, across: () => 0.5 }],
];
/** One rounding of a sum and of a factor; of each token's step and source. */
const [SUMS, FACTORS] = [2 ** -6, 2 ** -4];
const STEP = [2 ** -3, 2 ** -2];
const SOURCE = [2 ** -5, 2 ** -7];
/** Half of what was there, from each token to the next. */
const DECAY = 0.5;
const SCALE = -2;

describe.each(measures)('%s', (_, m) => {
  const [sums, factors] = [(n: number) => m.of(n * SUMS), (n: number) => m.roundings(n, FACTORS)];
  const source = SOURCE.map(m.of);
  const across = m.across(1);
  /** What v' and the solve are off by, in chunks of so many tokens; what a step by itself is. */
  const once = (longest: number): number => factors(5) + sums(longest + 4);
  /** v' of token t, by what s has written: the decays of both are off. What a query reads back to t: that of t alone. */
  const write = (t: number, s: number, longest: number): number => once(longest) + source[t] + source[s];
  const readAt = (t: number, longest: number): number => once(longest) + source[t];
  const solve = (longest: number): number => factors(4) + sums(1 + longest + 4);
  const alone = (erased: number): number => sums(4) + (sums(5) + factors(2)) * erased;

  it('one token that finds a state', () => {
    const [q, k, beta, v, S, dO, dF] = [-3, 2, 0.5, 5, -7, 3, -4];
    const c: Case = {
      system: 'gated-deltanet',
      scale: SCALE,
      inputs: {
        q: of([1, 1, 1, 1], q),
        k: of([1, 1, 1, 1], k),
        v: of([1, 1, 1, 1], v),
        beta: of([1, 1, 1], beta),
        g: of([1, 1, 1], -Math.LN2),
        initialState: of([1, 1, 1, 1, 1], S),
      },
    };
    const x = headOf(checkCase('test', c), 0, 0);
    const costs = { sums: SUMS, factors: FACTORS, step: Float64Array.of(STEP[0]), source: Float64Array.of(SOURCE[0]) };
    const cotangents = { o: Float64Array.of(dO), state: Float64Array.of(dF) };
    const { size, growth } = deltaErrors(x, cotangents, { ...costs, chunk: 64 }, m);

    const w = beta * v;
    const after = DECAY * (1 - beta * k * k) * S + k * w;
    const [aq, ak, ab, aw, aS, ad, scale] = [q, k, beta, w, S, DECAY, SCALE].map(m.of);
    const [adO, adF] = [dO, dF].map(m.of);
    const erased = across * ab * ak * ak;
    // sums that give the state: what was there, what is erased of it, what is written
    const state = (ad + ak * across * ab * ak * ad) * aS + ak * aw;
    // the query reads the state as it is; or as its chunk gives it
    const finds = across * ab * ak * ad;
    const read = (aq * ak * finds + across * aq * ad) * aS + across * aq * m.of(after) + aq * ak * aw;
    const z = m.of(STEP[0]);
    const writes = write(0, 0, 1);
    const error = ad * (alone(erased) * aS + z * aS) + ak * writes * finds * aS + ak * writes * aw;
    expect(list(size.o)).toEqual([scale * read]);
    expect(list(size.state)).toEqual([state]);
    expect(list(growth.o)).toEqual([scale * across * aq * error]);
    expect(list(growth.state)).toEqual([error]);

    const dS = dF + SCALE * q * dO;
    const whole = adF + scale * aq * adO;
    const readBack = across * ak * adF + across * ak * m.of(dS) + scale * aq * ak * adO;
    // derivatives of F = d (1 - b k^2), by their norms
    const norms = x.transition.norms(x, 0);
    expect(norms).toEqual({ value: 0.5, g: 0.5, beta: 2, k: 1 });
    const through = across * aS * whole;
    expect(list(size.q)).toEqual([scale * adO * state]);
    expect(list(growth.q)).toEqual([scale * adO * error]);
    expect(list(size.w)).toEqual([readBack]);
    expect(list(size.k)).toEqual([aw * whole + m.of(norms.k) * through]);
    expect(list(size.beta)).toEqual([across * m.of(norms.beta) * through]);
    expect(list(size.g)).toEqual([m.of(norms.g) * through]);
    expect(list(size.lambda)).toEqual([scale * adO * read]);
    expect(list(growth.lambda)).toEqual([scale * adO * across * aq * error]);
    expect(list(size.initial)).toEqual([ad * (whole + ab * ak * readBack)]);
    const lost = readAt(0, 1) * across * ak * adF + scale * readAt(0, 1) * aq * ak * adO;
    const back = ad * (alone(erased) * m.of(dS) + z * whole + ab * ak * lost);
    expect(list(growth.initial)).toEqual([back]);
    // nothing comes after it whose error it could meet: its own decay is all that is off
    const off = source[0] * whole;
    expect(list(growth.w)).toEqual([source[0] * readBack]);
    const crossed = across * aS * off;
    expect(list(growth.k)).toEqual([aw * off + m.of(norms.k) * crossed]);
    expect(list(growth.beta)).toEqual([across * m.of(norms.beta) * crossed]);
    expect(list(growth.g)).toEqual([m.of(norms.g) * crossed]);
  });

  describe('two tokens, two levels, two values', () => {
    const [q, k, beta] = [
      [3, -2],
      [2, 4],
      [-0.5, 0.25],
    ];
    const v = [
      [4, -8],
      [12, 20],
    ];
    const lambda = [
      [1, 7],
      [-2, 4],
    ];
    const dO = [
      [1, 5],
      [-3, 2],
    ];
    const c: Case = {
      system: 'log-linear-gated-deltanet',
      scale: SCALE,
      inputs: {
        q: of([1, 2, 1, 1], ...q),
        k: of([1, 2, 1, 1], ...k),
        v: of([1, 2, 1, 2], ...v.flat()),
        beta: of([1, 2, 1], ...beta),
        g: of([1, 2, 1], 0, -Math.LN2),
        lambda: of([1, 2, 1, 2], ...lambda.flat()),
      },
    };
    const x = headOf(checkCase('test', c), 0, 0);
    const w = v.map((row, t) => row.map((value) => beta[t] * value));
    const [aq, ak, ab] = [q, k, beta].map((row) => row.map(m.of));
    const [aw, adO, al] = [w, dO, lambda].map((rows) => rows.map((row) => row.map(m.of)));
    const [d, scale] = [m.of(DECAY), m.of(SCALE)];
    const z = STEP.map(m.of);
    const erased = [0, 1].map((t) => across * ab[t] * ak[t] * ak[t]);
    const norm = x.transition.norms(x, 1);
    const run = (chunk: number, state = [0, 0, 0, 0]) =>
      deltaErrors(
        x,
        { o: Float64Array.from(dO.flat()), state: Float64Array.from(state) },
        { sums: SUMS, factors: FACTORS, step: Float64Array.from(STEP), source: Float64Array.from(SOURCE), chunk },
        m,
      );
    /** What token 0 has written, before and after the second step. */
    const before = w[0].map((value) => m.of(k[0] * value));
    const after = w[0].map((value) => m.of(DECAY * (1 - beta[1] * k[1] * k[1]) * k[0] * value));
    const own = w[1].map((value) => m.of(k[1] * value));
    /** X[1,0], which is NX[1,0] too; the sums of QX[1,0]. */
    const X = ab[1] * ak[1] * d * ak[0];
    const QX = aq[1] * d * ak[0] + aq[1] * ak[1] * X;

    it.each([
      ['in one chunk', 64],
      ['in two', 1],
    ])('%s: outputs', (__, chunk) => {
      const { size, growth } = run(chunk);
      const longest = Math.min(chunk, 2);
      const writes = [0, 1].map((t) => write(t, t, longest));
      const together = longest === 2;
      // the solve of a pair; across chunks what the first token has written is there as a state
      const solved = together ? write(1, 0, 2) * X + solve(2) * X : 0;
      const first = aw[0].map((value) => ak[0] * writes[0] * value);
      const relative = across * ak[1] * (solved * ab[0] * ak[0] + writes[1] * ab[1] * ak[1]) + alone(erased[1]) + z[1];
      const second = aw[0].map((value, j) => {
        const carried = m.of(norm.value) * (1 + relative) * first[j];
        const step = d * (alone(erased[1]) * before[j] + z[1] * before[j]);
        const old = ak[1] * writes[1] * across * ab[1] * ak[1] * d * before[j];
        return carried + step + (together ? ak[1] * solved * value : old);
      });
      const latest = aw[1].map((value) => ak[1] * writes[1] * value);
      const growths = [
        first.map((each) => scale * al[0][0] * across * aq[0] * each),
        second.map((each, j) => scale * across * aq[1] * (al[1][1] * each + al[1][0] * latest[j])),
      ];
      expect(list(growth.o)).toEqual(growths.flat());
      expect(list(growth.state)).toEqual([...latest, ...second]);
      const oldState = (j: number): number =>
        together ? (d * ak[0] + ak[1] * X) * aw[0][j] : (d + ak[1] * across * ab[1] * ak[1] * d) * before[j];
      expect(list(size.state)).toEqual([...aw[1].map((value) => ak[1] * value), ...[0, 1].map(oldState)]);
      const oldRead = (j: number): number =>
        across * aq[1] * after[j] +
        (together ? QX * aw[0][j] : across * (aq[1] * ak[1] * ab[1] * ak[1] * d + aq[1] * d) * before[j]);
      const sizes = [
        before.map((each, j) => scale * al[0][0] * (across * aq[0] * each + aq[0] * ak[0] * aw[0][j])),
        own.map((each, j) => {
          const latestRead = across * aq[1] * each + aq[1] * ak[1] * aw[1][j];
          return scale * al[1][0] * latestRead + scale * al[1][1] * oldRead(j);
        }),
      ];
      expect(list(size.o)).toEqual(sizes.flat());
      const lambdas = [
        scale * across * (adO[1][0] * aq[1] * latest[0] + adO[1][1] * aq[1] * latest[1]),
        scale * across * (adO[1][0] * aq[1] * second[0] + adO[1][1] * aq[1] * second[1]),
      ];
      expect(list(growth.lambda).slice(2)).toEqual(lambdas);
      const query = [0, 1].map((j) => adO[1][j] * (al[1][0] * latest[j] + al[1][1] * second[j]));
      expect(growth.q[1]).toBe(scale * (query[0] + query[1]));
    });

    it.each([
      ['in one chunk', 64],
      ['in two', 1],
    ])('%s: gradients of the first token', (__, chunk) => {
      const { size, growth } = run(chunk);
      const longest = Math.min(chunk, 2);
      const together = longest === 2;
      // the second token asks for its levels: 0 is its own, 1 is what the first has written
      const asked = dO[1].map((each) => m.of(SCALE * lambda[1][1] * q[1] * each));
      const factor = scale * al[1][1];
      const solved = together ? write(1, 0, 2) * X + solve(2) * X : 0;
      const relative =
        across * ak[1] * (solved * ab[0] * ak[0] + write(1, 1, longest) * ab[1] * ak[1]) + alone(erased[1]) + z[1];
      expect(relative).toBeGreaterThan(0);
      const error = [0, 1].map((j) => {
        const lost = readAt(1, longest) * factor * aq[1] * ak[1] * adO[1][j];
        return d * (alone(erased[1]) * asked[j] + z[1] * factor * aq[1] * adO[1][j] + ab[1] * ak[1] * lost);
      });
      // what the first token is read by: its own query, and the second through the second step
      const direct = dO[0].map((each) => SCALE * lambda[0][0] * q[0] * each);
      const crossed = dO[1].map((each) => DECAY * (1 - beta[1] * k[1] * k[1]) * SCALE * lambda[1][1] * q[1] * each);
      const wholes = [0, 1].map((j) => {
        // as sums inside a chunk, as it is across chunks
        const back = d * (aq[1] + ab[1] * ak[1] * aq[1] * ak[1]) * factor * adO[1][j];
        return m.of(direct[j]) + (together ? back : m.of(crossed[j]));
      });
      const reads = [0, 1].map((j) => {
        const later = together ? QX * factor * adO[1][j] : across * ak[0] * m.of(crossed[j]);
        return across * ak[0] * m.of(direct[j] + crossed[j]) + ak[0] * m.of(direct[j]) + later;
      });
      expect(list(size.w).slice(0, 2)).toEqual(reads);
      expect(size.k[0]).toBe(aw[0][0] * wholes[0] + aw[0][1] * wholes[1]);
      // its error is that of what comes back, and of its own decay
      expect(list(growth.w).slice(0, 2)).toEqual(error.map((each, j) => across * ak[0] * each + source[0] * reads[j]));
      const offs = error.map((each, j) => each + source[0] * wholes[j]);
      expect(growth.k[0]).toBe(aw[0][0] * offs[0] + aw[0][1] * offs[1]);
      // the last token's is that of its own decay alone; its level 0 is read by its own query, as it is and by the chunk's sums
      const ownWhole = adO[1].map((each) => scale * al[1][0] * aq[1] * each);
      expect(list(growth.w).slice(2)).toEqual(
        ownWhole.map((each) => source[1] * (across * ak[1] * each + ak[1] * each)),
      );
      // errors of both ends meet in <dS, F S>
      const states = aw[0].map((value) => ak[0] * write(0, 0, longest) * value);
      const wholeThen = adO[1].map((each) => factor * aq[1] * each);
      const off = wholeThen.map((each) => source[1] * each);
      const meets = [0, 1].map((j) => states[j] * (wholeThen[j] + off[j]) + before[j] * off[j]);
      const grown = across * (meets[0] + meets[1]);
      const written = source[1] * (aw[1][0] * ownWhole[0] + aw[1][1] * ownWhole[1]);
      expect(growth.g[1]).toBe(m.of(norm.g) * grown);
      expect(growth.beta[1]).toBe(across * m.of(norm.beta) * grown);
      expect(growth.k[1]).toBe(written + m.of(norm.k) * grown);
      const through = across * (before[0] * wholeThen[0] + before[1] * wholeThen[1]);
      expect([size.g[1], size.beta[1]]).toEqual([m.of(norm.g) * through, across * m.of(norm.beta) * through]);
      // the first transition of a sequence has no gradient
      expect([size.g[0], size.beta[0], growth.g[0], growth.beta[0]]).toEqual([0, 0, 0, 0]);
    });

    it('without cotangents there is nothing but the outputs', () => {
      const { size, growth } = deltaErrors(
        x,
        null,
        { sums: 0, factors: 0, step: new Float64Array(2), source: new Float64Array(2), chunk: 64 },
        m,
      );
      expect(list(growth.o)).toEqual([0, 0, 0, 0]);
      for (const name of ['q', 'k', 'w', 'g', 'beta', 'lambda', 'initial'] as const) {
        expect(Math.max(...size[name]), name).toBe(0);
      }
    });
  });

  describe('two tokens that find a state', () => {
    const [q, k, beta, v, S, dO, dF] = [[3, -2], [2, 4], [-0.5, 0.25], [4, 12], -7, 3, -4];
    const c: Case = {
      system: 'gated-deltanet',
      scale: SCALE,
      inputs: {
        q: of([1, 2, 1, 1], ...q),
        k: of([1, 2, 1, 1], ...k),
        v: of([1, 2, 1, 1], ...v),
        beta: of([1, 2, 1], ...beta),
        g: of([1, 2, 1], -2 * Math.LN2, -Math.LN2),
        initialState: of([1, 1, 1, 1, 1], S),
      },
    };
    const x = headOf(checkCase('test', c), 0, 0);
    const w = v.map((value, t) => beta[t] * value);
    const [aq, ak, ab, aw, d] = [q, k, beta, w, [0.25, 0.5]].map((row) => row.map(m.of));
    const [aS, scale, z] = [m.of(S), m.of(SCALE), STEP.map(m.of)];
    const erased = [0, 1].map((t) => across * ab[t] * ak[t] * ak[t]);
    const step = [0, 1].map((t) => m.of(x.transition.norms(x, t).value));
    const run = (chunk: number, o: number[], state: number) =>
      deltaErrors(
        x,
        { o: Float64Array.from(o), state: Float64Array.of(state) },
        { sums: SUMS, factors: FACTORS, step: Float64Array.from(STEP), source: Float64Array.from(SOURCE), chunk },
        m,
      );
    const isClose = (actual: number, expected: number): void => expect(actual / expected).toBeCloseTo(1, 12);
    const X = ab[1] * ak[1] * d[1] * ak[0];

    it('sizes restart from the true norm where a chunk begins', () => {
      const after = 0.25 * (1 - beta[0] * k[0] * k[0]) * S + k[0] * w[0];
      const finds = [across * ab[0] * ak[0] * d[0], across * ab[1] * ak[1] * d[1]];
      for (const chunk of [1, 2]) {
        const lost = [write(0, 0, chunk), write(1, 1, chunk)];
        const first = d[0] * (alone(erased[0]) + z[0]) * aS + ak[0] * lost[0] * (finds[0] * aS + aw[0]);
        const solved = chunk === 2 ? (write(1, 0, 2) + solve(2)) * X : 0;
        const relative = across * ak[1] * (solved * ab[0] * ak[0] + lost[1] * ab[1] * ak[1]) + alone(erased[1]) + z[1];
        const size = chunk === 2 ? (d[0] + ak[0] * finds[0]) * aS + ak[0] * aw[0] : m.of(after);
        const old =
          chunk === 2 ? (solved * finds[0] + lost[1] * finds[1] * d[0]) * aS : lost[1] * finds[1] * m.of(after);
        const second =
          step[1] * (1 + relative) * first +
          d[1] * (alone(erased[1]) * m.of(after) + z[1] * size) +
          ak[1] * (old + solved * aw[0] + lost[1] * aw[1]);
        isClose(run(chunk, [0, 0], 0).growth.state[0], second);
      }
    });

    /** What the second token's step adds to the error that comes back, and the error before the first. */
    const before = (added: number, found: number, whole: number, lost: number): number => {
      const relative = across * ak[0] * write(0, 0, 2) * ab[0] * ak[0] + alone(erased[0]) + z[0];
      const own = alone(erased[0]) * found + z[0] * whole + ab[0] * ak[0] * lost;
      return step[0] * (1 + relative) * added + d[0] * own;
    };

    it('what comes back from the end of a chunk', () => {
      const end = m.of(dF);
      const added = d[1] * (alone(erased[1]) + z[1] + ab[1] * ak[1] * across * ak[1] * readAt(1, 2)) * end;
      const found = m.of(0.5 * (1 - beta[1] * k[1] * k[1]) * dF);
      const whole = d[1] * (1 + ab[1] * ak[1] * across * ak[1]) * end;
      const viaSecond = (readAt(0, 2) + source[1] + solve(2)) * X;
      const lost = across * (ak[0] * d[1] * readAt(0, 2) + ak[1] * viaSecond) * end;
      isClose(run(2, [0, 0], dF).growth.initial[0], before(added, found, whole, lost));
    });

    it('what comes back from a query of the same chunk', () => {
      const asked = scale * aq[1] * m.of(dO);
      const added = d[1] * (alone(erased[1]) + z[1] + ab[1] * ak[1] * readAt(1, 2) * ak[1]) * asked;
      const found = m.of(0.5 * (1 - beta[1] * k[1] * k[1]) * SCALE * q[1] * dO);
      const whole = d[1] * (1 + ab[1] * ak[1] * ak[1]) * asked;
      const lost = (readAt(0, 2) * (d[1] * ak[0] + ak[1] * X) + solve(2) * ak[1] * X) * asked;
      isClose(run(2, [0, dO], 0).growth.initial[0], before(added, found, whole, lost));
    });
  });
});
