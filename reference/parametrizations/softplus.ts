/** softplus and its derivative, without overflow, cancellation or NaN at any argument; scalars, natural logarithm. */

/** log(1 + e^x): x for large x, e^x for very negative x; 0 at -Infinity, Infinity at Infinity. */
export const softplus = (x: number): number => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0);

/** d softplus / dx = 1 / (1 + e^-x); the exponent is never positive, and a small result keeps its relative precision. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}
