/**
 * Shrunk failures as fixtures: for each bug of docs/bugs.jsonl its smallest counterexample, where expected values alone show the bug.
 * Prints lines for fixtures/shrunk.jsonl; those of a version that is released stay as they are.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { Law } from '../../properties/law.ts';
import { findLaw } from '../../properties/laws/all.ts';
import { compareAnswers } from '../../properties/laws/common.ts';
import { findPrecision, isExactIn, type Precision } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import { caseToJson, jsonText } from '../../reference/case-json.ts';
import { compute } from '../../reference/operator.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { bugGroups } from './bugs.ts';
import { measuredIn, mutantOf } from './bugs-measure.ts';

const titles = new Map(bugGroups.flatMap(({ bugs }) => bugs).map(({ mutant, title }) => [mutant, title]));

/** Whether the answer to the case alone shows it, in that precision. */
async function isShown(mutant: string, c: Case, precision: Precision): Promise<boolean> {
  const { implementation } = mutantOf({ mutant });
  try {
    const right = compute({ ...c, form: undefined });
    const bounds = boundsOf(c, precision);
    return compareAnswers(await implementation.run(c), right, bounds).some(({ ratio }) => ratio > 1);
  } catch {
    return false;
  }
}

const text = readFileSync(new URL('../../../docs/bugs.jsonl', import.meta.url), 'utf8');
for (const { mutant, example } of measuredIn(text)) {
  const { system, implementation } = mutantOf({ mutant });
  const law = findLaw(example.law) as Law;
  const { seed, path } = example;
  const [{ c }] = fc.sample(law.draw(findSystem(system) as System, implementation), { seed, path, numRuns: 1 });
  const { form: _form, law: _law, seed: _seed, path: _path, ...bare } = c;
  const tensors = [...Object.values(bare.inputs), ...Object.values(bare.cotangents ?? {})];
  const float32 = findPrecision('float32') as Precision;
  const dtypes: string[] = [];
  if (tensors.every((each) => isExactIn(float32.inputs, each)) && (await isShown(mutant, bare, float32)))
    dtypes.push('float32');
  if (await isShown(mutant, bare, implementation.precision)) dtypes.push('float64');
  if (dtypes.length === 0) {
    process.stderr.write(`${mutant}: the answer to its case alone does not show it\n`);
    continue;
  }
  const title = titles.get(mutant) as string;
  const line = {
    probe: `shrunk-${mutant}`,
    probes: `The smallest failure found of this bug: ${title.charAt(0).toLowerCase()}${title.slice(1)}.`,
    flags: ['shrunk', ...(bare.cotangents ? ['gradients'] : [])],
    systems: [system],
    small: [system],
    dtypes,
    case: caseToJson(bare),
  };
  process.stdout.write(`${jsonText(line)}\n`);
}
