/** What the rules came to, as text: a table for a terminal and one in Markdown. */
import Table from 'cli-table3';
import type { RulesResult } from './rules-system.ts';

/** One rule in one precision. */
export interface RuleRow {
  rule: string;
  precision: string;
  /** Mutants that are bugs in this precision, and those among them that no case has shown. */
  mutants: number;
  missedOnFixed: string[];
  missedOnDrawn: string[];
  /** Answers of correct kernels that are accused, in percent. */
  accusedOnFixed: number;
  accusedOnDrawn: number;
  /** On which tensors, and how large their numbers are: the commonest. */
  kinds: string[];
}

const percent = (part: number, all: number): number => (all === 0 ? 0 : Number(((100 * part) / all).toFixed(1)));

/** The rows of one precision. `bugs`: names of mutants that are bugs there. */
export function rowsOf(results: readonly RulesResult[], precision: string, bugs: ReadonlySet<string>): RuleRow[] {
  const here = results.filter(({ task }) => task.precision === precision);
  const names = Object.keys(here[0].missed);
  return names.map((rule) => {
    const missed = (style: string): string[] =>
      here
        .filter(({ task }) => task.style === style)
        .flatMap((each) => each.missed[rule])
        .filter((name) => bugs.has(name));
    const accused = (style: string): number => {
      const of = here.filter(({ task }) => task.style === style);
      const all = of.reduce((sum, { answers }) => sum + answers, 0);
      return percent(
        of.reduce((sum, each) => sum + each.accused[rule], 0),
        all,
      );
    };
    const kinds = new Map<string, number>();
    for (const each of here)
      for (const [kind, times] of Object.entries(each.kinds[rule])) kinds.set(kind, (kinds.get(kind) ?? 0) + times);
    const common = [...kinds].sort((a, b) => b[1] - a[1]).slice(0, 3);
    return {
      rule,
      precision,
      mutants: bugs.size,
      missedOnFixed: missed('fixed'),
      missedOnDrawn: missed('drawn'),
      accusedOnFixed: accused('fixed'),
      accusedOnDrawn: accused('drawn'),
      kinds: common.map(([kind]) => kind),
    };
  });
}

const HEAD = ['rule', 'precision', 'missed, fixed', 'missed, drawn', 'accused, fixed', 'accused, drawn', 'mostly on'];

const cellsOf = (row: RuleRow): string[] => [
  row.rule,
  row.precision,
  `${row.missedOnFixed.length} of ${row.mutants}`,
  `${row.missedOnDrawn.length} of ${row.mutants}`,
  `${row.accusedOnFixed} %`,
  `${row.accusedOnDrawn} %`,
  row.kinds.join('; '),
];

export function rulesTable(rows: readonly RuleRow[]): string {
  const table = new Table({ head: HEAD, style: { head: [], border: [], compact: true } });
  table.push(...rows.map(cellsOf));
  return table.toString();
}

/** The same in Markdown, with the names of what a rule lets pass, some of them. */
export function rulesMarkdown(rows: readonly RuleRow[], most = 4): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const names = (missed: readonly string[]): string => {
    const more = missed.length > most ? `, and ${missed.length - most} more` : '';
    return `${missed.slice(0, most).join(', ')}${more}` || '–';
  };
  const head = [...HEAD, 'missed on drawn cases'];
  const lines = rows.map((row) => line([...cellsOf(row), names(row.missedOnDrawn)]));
  return [line(head), line(head.map(() => '---')), ...lines].join('\n');
}
