/** docs/bugs.md is what was measured, and what was measured is so. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Draw } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import { bugGroups, bugs } from './bugs.ts';
import { caseLines, measuredIn, mutantOf, replay, textOf } from './bugs-measure.ts';
import { bugsPage } from './bugs-text.ts';

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const page = read('bugs.md');
const measured = measuredIn(read('bugs.jsonl'));

describe('docs/bugs.md', () => {
  it('is the list of bugs and what was measured, word for word', () => {
    expect(measured.map(({ mutant }) => mutant)).toEqual(bugs.map(({ mutant }) => mutant));
    expect(page).toBe(bugsPage(bugGroups, measured));
  });

  it('names mutants and laws that there are', () => {
    expect(new Set(bugs.map(({ mutant }) => mutant)).size).toBe(bugs.length);
    expect(new Set(bugs.map(({ title }) => title)).size).toBe(bugs.length);
    for (const bug of bugs) expect(page).toContain(`\`${mutantOf(bug).name}\``);
    for (const { first, example } of measured) {
      for (const { law } of [first, example]) expect(findLaw(law)?.name).toBe(law);
    }
  });

  it('has examples that can be read', () => {
    for (const { mutant, example } of measured) {
      expect(example.lines.length, mutant).toBeLessThan(16);
      for (const line of example.lines) expect(line.length, mutant).toBeLessThan(240);
    }
  });
});

describe('each example', () => {
  it.each(measured)('of $mutant is the same again', async ({ mutant, example }) => {
    const bug = bugs.find((each) => each.mutant === mutant) as (typeof bugs)[number];
    const { status, worst, counterexample } = await replay(mutantOf(bug), example);
    expect(status).toBe('failed');
    const { lines } = caseLines((counterexample as Draw).c);
    expect(lines).toEqual(example.lines.slice(0, lines.length));
    if (bug.remembers) return;
    expect(JSON.parse(textOf(worst?.worst))).toEqual(example.worst);
  });
});
