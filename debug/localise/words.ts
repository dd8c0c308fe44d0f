/** Places and sets in the words of somebody who writes kernels. */
import type { FoundSet, Located, Place } from './localisation.ts';
import { brief } from './relation.ts';
import type { Hypothesis } from './search.ts';

const NOUNS: Record<string, string> = {
  B: 'batch row',
  n: 'sequence',
  T: 'position',
  H: 'head',
  G: 'group',
  K: 'key channel',
  V: 'value channel',
  L: 'level',
};

export const nounOf = (letter: string): string => NOUNS[letter] ?? letter;

/** {B: 0, T: 12} as "batch row 0, position 12". */
export const placeWords = (index: Record<string, number>): string =>
  Object.entries(index)
    .map(([letter, each]) => `${NOUNS[letter] ?? letter} ${each}`)
    .join(', ');

/** A number in two digits. */
const rough = (value: number): string =>
  value >= 1e5 ? value.toExponential(1).replace('e+', 'e') : String(Number(value.toPrecision(2)));

/** How far off, in bounds; where equality is asked a bound is nothing to measure with. */
export function farWords({ ratio, actual, expected, bound }: Place): string {
  if (Number.isFinite(ratio)) return `up to ${rough(ratio)} bounds off`;
  if (bound < 1e-250 && Number.isFinite(actual))
    return `up to ${brief(actual)} where exactly ${brief(expected)} is asked`;
  return 'some of them no numbers';
}

const STRETCH: Record<string, [one: string, many: string]> = {
  T: ['position', 'positions'],
  t: ['query', 'queries'],
  s: ['key', 'keys'],
};

/** A set in words, with the stretch of positions that it is where it is one and its name does not say so. */
export function factorWords({ axes, mask, words }: Hypothesis): string {
  const nouns = STRETCH[axes];
  if (!nouns || /^(position|query|key|positions|queries|keys) (from |before )?\d/.test(words)) return words;
  const [one, many] = nouns;
  const first = mask.indexOf(1);
  const last = mask.lastIndexOf(1);
  if (mask.subarray(first, last + 1).includes(0)) {
    const places = [...mask.keys()].filter((at) => mask[at] === 1);
    if (places.length > 6) return `${words} (${many} ${places.slice(0, 4).join(', ')}, …)`;
    return `${words} (${places.length > 1 ? many : one} ${places.join(', ')})`;
  }
  if (first === last) return `${one} ${first}, ${words}`;
  return `${many} ${first} to ${last}, ${words}`;
}

const EVERY = ['B', 'n', 'T', 'H', 'G', 'L'];

/** "every head" and the like for axes that a set does not cut, of those worth naming. */
export function wholeAxes(axes: string, shape: readonly number[], cut: string): string {
  const whole = [...axes].filter((letter, axis) => EVERY.includes(letter) && shape[axis] > 1 && !cut.includes(letter));
  if (cut.length === 0) return 'everywhere';
  return whole.map((letter) => `every ${NOUNS[letter]}`).join(', ');
}

const percent = (share: number): string => `${Math.floor(share * 100)} %`;

/** How good a set is, where it is not exactly what is wrong; nothing where it is. */
export const shareWords = ({ recall, precision }: Pick<FoundSet, 'recall' | 'precision'>): string[] => [
  ...(precision < 1 ? [`${percent(precision)} of it is wrong`] : []),
  ...(recall < 1 ? [`${percent(recall)} of what is wrong is there`] : []),
];

/** What a report says of the farthest element. */
export const worstWords = ({ index, actual, expected }: Place): string =>
  `${placeWords(index)} is ${brief(actual)}, where ${brief(expected)} is right`;

/** All of one output in a sentence. */
export function sentenceOf(located: Omit<Located, 'sentence'>): string {
  const { name, wrong, total, worst, first, set, relation, nonFinite } = located;
  if (wrong === 0 || !worst) return `${name}: nothing is wrong`;
  const where = set ? set.words : 'no simple set';
  const parts = [`${wrong} of ${total} elements of ${name} are wrong: ${where}`];
  if (set) parts.push(...shareWords(set));
  const far = nonFinite > 0 ? `${nonFinite} of them no numbers` : farWords(worst);
  parts.push(first === null ? far : `${far}, first at position ${first}`);
  parts.push(`worst: ${worstWords(worst)}`);
  if (relation) parts.push(`wrong elements hold ${relation}`);
  return parts.join('; ');
}
