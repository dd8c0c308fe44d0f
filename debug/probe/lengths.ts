/** At which lengths something is wrong: of a short failing case nothing else may be told, and tiles end at some lengths alone. */
import { fit } from '../../properties/arbitraries/cases.ts';
import { noise } from '../../properties/arbitraries/noise.ts';
import { axes, inputNames, range, tensorBy } from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import { levelsOf, WEAK } from '../../reference/levels.ts';
import { expectedOf } from '../expected.ts';
import { failureOf, type OutputErrors } from '../failure.ts';
import { held, type Lab, shapeFor } from './lab.ts';
import type { Finding } from './probed.ts';

/** Cases of more tokens show where they are wrong by themselves. */
const SHORT = 4;
const LONGEST = 9;

/** Ordinary numbers for so many tokens, from position 0 on. */
function caseOf(lab: Lab, T: number): Case {
  const { position: _, ...c } = lab.c;
  const inputs: Case['inputs'] = {};
  for (const name of inputNames(c)) {
    if (name === 'initialState') continue;
    const L = Math.max(lab.layout.L, levelsOf(c.structure ?? WEAK).count(LONGEST));
    const letters = axes(c, name);
    const shape = shapeFor(c, name).map((size, axis) => ({ T, L })[letters[axis] as 'T' | 'L'] ?? size);
    inputs[name] = tensorBy(shape, (index) => ((name === 'g' ? -1 : 1) * (1 + (noise(8, name, index) % 15))) / 16);
  }
  return held(lab, { ...c, inputs });
}

const isOff = (ratio: number): boolean => !(ratio <= 1);

/** Positions of o that are wrong, with so many tokens. */
async function wrongAt(lab: Lab, T: number): Promise<number[]> {
  const c = caseOf(lab, T);
  const { outputs } = failureOf(c, lab.precision, await lab.ask(c), expectedOf(c, lab.precision));
  const { ratio, shape } = outputs.find(({ name }) => name === 'o') as OutputErrors;
  const width = shape[2] * shape[3];
  return range(0, T).filter((t) => ratio.some((each, at) => isOff(each) && Math.floor(at / width) % T === t));
}

/** Of a short case: which lengths are wrong, and whether it is the last position alone; null where all lengths are alike. */
export async function lengthsOf(lab: Lab): Promise<Finding | null> {
  if (lab.T > SHORT || lab.c.cuSeqlens) return null;
  const lengths = range(1, LONGEST + 1).filter((T) => fit(T, lab.subject.abilities.limits?.T) === T);
  const wrong: { T: number; positions: number[] }[] = [];
  for (const T of lengths) {
    const positions = await wrongAt(lab, T);
    if (positions.length > 0) wrong.push({ T, positions });
  }
  if (wrong.length === 0 || wrong.length === lengths.length) return null;
  const isLast = wrong.every(({ T, positions }) => positions.length === 1 && positions[0] === T - 1);
  const list = wrong.map(({ T }) => T).join(', ');
  return {
    kind: 'some-lengths',
    sentence: `${isLast ? 'the last position is' : 'outputs are'} wrong where T is ${list}, and right at all other lengths from ${lengths[0]} to ${lengths.at(-1)}`,
  };
}
