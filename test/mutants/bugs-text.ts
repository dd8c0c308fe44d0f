/** docs/bugs.md, from the list of bugs and from what was measured. */
import type { Worst } from '../../properties/law.ts';
import type { Bug, BugGroup } from './bugs.ts';
import { type Measured, mutantOf, RUNS, SEED } from './bugs-measure.ts';

/** Three digits, or all where there are fewer. */
const number = (value: number): string =>
  Number.isFinite(value) && String(value).length > 10 ? String(Number(value.toPrecision(6))) : String(value);

const place = ({ name, index }: Worst): string => (index.length > 0 ? `${name}[${index.join(',')}]` : name);

function entry(bug: Bug, { first, example }: Measured): string {
  const { system, control, bug: change } = mutantOf(bug);
  const { law, cases, worst, note, lines } = example;
  const isSame = law === first.law;
  const second = isSame
    ? ''
    : `; the example is of ${law === control ? 'its control, ' : ''}\`${law}\`, at case ${cases}`;
  // the system and its tensors; then what else the law drew
  const isCase = (line: string, i: number): boolean => i === 0 || /^\S+ \[[\d,]*\]: /.test(line);
  const code = [
    ...lines.map((line, i) => (isCase(line, i) ? line : `drawn: ${line}`)),
    `${place(worst)} is ${number(worst.actual)}, and has to be ${number(worst.expected)}${note ? ` (${note})` : ''}`,
  ];
  return `### ${bug.title}

${bug.what}
*Where:* ${bug.where}

- mutant: \`${bug.mutant}\` of ${system}. ${change}
- rejected first by \`${first.law}\`, at case ${first.cases}${second}
- again: \`npm run bugs -- ${bug.mutant}\`; a program of yours: \`npx lla gate --law ${law} --system ${system} -- COMMAND\`

\`\`\`
${code.join('\n')}
\`\`\`
`;
}

const anchor = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replace(/\s/g, '-');

export function bugsPage(groups: readonly BugGroup[], measured: readonly Measured[]): string {
  const found = new Map(measured.map((each) => [each.mutant, each]));
  const list = groups.map(({ title, bugs }) => {
    const items = bugs.map((bug) => `[${bug.title}](#${anchor(bug.title)})`);
    return `- **${title}**: ${items.join(', ')}`;
  });
  const parts = groups.map(({ title, bugs }) => {
    const entries = bugs.map((bug) => entry(bug, found.get(bug.mutant) as Measured));
    return `## ${title}\n\n${entries.join('\n')}`;
  });
  const count = groups.reduce((sum, { bugs }) => sum + bugs.length, 0);
  return `<!-- Written by npm run bugs: change test/mutants/bugs.ts instead. -->
# Bugs that the gate finds

${count} classes of bugs, each as one wrong implementation of ours (\`debug/dictionary\`), and what the laws say to it. *Rejected first*: the first law, in
the order in which \`lla gate\` runs them, that rejects it, and at which of up to ${RUNS} cases that follow from seed ${SEED}. That is mostly the
law that compares with exact values, which sees almost everything and says least; the example is of the law that is the mutant's control,
shrunk until nothing smaller fails. Tensors are row-major, \`do\` is the cotangent of o, and the last line says which number is off. All of it
is measured, in float64, by \`npm run bugs\`; a test replays every example.

${list.join('\n')}

${parts.join('\n')}`;
}
