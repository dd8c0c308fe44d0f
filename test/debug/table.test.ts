/** The table in docs/debug.md: it is what was measured, and what was measured is what is promised. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { mutants } from '../../debug/dictionary/all.ts';
import { type Table, withTable } from './table-text.ts';

const table = JSON.parse(readFileSync('docs/debug-table.json', 'utf8')) as Table;
const page = readFileSync('docs/debug.md', 'utf8');

it('is made of the figures', () => {
  expect(withTable(page, table)).toBe(page);
  expect(() => withTable('nothing', table)).toThrow('the page has no lines');
});

it('is of every known bug, at least 60 of them', () => {
  expect(table.rows.map(({ name }) => name)).toEqual(mutants.map(({ name }) => name));
  expect(table.rows.length).toBeGreaterThanOrEqual(60);
  for (const told of Object.values(table.where)) expect(Object.keys(told)).toEqual(mutants.map(({ name }) => name));
});

it.each(['float64', 'float32'])(
  'in %s nine of ten bugs at least are named first, and told without the dictionary',
  (precision) => {
    const named = table.rows.filter(({ trials }) => trials[precision].right).length;
    expect(named / table.rows.length).toBeGreaterThanOrEqual(0.9);
    const told = Object.values(table.where[precision]).filter((isRight) => isRight !== null);
    expect(told.filter(Boolean).length / told.length).toBeGreaterThanOrEqual(0.9);
  },
);

it('accuses no correct implementation', () => {
  expect(table.correct.kernels).toBeGreaterThan(100);
  expect(table.correct.accused).toEqual([]);
});
