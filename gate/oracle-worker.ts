/** What a thread of the oracle does with a task. */
import { hereOracle } from '../properties/oracle.ts';
import { findPrecision, type Precision } from '../properties/precision.ts';
import type { Case } from '../reference/case.ts';
import { fromPlain, type OracleTask, toPlain } from './oracle-pool.ts';

export default async function work({ c: plain, precision }: OracleTask): Promise<unknown> {
  const c = fromPlain(plain) as Case;
  if (precision === undefined) return toPlain(await hereOracle.answer(c));
  return hereOracle.bounds(c, findPrecision(precision) as Precision);
}
