import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { doubleDouble } from '../../reference/double-double.ts';
import { type DoubleDoubleMatrix, doubleDoubleMatrices as matrices } from '../../reference/double-double-matrix.ts';
import { absolute, exactly, type Rational, rational, sumOf, within } from './rational.ts';

const { POSITIVE_INFINITY: INF, NEGATIVE_INFINITY: NEGATIVE, NaN: NAN } = Number;

/** Doubles with all bits set at random, of middling size, and zeros. */
const doubles = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.integer({ min: -(2 ** 30), max: 2 ** 30 }), fc.nat(2 ** 22), fc.integer({ min: -40, max: 40 }))
      .map(([high, low, exponent]) => (high + low / 2 ** 22) * 2 ** exponent),
  },
);

/** [rows, columns] with both parts in use. */
const matrix = (rows: number, columns: number): fc.Arbitrary<DoubleDoubleMatrix> =>
  fc
    .tuple(
      fc.array(doubles, { minLength: rows * columns, maxLength: rows * columns }),
      fc.array(fc.integer({ min: -(2 ** 24), max: 2 ** 24 }), { minLength: rows * columns, maxLength: rows * columns }),
    )
    .map(([hi, part]) =>
      matrices.add(
        matrices.of(hi, rows, columns),
        matrices.of(
          hi.map((value, i) => value * 2 ** -54 * (part[i] / 2 ** 24)),
          rows,
          columns,
        ),
      ),
    );

const entry = ({ hi, lo }: DoubleDoubleMatrix, i: number): Rational => sumOf({ hi: hi[i], lo: lo[i] });
const entries = (m: DoubleDoubleMatrix): Rational[] => Array.from(m.hi, (_, i) => entry(m, i));
const transpose = (m: DoubleDoubleMatrix): DoubleDoubleMatrix => {
  const index = Int32Array.from(m.hi, (_, at) => (at % m.rows) * m.columns + Math.floor(at / m.rows));
  return matrices.take(m, index, m.columns, m.rows);
};

describe('double-double matrices against exact rationals', () => {
  // as the scalar operations: 3 u^2 for the sum, 5 u^2 for the product of two numbers, u = 2^-53
  it('keep 103 bits in sums, differences and entrywise products', () => {
    fc.assert(
      fc.property(matrix(2, 3), matrix(2, 3), (x, y) => {
        const results = [matrices.add(x, y), matrices.sub(x, y), matrices.mul(x, y)].map(entries);
        entries(x).forEach((a, i) => {
          const b = entry(y, i);
          const [size, times] = [rational.add(absolute(a), absolute(b)), rational.mul(a, b)];
          expect(within(results[0][i], rational.add(a, b), size, 103n)).toBe(true);
          expect(within(results[1][i], rational.sub(a, b), size, 103n)).toBe(true);
          expect(within(results[2][i], times, times, 103n)).toBe(true);
        });
      }),
    );
  });

  // n terms lose at most (n + 2)^2 u^2 of the sum of |a b| (Ogita, Rump, Oishi 2005, with the parts below 53 bits): n <= 6 here
  it('keep 100 bits of the terms in matrix products, whichever factor is transposed', () => {
    const [rows, inner, columns] = [2, 6, 3];
    fc.assert(
      fc.property(matrix(rows, inner), matrix(inner, columns), (x, y) => {
        const results = [
          matrices.product(x, y),
          matrices.product(transpose(x), y, 'first'),
          matrices.product(x, transpose(y), 'second'),
        ].map(entries);
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            const terms = Array.from({ length: inner }, (_, l) =>
              rational.mul(entry(x, i * inner + l), entry(y, l * columns + j)),
            );
            const wanted = terms.reduce(rational.add, exactly(0));
            const size = terms.map(absolute).reduce(rational.add, exactly(0));
            for (const result of results) expect(within(result[i * columns + j], wanted, size, 100n)).toBe(true);
          }
        }
      }),
    );
  });

  it('move entries exactly, and add what meets', () => {
    fc.assert(
      fc.property(matrix(2, 3), (x) => {
        const index = Int32Array.of(5, -1, 0, 0);
        const taken = matrices.take(x, index, 2, 2);
        const nothing = exactly(0);
        expect(entries(taken)).toEqual([entry(x, 5), nothing, entry(x, 0), entry(x, 0)]);
        const back = matrices.scatter(taken, index, 2, 3);
        const twice = rational.add(entry(x, 0), entry(x, 0));
        expect(entries(back)).toEqual([twice, nothing, nothing, nothing, nothing, entry(x, 5)]);
        expect(matrices.store(x)).toBe(x);
      }),
    );
  });
});

/** What the scalar operations are known to do, and every place where an error term could become NaN. */
const special = [0, 1, -1.5, 2 ** -1074, 2 ** -1030, 2 ** 1000, -(2 ** 1023), INF, NEGATIVE, NAN, 2 ** -540];

it('infinities, zeros, subnormal and huge numbers are as in the scalar operations', () => {
  const pairs = special.flatMap((a) => special.map((b) => [a, b]));
  const column = (i: number) => pairs.map((pair) => pair[i]);
  const [x, y] = [matrices.of(column(0), pairs.length, 1), matrices.of(column(1), pairs.length, 1)];
  const results = { add: matrices.add(x, y), sub: matrices.sub(x, y), mul: matrices.mul(x, y) };
  pairs.forEach(([a, b], i) => {
    for (const name of ['add', 'sub', 'mul'] as const) {
      const { hi, lo } = doubleDouble[name](doubleDouble.of(a), doubleDouble.of(b));
      expect([results[name].hi[i] + 0, results[name].lo[i] + 0], `${name} ${a} ${b}`).toEqual([hi + 0, lo + 0]);
    }
    const met = matrices.scatter(matrices.of([a, b], 2, 1), Int32Array.of(1, 1), 2, 1);
    const both = doubleDouble.add(doubleDouble.of(a), doubleDouble.of(b));
    expect([met.hi[1] + 0, met.lo[1] + 0], `${a} meets ${b}`).toEqual([both.hi + 0, both.lo + 0]);
    // in the last entry, past what is finite
    const one = matrices.product(matrices.of([1, 1, a, 3], 2, 2), matrices.of([1, b, 1, 2], 2, 2));
    const { hi, lo } = doubleDouble.add(doubleDouble.mul(doubleDouble.of(a), doubleDouble.of(b)), doubleDouble.of(6));
    const other = matrices.product(matrices.of([1, 1, a, 3], 2, 2), matrices.of([1, 1, b, 2], 2, 2), 'second');
    for (const result of [one, other]) {
      expect([result.hi[3] + 0, result.lo[3] + 0], `${a} ${b}`).toEqual([hi + 0, lo + 0]);
    }
  });
});

it('exp of a reset is 0, and what it multiplies is gone', () => {
  const alpha = matrices.exp(matrices.of([NEGATIVE, 0, -800, 800], 1, 4));
  expect([...alpha.hi]).toEqual([0, 1, 0, INF]);
  expect([...alpha.lo]).toEqual([0, 0, 0, 0]);
  const { hi, lo } = matrices.mul(matrices.of([2 ** 1000, 1, 1, 1], 1, 4), alpha);
  expect([...hi, ...lo]).toEqual([0, 1, 0, INF, 0, 0, 0, 0]);
});
