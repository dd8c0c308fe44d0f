/** What wrong elements hold in place of the right value, where that is something simple. */
import { unravel } from '../../properties/compare.ts';
import type { OutputErrors } from '../failure.ts';

/** Share of the wrong elements that a relation has to explain. */
const NEARLY_ALL = 0.97;

/** A value that an element may hold instead, with its own bound; null where there is none. */
interface Candidate {
  words: string;
  value(index: readonly number[], at: number): { value: number; bound: number } | null;
}

const isWrong = (ratio: number): boolean => !(ratio <= 1);

function strides(shape: readonly number[]): number[] {
  const out = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) out[axis] = out[axis + 1] * shape[axis + 1];
  return out;
}

/** The right value of another element: `moved` changes an index in place, and says no where there is no such element. */
function elsewhere(errors: OutputErrors, words: string, moved: (index: number[]) => boolean): Candidate {
  const steps = strides(errors.shape);
  return {
    words,
    value(index) {
      const other = [...index];
      if (!moved(other)) return null;
      const at = other.reduce((sum, each, axis) => sum + each * steps[axis], 0);
      return { value: errors.expected[at], bound: errors.bound[at] };
    },
  };
}

/** The sum of the right values along an axis. */
function summed(errors: OutputErrors, words: string, axis: number): Candidate {
  const steps = strides(errors.shape);
  return {
    words,
    value(index, at) {
      const first = at - index[axis] * steps[axis];
      let [value, bound] = [0, 0];
      for (let i = 0; i < errors.shape[axis]; i++) {
        value += errors.expected[first + i * steps[axis]];
        bound += errors.bound[first + i * steps[axis]];
      }
      return { value, bound };
    },
  };
}

/** Gradients of log decays are sums over positions: what is there where such a sum is missing, or taken once more. */
function sumsOverTime(errors: OutputErrors, axis: number): Candidate[] {
  const step = strides(errors.shape)[axis];
  const T = errors.shape[axis];
  const neighbour = (words: string, by: number): Candidate => ({
    words,
    value(index, at) {
      const isThere = index[axis] + by >= 0 && index[axis] + by < T;
      const other = at + by * step;
      return {
        value: errors.expected[at] - (isThere ? errors.expected[other] : 0),
        bound: errors.bound[at] + (isThere ? errors.bound[other] : 0),
      };
    },
  });
  const summedFrom = (words: string, by: number): Candidate => ({
    words,
    value(index, at) {
      let [value, bound] = [0, 0];
      for (let t = index[axis], i = at; t >= 0 && t < T; t += by, i += by * step) {
        value += errors.expected[i];
        bound += errors.bound[i];
      }
      return { value, bound };
    },
  });
  return [
    neighbour('the right value less that of the next position: a sum over positions is missing', 1),
    neighbour('the right value less that of the position before: a sum over positions is missing', -1),
    summedFrom('the sum of what is right from there on', 1),
    summedFrom('the sum of what is right up to there', -1),
  ];
}

function candidatesOf(errors: OutputErrors): Candidate[] {
  const { axes, shape } = errors;
  const list: Candidate[] = [];
  const axis = (letter: string): number => axes.indexOf(letter);
  const shift = (letter: string, by: number, words: string): void => {
    const a = axis(letter);
    if (a < 0 || shape[a] < 2) return;
    list.push(
      elsewhere(errors, words, (index) => {
        index[a] -= by;
        return index[a] >= 0 && index[a] < shape[a];
      }),
    );
  };
  shift('T', 1, 'what is right one position earlier');
  shift('T', -1, 'what is right one position later');
  shift('L', 1, 'what is right one level lower');
  shift('L', -1, 'what is right one level higher');
  for (const [letter, noun] of [
    ['T', 'positions'],
    ['L', 'levels'],
    ['H', 'heads'],
    ['K', 'key channels'],
    ['V', 'value channels'],
  ]) {
    const a = axis(letter);
    if (a < 0 || shape[a] < 2) continue;
    list.push(
      elsewhere(errors, `the right values with their ${noun} in reversed order`, (index) => {
        index[a] = shape[a] - 1 - index[a];
        return true;
      }),
    );
  }
  for (const [letter, one, many] of [
    ['B', 'batch row', 'batch'],
    ['n', 'sequence', 'sequences'],
    ['H', 'head', 'heads'],
    ['G', 'group', 'groups'],
  ]) {
    const a = axis(letter);
    if (a < 0 || shape[a] < 2) continue;
    list.push(
      elsewhere(errors, `what is right for ${one} 0`, (index) => {
        index[a] = 0;
        return true;
      }),
      summed(errors, `the sum over the ${many}`, a),
    );
  }
  const time = axis('T');
  if (errors.name === 'gradients.g' && time >= 0 && shape[time] > 2) list.push(...sumsOverTime(errors, time));
  const [k, v] = [axis('K'), axis('V')];
  if (k >= 0 && v === k + 1 && shape[k] > 1 && shape[v] > 1) {
    const isSquare = shape[k] === shape[v];
    // in memory [V,K] where [K,V] is read
    const words = isSquare ? 'the right values with K and V exchanged' : 'the right values with V stored before K';
    list.push(
      elsewhere(errors, words, (index) => {
        const at = index[k] * shape[v] + index[v];
        [index[k], index[v]] = [at % shape[k], Math.floor(at / shape[k])];
        return true;
      }),
    );
  }
  return list;
}

/** A number in few digits. */
export const brief = (value: number): string => String(Number(value.toPrecision(4)));

/** Significant bits that a number really has. */
function bitsOf(value: number): number {
  let [rest, bits] = [Math.abs(value), 0];
  if (rest === 0 || !Number.isFinite(rest)) return 0;
  rest /= 2 ** Math.floor(Math.log2(rest));
  for (; rest !== 0 && bits < 54; bits++) rest = (rest - Math.floor(rest)) * 2;
  return bits;
}

const FORMATS: Record<number, string> = { 24: 'float32', 11: 'float16', 8: 'bfloat16', 4: 'an 8-bit float' };

/** Whether the values are right but for having been rounded to few bits. */
function roundedTo(
  { actual, expected, bound }: OutputErrors,
  wrong: readonly number[],
  outputBits: number,
): string | null {
  const most = wrong.reduce((bits, at) => Math.max(bits, bitsOf(actual[at])), 0);
  if (most === 0 || most >= outputBits || wrong.length < 3) return null;
  const isNear = wrong.every(
    (at) => Math.abs(actual[at] - expected[at]) <= 2 ** -most * 1.01 * Math.abs(expected[at]) + bound[at],
  );
  if (!isNear) return null;
  return `the right values rounded to ${most} bits${FORMATS[most] ? `, as ${FORMATS[most]} has` : ''}`;
}

/** How far off values are that no factor is read off. */
function nearlyRight({ actual, expected }: OutputErrors, wrong: readonly number[]): string {
  const most = wrong.reduce((far, at) => Math.max(far, Math.abs(actual[at] / expected[at] - 1)), 0);
  return `nearly the right value: off by up to ${Number(most.toPrecision(2))} of it`;
}

/** Nearly all values right to some bits, where no format is told by them: sums of rounded numbers, or larger ones on the way. */
function rightToBits({ actual, expected }: OutputErrors, wrong: readonly number[], outputBits: number): string | null {
  const apart = wrong.map((at) => Math.abs(actual[at] / expected[at] - 1)).sort((a, b) => a - b);
  const far = apart[Math.min(Math.floor(NEARLY_ALL * apart.length), apart.length - 1)];
  if (!(far < 2 ** -3)) return null;
  const bits = Math.floor(-Math.log2(far));
  if (wrong.length < 3 || bits >= outputBits) return null;
  const format = FORMATS[bits];
  return `the right values to ${bits} bits${format ? `, as ${format} has` : ''}: something is rounded to fewer than the precision has`;
}

/** Whether the values end at a limit. */
function clampedAt({ actual, expected }: OutputErrors, wrong: readonly number[]): string | null {
  const limit = Math.abs(actual[wrong[0]]);
  const isClamped = wrong.every(
    (at) => Math.abs(actual[at]) === limit && Math.abs(expected[at]) > limit && actual[at] * expected[at] > 0,
  );
  // one that is beyond it and right has not been clamped
  const beyond = expected.filter((value) => Math.abs(value) > 1.001 * limit).length;
  return isClamped && limit > 0 && wrong.length > 2 && beyond <= wrong.length
    ? `the right values clamped at ${brief(limit)}`
    : null;
}

/** Whether the values are right but for fixed point: whole multiples of some 2^-n, whatever their size. */
function fixedPoint({ actual, expected }: OutputErrors, wrong: readonly number[]): string | null {
  for (let places = 1; places <= 24; places++) {
    const unit = 2 ** -places;
    if (!wrong.every((at) => Number.isInteger(actual[at] / unit))) continue;
    const isNear = wrong.every((at) => Math.abs(actual[at] - expected[at]) <= 0.51 * unit);
    return isNear && wrong.length > 4 ? `the right values in fixed point: multiples of 2^-${places}` : null;
  }
  return null;
}

/** In words, or null. `outputBits`: significant bits of the format that the output is stored in; `factorName`: where a factor may come from. */
export function relationOf(
  errors: OutputErrors,
  outputBits: number,
  factorName: (factor: number) => string | null = () => null,
): string | null {
  const { actual, expected, bound, ratio, shape } = errors;
  const wrong = [...ratio.keys()].filter((at) => isWrong(ratio[at]));
  if (wrong.length === 0) return null;
  const share = (holds: (at: number) => boolean): number => wrong.filter(holds).length / wrong.length;
  if (share((at) => Number.isNaN(actual[at])) >= NEARLY_ALL) return 'NaN';
  if (share((at) => !Number.isFinite(actual[at])) >= NEARLY_ALL) return 'Infinity or NaN';
  // or what rounding leaves of 0
  if (share((at) => Math.abs(actual[at]) <= bound[at]) >= NEARLY_ALL) return '0';
  const isLimited = clampedAt(errors, wrong);
  if (isLimited) return isLimited;
  // the element on which a factor or a constant can be read off best
  const sharp = (at: number): number => Math.abs(expected[at]) / (bound[at] || Number.MIN_VALUE);
  const best = wrong.reduce((a, b) => (sharp(b) > sharp(a) && Number.isFinite(actual[b]) ? b : a));
  const near = (at: number, value: number, allowed: number): boolean => Math.abs(actual[at] - value) <= allowed;
  const factor = actual[best] / expected[best];
  if (Number.isFinite(factor) && wrong.length > 1) {
    const unsure = bound[best] / Math.abs(expected[best]);
    const isScaled = share((at) =>
      near(at, factor * expected[at], (1 + Math.abs(factor)) * bound[at] + 2 * unsure * Math.abs(expected[at])),
    );
    if (isScaled >= NEARLY_ALL) {
      if (Math.abs(factor - 1) < 5e-4) return nearlyRight(errors, wrong);
      if (Math.abs(factor + 1) < 5e-4) return 'the right value negated';
      const name = factorName(factor);
      return `${brief(factor)} times the right value${name ? ` (${name})` : ''}`;
    }
  }
  const narrow = roundedTo(errors, wrong, outputBits) ?? fixedPoint(errors, wrong);
  if (narrow) return narrow;
  const index = wrong.map((at) => unravel(at, shape));
  for (const { words, value } of candidatesOf(errors)) {
    let [hits, tried] = [0, 0];
    wrong.forEach((at, i) => {
      const other = value(index[i], at);
      const allowed = bound[at] + (other?.bound ?? 0);
      // where rounding alone may be as far off nothing is told
      if (!other || 2 * allowed > Math.abs(actual[at] - expected[at])) return;
      tried++;
      if (near(at, other.value, allowed)) hits++;
    });
    if (tried >= Math.max(2, wrong.length / 3) && hits >= NEARLY_ALL * tried) return words;
  }
  const exact = wrong.reduce((a, b) => (bound[b] < bound[a] ? b : a));
  const offset = actual[exact] - expected[exact];
  const stored = 2 ** (1 - outputBits);
  const isOffset = share((at) =>
    near(at, expected[at] + offset, 2 * (bound[at] + bound[exact]) + stored * Math.abs(actual[at])),
  );
  if (isOffset >= NEARLY_ALL && wrong.length > 1) {
    return `the right value ${offset < 0 ? 'less' : 'plus'} ${brief(Math.abs(offset))}`;
  }
  return rightToBits(errors, wrong, outputBits);
}
