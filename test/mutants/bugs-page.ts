/** `npm run bugs`: measures all bugs of bugs.ts and writes docs/bugs.md; with names of mutants it prints theirs, and writes nothing. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createProgress } from '../../gate/progress.ts';
import { bugGroups, bugs } from './bugs.ts';
import { type Measured, measure, measuredIn, textOf } from './bugs-measure.ts';
import { bugsPage } from './bugs-text.ts';

// from dist/test/mutants
const PAGE = new URL('../../../docs/bugs.md', import.meta.url);
const DATA = new URL('../../../docs/bugs.jsonl', import.meta.url);

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = names.find((name) => !bugs.some(({ mutant }) => mutant === name));
if (unknown !== undefined) {
  process.stderr.write(
    `error: no bug has the mutant '${unknown}'. There are: ${bugs.map((bug) => bug.mutant).join(', ')}\n`,
  );
  process.exit(2);
}
/** `--new` keeps what was measured before. */
const kept: Measured[] = process.argv.includes('--new') ? measuredIn(readFileSync(DATA, 'utf8')) : [];
const chosen = names.length > 0 ? bugs.filter(({ mutant }) => names.includes(mutant)) : bugs;
const progress = createProgress('bugs');
progress.start(chosen.length);
const measured: Measured[] = [];
for (const bug of chosen) {
  measured.push(kept.find(({ mutant }) => mutant === bug.mutant) ?? (await measure(bug)));
  progress.next(bug.mutant);
}
progress.stop();
if (names.length > 0) {
  const some = bugGroups.map((group) => ({ ...group, bugs: group.bugs.filter((bug) => chosen.includes(bug)) }));
  const page = bugsPage(
    some.filter((group) => group.bugs.length > 0),
    measured,
  );
  process.stdout.write(page.slice(page.indexOf('\n## ') + 1));
} else {
  writeFileSync(DATA, measured.map((each) => `${textOf(each)}\n`).join(''));
  writeFileSync(PAGE, bugsPage(bugGroups, measured));
}
