/** What a ready-to-run test is made of: the same for every language. */
import type { Case } from '../../reference/case.ts';
import type { Failure, OutputErrors } from '../failure.ts';

export interface Testable {
  c: Case;
  /** Name of the precision. */
  dtype: string;
  /** What is asserted: what is right, and how far off it may be. */
  outputs: Pick<OutputErrors, 'name' | 'shape' | 'expected' | 'bound'>[];
  /** What the test is about, a line each. */
  about: string[];
}

/** More numbers than this are no test that somebody reads. */
export const MOST_NUMBERS = 20_000;

export function testableOf({ c, precision, outputs, missing }: Failure, about: string[]): Testable {
  return { c, dtype: precision.name, outputs: [...outputs, ...missing], about };
}

/** Whether a case is small enough to be written into a test. */
export const fitsTest = ({ outputs, c }: Testable): boolean => {
  const inputs = Object.values(c.inputs).reduce((sum, value) => sum + value.size, 0);
  return inputs + outputs.reduce((sum, { expected }) => sum + 2 * expected.length, 0) <= MOST_NUMBERS;
};
