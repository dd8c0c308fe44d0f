/** Few wrong elements that no rule describes: the box that they fill, or one by one. */
import { unravel } from '../../properties/compare.ts';
import type { FoundSet } from './localisation.ts';
import type { Labels } from './search.ts';
import { nounOf, placeWords } from './words.ts';

/** So many are listed. */
const MOST_LISTED = 6;

const rangeWords = (letter: string, from: number, to: number): string => {
  const noun = nounOf(letter);
  return from === to ? `${noun} ${from}` : `${noun}s ${from} to ${to}`;
};

/**
 * The set as its places, where it is a box without a right element in it, or has a few elements. `labels`: 1 wrong, -1 right, 0 says
 * nothing.
 */
export function fewPlaces({ axes, shape, labels }: Labels): FoundSet | null {
  const wrong = [...labels.keys()].filter((at) => labels[at] === 1).map((at) => unravel(at, shape));
  if (wrong.length === 0) return null;
  const ranges = shape.map((_, axis): [number, number] => {
    const places = wrong.map((index) => index[axis]);
    return [places.reduce((a, b) => Math.min(a, b)), places.reduce((a, b) => Math.max(a, b))];
  });
  const isInside = (index: readonly number[]): boolean =>
    index.every((each, axis) => each >= ranges[axis][0] && each <= ranges[axis][1]);
  const isFilled = !labels.some((label, at) => label === -1 && isInside(unravel(at, shape)));
  const cut = ranges.flatMap(([from, to], axis) =>
    from === 0 && to === shape[axis] - 1 ? [] : [rangeWords(axes[axis], from, to)],
  );
  if (isFilled && cut.length > 0) return { parts: cut, words: cut.join(', '), also: [], recall: 1, precision: 1 };
  if (wrong.length > MOST_LISTED) return null;
  const parts = wrong.map((index) => placeWords(Object.fromEntries(index.map((each, axis) => [axes[axis], each]))));
  return { parts, words: parts.join('; and '), also: [], recall: 1, precision: 1 };
}
