/** What large cases are held against. It may answer from another thread; here it is asked in this one. */
import type { Answer, Case } from '../reference/case.ts';
import { compute } from '../reference/operator.ts';
import type { Precision } from './precision.ts';
import { type Bounds, boundsOf } from './tolerance.ts';

export interface Oracle {
  /** The exact answer, up to roundings of float64. @throws InvalidInput for a bad case */
  answer(c: Case): Promise<Answer>;
  /** How far a correct implementation in that precision may be from it. @throws InvalidInput for a bad case */
  bounds(c: Case, precision: Precision): Promise<Bounds>;
}

export const hereOracle: Oracle = {
  answer: async (c) => compute({ ...c, form: 'chunked' }),
  bounds: async (c, precision) => boundsOf(c, precision),
};
