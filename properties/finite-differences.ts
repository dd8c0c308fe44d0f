/**
 * A derivative from function values alone, with an estimate of its own error: central differences at steps h, h/2, h/4, …,
 * extrapolated (Richardson), stopped where the estimate is smallest. Source: Ridders, Advances in Engineering Software 4 (1982).
 */
export interface Difference {
  value: number;
  /** Estimated truncation error, plus what rounding of f can do at this step. */
  error: number;
  /** The largest step that went into the value. */
  step: number;
  /** Order of the formula: the error falls with step^order. */
  order: number;
}

const COLUMNS = 5;

/** Derivative of f at 0. `rounding` bounds the error of each value of f. */
export async function differentiate(
  f: (h: number) => Promise<number>,
  rounding: number,
  largestStep: number,
): Promise<Difference> {
  let best: Difference = { value: Number.NaN, error: Number.POSITIVE_INFINITY, step: largestStep, order: 2 };
  let previous: number[] = [];
  for (let row = 0; row < COLUMNS; row++) {
    const h = largestStep / 2 ** row;
    const current = [((await f(h)) - (await f(-h))) / (2 * h)];
    for (let column = 1; column <= row; column++) {
      const factor = 4 ** column;
      const value = (factor * current[column - 1] - previous[column - 1]) / (factor - 1);
      const truncation = Math.max(Math.abs(value - current[column - 1]), Math.abs(value - previous[column - 1]));
      // extrapolation multiplies rounding errors by less than 2 altogether: the product of (4^j + 1) / (4^j - 1)
      const error = truncation + (2 * rounding) / h;
      if (error < best.error) best = { value, error, step: h * 2 ** column, order: 2 * column + 2 };
      current.push(value);
    }
    previous = current;
  }
  return best;
}
