/**
 * Reverse-mode derivatives of programs on matrices, in any arithmetic: each operation is written down and read backwards in the same
 * arithmetic. Double-double matrices give the truth and its gradients; matrices that round as a kernel does give what a correct kernel
 * of low precision may answer. Knows nothing of the operator.
 */

/** A dense row-major matrix of some kind of number. */
export interface MatrixShape {
  readonly rows: number;
  readonly columns: number;
}

/** Which factor of a product is transposed before it is multiplied. */
export type Transposed = 'none' | 'first' | 'second';

export interface MatrixArithmetic<M extends MatrixShape> {
  /** From row-major float64 entries. */
  of(data: ArrayLike<number>, rows: number, columns: number): M;
  /** Elementwise, shapes equal. */
  add(a: M, b: M): M;
  sub(a: M, b: M): M;
  mul(a: M, b: M): M;
  exp(a: M): M;
  /** Matrix product: a b, a^T b or a b^T. */
  product(a: M, b: M, transposed?: Transposed): M;
  /** out[i] = a[index[i]] over flat row-major places, 0 where index[i] < 0: slices, masks, transposes, repetition. */
  take(a: M, index: Int32Array, rows: number, columns: number): M;
  /** out[index[i]] += a[i], from zeros [rows, columns]: the transpose of `take`. */
  scatter(a: M, index: Int32Array, rows: number, columns: number): M;
  /** What is left of a matrix that was kept in memory as a state is. */
  store(a: M): M;
}

/** A matrix on the tape; id -1 for constants. */
export interface Recorded<M> {
  value: M;
  id: number;
}

type Back<M> = (cotangent: M) => void;

export interface MatrixTape<M extends MatrixShape> extends MatrixArithmetic<Recorded<M> & MatrixShape> {
  /** A matrix to differentiate by. */
  input(data: ArrayLike<number>, rows: number, columns: number): Recorded<M> & MatrixShape;
  /** Derivatives of the sum of <weight, output> over all outputs by any recorded matrix; null where nothing depends on it. */
  gradients(outputs: readonly { output: Recorded<M>; weight: M }[]): (of: Recorded<M>) => M | null;
}

export function createMatrixTape<M extends MatrixShape>(a: MatrixArithmetic<M>): MatrixTape<M> {
  type Node = Recorded<M> & MatrixShape;
  const backs: (Back<M> | null)[] = [];
  let collected: (M | null)[] = [];
  const give = ({ id }: Recorded<M>, cotangent: () => M): void => {
    if (id < 0) return;
    const before = collected[id];
    collected[id] = before === null ? cotangent() : a.add(before, cotangent());
  };
  const node = (value: M, id: number): Node => ({ value, id, rows: value.rows, columns: value.columns });
  const record = (value: M, from: readonly Node[], back: Back<M>): Node => {
    if (from.every(({ id }) => id < 0)) return node(value, -1);
    backs.push(back);
    return node(value, backs.length - 1);
  };
  const negated = (d: M): M => a.sub(a.of(new Float64Array(d.rows * d.columns), d.rows, d.columns), d);
  return {
    of: (data, rows, columns) => node(a.of(data, rows, columns), -1),
    input(data, rows, columns) {
      backs.push(null);
      return node(a.of(data, rows, columns), backs.length - 1);
    },
    add: (x, y) =>
      record(a.add(x.value, y.value), [x, y], (d) => {
        give(x, () => d);
        give(y, () => d);
      }),
    sub: (x, y) =>
      record(a.sub(x.value, y.value), [x, y], (d) => {
        give(x, () => d);
        give(y, () => negated(d));
      }),
    mul: (x, y) =>
      record(a.mul(x.value, y.value), [x, y], (d) => {
        give(x, () => a.mul(d, y.value));
        give(y, () => a.mul(d, x.value));
      }),
    exp(x) {
      const value = a.exp(x.value);
      return record(value, [x], (d) => give(x, () => a.mul(d, value)));
    },
    product: (x, y, transposed = 'none') =>
      record(a.product(x.value, y.value, transposed), [x, y], (d) => {
        // z = x y: dx = dz y^T, dy = x^T dz; z = x^T y: dx = y dz^T, dy = x dz; z = x y^T: dx = dz y, dy = dz^T x
        if (transposed === 'none') {
          give(x, () => a.product(d, y.value, 'second'));
          give(y, () => a.product(x.value, d, 'first'));
        } else if (transposed === 'first') {
          give(x, () => a.product(y.value, d, 'second'));
          give(y, () => a.product(x.value, d));
        } else {
          give(x, () => a.product(d, y.value));
          give(y, () => a.product(d, x.value, 'first'));
        }
      }),
    take: (x, index, rows, columns) =>
      record(a.take(x.value, index, rows, columns), [x], (d) => give(x, () => a.scatter(d, index, x.rows, x.columns))),
    scatter: (x, index, rows, columns) =>
      record(a.scatter(x.value, index, rows, columns), [x], (d) => give(x, () => a.take(d, index, x.rows, x.columns))),
    store: (x) => record(a.store(x.value), [x], (d) => give(x, () => a.store(d))),
    gradients(outputs) {
      collected = new Array<M | null>(backs.length).fill(null);
      for (const { output, weight } of outputs) give(output, () => weight);
      for (let id = backs.length - 1; id >= 0; id--) {
        const d = collected[id];
        if (d !== null) backs[id]?.(d);
      }
      const result = collected;
      return ({ id }) => (id < 0 ? null : result[id]);
    },
  };
}
