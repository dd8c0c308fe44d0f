/** Every wrong implementation is rejected by a small fixture, by what is written down in it alone. */
import { expect, it } from 'vitest';
import { mutants } from '../../debug/dictionary/all.ts';
import { largeMutants } from '../../debug/dictionary/large.ts';
import { listCases } from '../../fixtures/catalogue.ts';
import type { Fixture } from '../../fixtures/fixture.ts';
import { generateFixture } from '../../fixtures/generate.ts';
import { judgeAnswer } from '../../fixtures/judge.ts';
import type { Implementation } from '../../properties/law.ts';
import { repliesTo } from '../fixture-replies.ts';

const numbers = ({ tensors }: Fixture): number => tensors.reduce((sum, { data }) => sum + data.length, 0);
// the smallest first: most say enough
const small = listCases()
  .map((entry) => generateFixture(entry))
  .sort((a, b) => numbers(a) - numbers(b));

/** A wrong answer that is inside of its bounds elsewhere, or a refusal where an answer is wanted. */
async function rejects(fixture: Fixture, subject: Implementation): Promise<boolean> {
  const replies = await repliesTo(fixture, subject);
  return replies.some((reply) => judgeAnswer(fixture, reply).some(({ status }) => status === 'failed'));
}

async function rejecting(subject: Implementation, fixtures: readonly Fixture[], most: number): Promise<string[]> {
  const names: string[] = [];
  for (const fixture of fixtures) {
    const { header } = fixture;
    const { systems, structures } = subject.abilities;
    if (header.error || !systems.includes(header.system) || (header.structure && !structures)) continue;
    if (await rejects(fixture, subject)) names.push(header.name);
    if (names.length === most) break;
  }
  return names;
}

it.each(mutants.map((each) => [each.name, each] as const))('%s', async (_, { implementation }) => {
  expect(await rejecting(implementation, small, 1)).toHaveLength(1);
});

/** They answer rightly below 65,536 rows and heads: no file of the small set can be that large. */
const GRIDS = ['grid-of-16-bits', 'grid-of-16-bits-backward'];

it.each(largeMutants.map((each) => [each.name, each] as const))(
  '%s, of large cases',
  async (name, { implementation }) => {
    const grid = listCases({ set: 'full', flags: ['large-grid'], systems: ['linear'] });
    const fixtures = GRIDS.includes(name) ? grid.map((entry) => generateFixture(entry)) : small;
    expect(await rejecting(implementation, fixtures, 1)).toHaveLength(1);
  },
);
