/** How often the cause is told right by localising and probing alone, of every wrong implementation, with no dictionary at all. */
import { describe, expect, it } from 'vitest';
import { mutants } from '../../debug/dictionary/all.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { echoesOf, expectations, type Located, locateAll } from './where.ts';

/** Of those that are wrong on a case that was asked. */
const WANTED = 0.9;
/** An expectation that more of the others meet says nothing. */
const MOST_ECHOES = 0.15;

it('every mutant has an expectation, and nothing else has', () => {
  expect(Object.keys(expectations).sort()).toEqual(mutants.map(({ name }) => name).sort());
});

describe.each(['float64', 'float32'])('in %s', (name) => {
  const all: Promise<Located[]> = locateAll(findPrecision(name) as Precision);

  it('the cause of nearly all is told', { timeout: 1_800_000 }, async () => {
    const located = await all;
    const seen = located.filter(({ isRight }) => isRight !== null);
    const missed = seen.filter(({ isRight }) => !isRight).map((each) => each.name);
    expect(seen.length).toBeGreaterThanOrEqual(60);
    expect(1 - missed.length / seen.length, `missed: ${missed.join(', ')}`).toBeGreaterThanOrEqual(WANTED);
  });

  it('and no expectation is one that most texts meet', { timeout: 1_800_000 }, async () => {
    const echoes = [...echoesOf(await all)].filter(([, share]) => share > MOST_ECHOES);
    expect(echoes).toEqual([]);
  });
});
