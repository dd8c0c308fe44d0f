/** Whether queries or keys are divided by their length inside the kernel: then twice as long ones change nothing. */
import { tensorBy } from '../../properties/edit.ts';
import { held, type Lab, plainCase, readMatrices, readPlain, shapeFor, squareOf } from './lab.ts';
import { isPast } from './pairs.ts';
import type { Finding } from './probed.ts';

async function isDivided(lab: Lab, name: 'q' | 'k'): Promise<boolean> {
  const { T, row, head } = lab;
  const long = tensorBy(shapeFor(lab.c, name), ([, , , i]) => (i === 0 ? 2 : 0));
  const plain = await readPlain(lab);
  const P = squareOf(lab, await readMatrices(lab, held(lab, plainCase(lab, { [name]: long }))), row, head);
  let [pairs, hits] = [0, 0];
  for (let t = 0; t < T; t++) {
    for (let s = 0; s <= t; s++) {
      // longer keys erase more of what was written before
      if (!isPast(lab, row, t, s) || !plain.isRead(t * T + s) || (name === 'k' && s < t)) continue;
      pairs++;
      if (Math.abs(P[t * T + s] / plain.actual[t * T + s] - 1) < 0.05) hits++;
    }
  }
  return pairs > 0 && hits === pairs;
}

/** Null where both come in as they are. */
export async function normalisedOf(lab: Lab): Promise<Finding | null> {
  if (lab.byDifferences) return null;
  const [q, k] = [await isDivided(lab, 'q'), await isDivided(lab, 'k')];
  if (!q && !k) return null;
  const whose = q && k ? 'queries and keys' : q ? 'queries' : 'keys';
  return {
    kind: q && k ? 'both-normalised' : q ? 'query-normalised' : 'key-normalised',
    sentence: `${whose} are divided by their length inside the kernel: twice as long ones change nothing`,
  };
}
