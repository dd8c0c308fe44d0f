/** X = (I + N)^-1 for N strictly lower triangular, as chunked delta kernels find it. */
import type { Variant } from '../variant.ts';
import { gather, type Node, placed, rowsOf, stacked, type Tape, vectorProduct } from './on-tape.ts';

const constant = (x: Node): Node => ({ ...x, id: -1 });

const identity = (m: Tape, c: number): Node =>
  m.of(
    Float64Array.from({ length: c * c }, (_, i) => (i % (c + 1) === 0 ? 1 : 0)),
    c,
    c,
  );

const block = (m: Tape, x: Node, row: number, column: number, rows: number, columns: number): Node =>
  gather(m, x, rows, columns, (i, j) => (row + i) * x.columns + column + j);

/** Row by row: x_t = e_t - sum over s < t of N[t,s] x_s, outside of tensor cores. */
function substitute(m: Tape, N: Node): Node {
  const c = N.rows;
  const unit = identity(m, c);
  let X = rowsOf(m, unit, 0, Math.min(1, c));
  for (let t = 1; t < c; t++) {
    const known = vectorProduct(m, block(m, N, t, 0, 1, t), X);
    X = stacked(m, [X, m.sub(rowsOf(m, unit, t, t + 1), known)], c);
  }
  return X;
}

/** Blocks of up to `tile` rows by substitution; two inverses A, C and the block B between them give -C B A below A. */
function blockwise(m: Tape, N: Node, tile: number): Node {
  const c = N.rows;
  if (c <= tile) return substitute(m, N);
  let half = tile;
  while (2 * half < c) half *= 2;
  const A = blockwise(m, block(m, N, 0, 0, half, half), tile);
  const C = blockwise(m, block(m, N, half, half, c - half, c - half), tile);
  const B = block(m, N, half, 0, c - half, half);
  const between = m.product(m.product(C, B), A);
  const corners = m.add(placed(m, A, c, c, 0), placed(m, C, c, c, half, half));
  return m.sub(corners, placed(m, between, c, c, half));
}

export function inverse(m: Tape, N: Node, v: Variant): Node {
  if (v.inverseGradient === 'substitution') return blockwise(m, N, v.tile);
  // the value of X, and with Z = X N X for a constant X the gradient of its formula: X + (Z - Z) is X to the last bit
  const X = constant(blockwise(m, constant(N), v.tile));
  const Z = m.product(m.product(X, N), X);
  return m.add(X, m.sub(constant(Z), Z));
}
