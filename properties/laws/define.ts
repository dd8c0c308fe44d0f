/** Laws are written with a wish for cases and whatever else they vary; the draw follows from it. */
import fc from 'fast-check';
import type { Case } from '../../reference/case.ts';
import { cases, type Wish } from '../arbitraries/cases.ts';
import type { Draw, Implementation, Law, Level, Verdict } from '../law.ts';
import type { Oracle } from '../oracle.ts';

type Extras = Record<string, fc.Arbitrary<unknown>>;
type Values<Extra> = { [Name in keyof Extra]: Extra[Name] extends fc.Arbitrary<infer Value> ? Value : never };

interface Definition<Extra extends Extras> extends Omit<Law, 'draw' | 'check' | 'level'> {
  /** Default: required. */
  level?: Level;
  /** The cases that the law wants, inside what the implementation can do. */
  wish: Wish;
  /** What else is drawn: a split point, a seed, … */
  extra?: Extra;
  check(subject: Implementation, draw: { c: Case } & Values<Extra>, oracle?: Oracle): Promise<Verdict>;
}

/** A law. Hides the type of its draw from whoever iterates laws. */
export function law<Extra extends Extras = Record<never, never>>({
  wish,
  extra,
  check,
  ...rest
}: Definition<Extra>): Law {
  return {
    level: 'required',
    ...rest,
    draw: (system, { abilities, precision }) =>
      fc.record({ c: cases(system, abilities, wish, precision), ...extra }) as fc.Arbitrary<Draw>,
    check: check as Law['check'],
  };
}
