/** What reports say of the laws that verdicts name: those that draw their cases, and what fixtures ask. */
import type { FixtureLaw } from '../fixtures/judge.ts';
import type { Level } from '../properties/law.ts';
import { everyLaw, findLaw } from '../properties/laws/all.ts';

export interface LawText {
  name: string;
  level: Level;
  statement: string;
  citation: string;
  prerequisites: readonly string[];
}

const citation = 'docs/fixtures.md';
const fixtureLaw = (name: FixtureLaw, statement: string, level: Level = 'required'): LawText => ({
  name,
  level,
  statement,
  citation,
  prerequisites: [],
});

/** In the order of reports. */
export const fixtureLaws: readonly LawText[] = [
  fixtureLaw('fixture-forward', 'The output of each fixture is within its bound of the exact one.'),
  fixtureLaw(
    'fixture-final-state',
    'The final state of each fixture is within its bound of the exact one, and its positions are right.',
  ),
  fixtureLaw('fixture-gradients', 'The gradients of each fixture are within their bounds of the exact ones.'),
  fixtureLaw(
    'fixture-refusals',
    'Input that no operator can answer is refused, and the argument that is wrong is named.',
  ),
  fixtureLaw(
    'fixture-recommended',
    'Fixtures that a correct implementation may break: NaN reaches nothing that does not depend on it.',
    'recommended',
  ),
];

/** Every law that a verdict may name, in the order of reports. */
export const lawNames: readonly string[] = [...everyLaw, ...fixtureLaws].map(({ name }) => name);

export const lawText = (name: string): LawText | undefined =>
  findLaw(name) ?? fixtureLaws.find((law) => law.name === name);
