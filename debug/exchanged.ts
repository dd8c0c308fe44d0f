/** Two axes in the other order. */

/** [rows,a,b,width] from memory that holds [rows,b,a,width]; the other way round with a and b exchanged. */
export function exchanged(from: Float64Array, a: number, b: number, width: number): Float64Array {
  const size = a * b * width;
  return from.map((_, at) => {
    const row = at - (at % size);
    const i = Math.floor((at - row) / (b * width));
    const j = Math.floor(at / width) % b;
    return from[row + (j * a + i) * width + (at % width)];
  });
}
