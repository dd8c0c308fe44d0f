/** Which key channels are read, and whose queries and keys: faults of tiles and strides. */
import { sizesOf, systemOf, tensorBy } from '../../properties/edit.ts';
import { held, type Lab, plainCase, readMatrices, readPlain, shapeFor, squareOf } from './lab.ts';
import { isPast } from './pairs.ts';
import type { Finding } from './probed.ts';

/** Channels that are lost: each key has a 1 in a channel of its own, each query ones in all of them. */
async function lostChannels(lab: Lab): Promise<Finding | null> {
  const { T, row, head } = lab;
  const { K } = sizesOf(lab.c);
  if (K < 2 || T < 2) return null;
  const lost = new Set<number>();
  const ones = tensorBy(shapeFor(lab.c, 'q'), () => 1);
  // of the last key there is one query alone, which may not read it for other reasons
  for (let first = 0; first < K; first += T - 1) {
    const k = tensorBy(shapeFor(lab.c, 'k'), ([, s, , i]) => (i === (first + s) % K ? 1 : 0));
    const P = squareOf(lab, await readMatrices(lab, plainCase(lab, { q: ones, k })), row, head);
    for (let s = 0; s < T - 1; s++) {
      const channel = (first + s) % K;
      // the last query of the sequence of s reads it, and so does every other
      const queries = Array.from({ length: T }, (_, t) => t).filter((t) => isPast(lab, row, t, s));
      if (queries.every((t) => P[t * T + s] === 0) && queries.length > 1) lost.add(channel);
    }
  }
  if (lost.size === 0 || lost.size === K) return null;
  const list = [...lost].sort((a, b) => a - b);
  const isTail = list.every((channel, i) => channel === list[0] + i) && list.at(-1) === K - 1;
  const which =
    list.length === 1
      ? String(list[0])
      : isTail
        ? `from ${list[0]} on`
        : list.slice(0, 8).join(', ') + (list.length > 8 ? ', …' : '');
  return {
    kind: 'key-channels-lost',
    sentence: `key channel${list.length === 1 ? '' : 's'} ${which} ${list.length === 1 ? 'is' : 'are'} not read (K = ${K})`,
  };
}

/** Whose k, then whose q, a head reads: each group of each row has a number of its own. */
async function groupsRead(lab: Lab, name: 'q' | 'k'): Promise<Finding | null> {
  const { T, B, H, row, head } = lab;
  const { G } = sizesOf(lab.c);
  if (G * B < 2 || G * B > 64) return null;
  const own = Math.floor((head * G) / H);
  const isDelta = systemOf(lab.c).recurrence?.beta === true;
  const number = (b: number, group: number): number => 1 + (b * G + group) / (G * B);
  const first = { [name]: tensorBy(shapeFor(lab.c, name), ([b, , group, i]) => (i === 0 ? number(b, group) : 0)) };
  const P = squareOf(lab, await readMatrices(lab, held(lab, plainCase(lab, first))), row, head);
  const plain = await readPlain(lab);
  const read = new Map<number, number>();
  for (let t = 0; t < T; t++) {
    for (let s = 0; s <= t; s++) {
      const at = t * T + s;
      // a delta rule erases more of a key by larger ones
      if (!isPast(lab, row, t, s) || !plain.isRead(at) || (isDelta && s < t)) continue;
      const which = Math.round((P[at] / plain.actual[at] - 1) * G * B);
      read.set(which, (read.get(which) ?? 0) + 1);
    }
  }
  const [most] = [...read].sort((a, b) => b[1] - a[1]);
  if (!most || most[0] === row * G + own || most[0] < 0 || most[0] >= G * B) return null;
  const [b, group] = [Math.floor(most[0] / G), most[0] % G];
  const from = b === row ? `group ${group}` : `batch row ${b}, group ${group}`;
  return {
    kind: 'other-group',
    sentence: `head ${head} of row ${row} reads ${name} of ${from} instead of group ${own} (H = ${H}, G = ${G})`,
  };
}

/** Every fault of this kind; of queries or keys that are divided by their length nothing is told by numbers. */
export async function channelsOf(lab: Lab, isNormalised: boolean): Promise<Finding[]> {
  if (lab.T < 2 || lab.byDifferences) return [];
  const found = [await lostChannels(lab)];
  if (!isNormalised) found.push(await groupsRead(lab, 'k'), await groupsRead(lab, 'q'));
  return found.filter((each): each is Finding => each !== null);
}
