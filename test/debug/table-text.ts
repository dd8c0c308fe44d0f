/** The table in docs/debug.md. */

/** One blind diagnosis. */
export interface Trial {
  failing: 'law' | 'probe' | null;
  /** The bugs named first. */
  named: string[];
  right: boolean;
  cases: number;
  wrong: number;
  telling: number;
}

export interface Row {
  name: string;
  system: string;
  bug: string;
  line: string;
  /** By precision. */
  trials: Record<string, Trial>;
  /** What is named where this bug is taken out of the dictionary. */
  without: Record<string, string[]>;
}

export interface Table {
  rows: Row[];
  /** By precision and bug: whether the cause is told by where and what is wrong, without the dictionary; null where nothing is wrong. */
  where: Record<string, Record<string, boolean | null>>;
  otherForm: { tried: number; right: number; missed: string[] };
  everySystem: { tried: number; right: number; alone: number; missed: string[] };
  pairs: {
    system: string;
    names: [string, string];
    result: 'both' | 'one alone' | 'missed';
    named: string[];
    seconds: number;
  }[];
  correct: { kernels: number; cases: number; accused: string[] };
}

const percent = (part: number, whole: number): string => `${part} of ${whole} (${((100 * part) / whole).toFixed(1)} %)`;

const resultOf = (trial: Trial, name: string): string => {
  if (trial.wrong === 0 && trial.named.length === 0) return 'nothing is wrong';
  if (!trial.right) return trial.named.length > 0 ? `**${trial.named.join(', ')}**` : '**not named**';
  const others = trial.named.filter((each) => each !== name);
  return others.length > 0 ? `named, with ${others.join(', ')}` : 'named';
};

const whereOf = (isRight: boolean | null | undefined, precision: string): string =>
  `${precision} ${isRight ? 'told' : isRight === false ? '**missed**' : 'right'}`;

const listed = (title: string, list: readonly string[]): string =>
  list.length === 0 ? `${title}: none.` : `${title}: ${list.map((each) => `\`${each}\``).join(', ')}.`;

export function markdown({ rows, where, otherForm, everySystem, pairs, correct }: Table): string {
  const precisions = Object.keys(rows[0].trials);
  const figures = precisions.flatMap((precision, i) => {
    const trials = rows.map(({ name, trials: all }) => ({ name, ...all[precision] }));
    const seen = trials.filter(({ wrong, named }) => wrong > 0 || named.length > 0);
    const right = trials.filter((trial) => trial.right).length;
    const unseen = trials.filter((trial) => !seen.includes(trial)).map(({ name }) => name);
    const without = rows
      .filter((row) => row.without[precision].length > 0)
      .map((row) => `${row.name}: ${row.without[precision].join('; ')}`);
    return [
      `- ${precision}: named first in ${percent(right, rows.length)} of all, ${percent(right, seen.length)} of those that are wrong on a case that was asked. ${listed('Right on all cases, by the bounds of the precision', unseen)}`,
      `- ${precision}, with the bug itself taken out of the dictionary${i === 0 ? ', pairs of others allowed for every fifth' : ''}: ${listed('another is named', without)}`,
    ];
  });
  const located = precisions.map((precision) => {
    const all = Object.entries(where[precision]).filter(([, isRight]) => isRight !== null);
    const missed = all.filter(([, isRight]) => !isRight).map(([name]) => name);
    return `- ${precision}, without any dictionary: the cause is told by *where* and *what it computes* of ${percent(all.length - missed.length, all.length)} of those that are wrong on a case that was asked. ${listed('Missed', missed)}`;
  });
  const results = (result: string): number => pairs.filter((pair) => pair.result === result).length;
  return `Each of the ${rows.length} wrong implementations of \`debug/dictionary\` is diagnosed blind, from what \`lla debug\` would start from: an implementation
without a name, and the case on which a law rejects it. In float32 its bug is added to what a correct kernel of that precision answers
(\`test/mutants/in-precision.ts\`). What has to be said of each without the dictionary is written down by hand (\`test/debug/where.ts\`).

${[...figures, ...located].join('\n')}
- In float64, the same bugs in the recurrent form, whose sums have another order: ${percent(otherForm.right, otherForm.tried)}. ${listed('Missed', otherForm.missed)}
- In float64, bugs on every system that can have them, one of four such pairs: ${percent(everySystem.right, everySystem.tried)}, by itself in ${everySystem.alone}. ${listed('Missed', everySystem.missed)}
- Two random bugs of different kinds at once, in float64: both named in ${percent(results('both'), pairs.length)}; in ${results('one alone')} one hides the other, and is named alone; ${results('missed')} missed.
- ${correct.kernels} correct implementations (our forms, and emulated kernels in four precisions) on ${correct.cases} probes. ${listed('Accused', correct.accused)}

<details><summary>Bug by bug</summary>

| bug | system | ${precisions.join(' | ')} | where, without the dictionary |
|---|---|${precisions.map(() => '---|').join('')}---|
${rows.map(({ name, system, trials }) => `| \`${name}\` | ${system} | ${precisions.map((precision) => resultOf(trials[precision], name)).join(' | ')} | ${precisions.map((precision) => whereOf(where[precision][name], precision)).join(', ')} |`).join('\n')}

</details>

<details><summary>Two at once</summary>

| bugs | system | result | seconds |
|---|---|---|---|
${pairs.map(({ names, system, result, named, seconds }) => `| ${names.map((name) => `\`${name}\``).join(' + ')} | ${system} | ${result}${named.length > 1 ? `, among ${named.length}` : ''} | ${seconds} |`).join('\n')}

</details>
`;
}

const BEGIN = '<!-- Written by npm run debug:table. -->';
const END = '<!-- End of what it writes. -->';

/** The page with this table in the place of the one that it has. */
export function withTable(page: string, table: Table): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`the page has no lines “${BEGIN}” and “${END}”`);
  return `${page.slice(0, from)}${BEGIN}\n${markdown(table)}${page.slice(to)}`;
}
