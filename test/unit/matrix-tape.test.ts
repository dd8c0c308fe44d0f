import { expect, it } from 'vitest';
import { type DoubleDoubleMatrix, doubleDoubleMatrices as matrices } from '../../reference/double-double-matrix.ts';
import { createMatrixTape, type MatrixShape, type MatrixTape, type Recorded } from '../../reference/matrix-tape.ts';

type Node = Recorded<DoubleDoubleMatrix> & MatrixShape;
type Tape = MatrixTape<DoubleDoubleMatrix>;

/** Integers, so that every sum and product is exact. */
const integers = (length: number, seed: number): number[] =>
  Array.from({ length }, (_, i) => ((seed * (i + 3) * (i + seed)) % 11) - 5);
const inner = (a: DoubleDoubleMatrix, b: DoubleDoubleMatrix): number =>
  a.hi.reduce((sum, value, i) => sum + value * b.hi[i], 0);

const INDEX = Int32Array.of(4, -1, 0, 0, 5, 2);

/** Operations that are linear in x and in y, with the shapes of x and y, [rows, columns]. */
const operations: [name: string, x: [number, number], y: [number, number], run: (a: Tape, x: Node, y: Node) => Node][] =
  [
    ['x + y', [2, 3], [2, 3], (a, x, y) => a.add(x, y)],
    ['x - y', [2, 3], [2, 3], (a, x, y) => a.sub(x, y)],
    ['x * y', [2, 3], [2, 3], (a, x, y) => a.mul(x, y)],
    ['x y', [2, 3], [3, 4], (a, x, y) => a.product(x, y)],
    ['x^T y', [3, 2], [3, 4], (a, x, y) => a.product(x, y, 'first')],
    ['x y^T', [2, 3], [4, 3], (a, x, y) => a.product(x, y, 'second')],
    ['take', [2, 3], [1, 1], (a, x) => a.take(x, INDEX, 3, 2)],
    ['scatter', [3, 2], [1, 1], (a, x) => a.scatter(x, INDEX, 2, 3)],
    ['store', [2, 3], [1, 1], (a, x) => a.store(x)],
  ];

it.each(operations)('%s: the derivative is the transpose', (_, [xRows, xColumns], [yRows, yColumns], run) => {
  const values = { x: integers(xRows * xColumns, 2), y: integers(yRows * yColumns, 5) };
  const moved = { x: integers(xRows * xColumns, 7), y: integers(yRows * yColumns, 9) };
  const at = (which: 'x' | 'y', direction: boolean): DoubleDoubleMatrix => {
    const tape = createMatrixTape(matrices);
    const [from, still] = direction ? [moved, values] : [values, values];
    const x = tape.of(which === 'x' ? from.x : still.x, xRows, xColumns);
    const y = tape.of(which === 'y' ? from.y : still.y, yRows, yColumns);
    return run(tape, x, y).value;
  };
  const tape = createMatrixTape(matrices);
  const x = tape.input(values.x, xRows, xColumns);
  const y = tape.input(values.y, yRows, yColumns);
  const output = run(tape, x, y);
  const weight = matrices.of(integers(output.rows * output.columns, 4), output.rows, output.columns);
  const of = tape.gradients([{ output, weight }]);
  // linear in x: <weight, f(moved)> is <gradient, moved>; a sum is so once what y adds is taken off
  for (const which of ['x', 'y'] as const) {
    const gradient = of(which === 'x' ? x : y);
    const change = inner(weight, at(which, true)) - inner(weight, at(which, false));
    const direction = moved[which].map((value, i) => value - values[which][i]);
    expect(gradient ? inner(gradient, matrices.of(direction, 1, direction.length)) : 0, which).toBe(change);
    if (gradient)
      expect([gradient.rows, gradient.columns]).toEqual(which === 'x' ? [xRows, xColumns] : [yRows, yColumns]);
  }
});

it('constants have no gradient, nor has what no output depends on', () => {
  const tape = createMatrixTape(matrices);
  const constant = tape.of([2, 3], 1, 2);
  const folded = tape.mul(constant, constant);
  const x = tape.input([5, 7], 1, 2);
  const unused = tape.mul(x, x);
  const output = tape.mul(x, folded);
  const of = tape.gradients([{ output, weight: matrices.of([1, 1], 1, 2) }]);
  expect([...(of(x)?.hi ?? [])]).toEqual([4, 9]);
  expect([constant, folded, unused].map(of)).toEqual([null, null, null]);
});

it('exp, and an input that is used twice', () => {
  const tape = createMatrixTape(matrices);
  const x = tape.input([0, 1], 1, 2);
  const of = tape.gradients([{ output: tape.add(tape.exp(x), x), weight: matrices.of([3, 1], 1, 2) }]);
  expect([...(of(x)?.hi ?? [])]).toEqual([6, 1 + Math.E]);
});
