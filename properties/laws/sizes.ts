/**
 * The sizes of real kernels: bugs live in tiles, level tables, strides and grids, and small cases reach none of them. Answers are held
 * against the chunked form, a few cases each.
 */
import fc from 'fast-check';
import type { Answer, Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { fit, type Size, type Wish } from '../arbitraries/cases.ts';
import { oneOfSizes } from '../arbitraries/large.ts';
import { independent, styles } from '../arbitraries/values.ts';
import { verdict } from '../compare.ts';
import { axes, inputNames, range, sizesOf, take, takeAlong } from '../edit.ts';
import { type Abilities, type Implementation, type Law, NoAnswer, OutsideAbilities, type Verdict } from '../law.ts';
import { hereOracle, type Oracle } from '../oracle.ts';
import { DOUBLE } from '../precision.ts';
import type { Bounds } from '../tolerance.ts';
import { anyRecurrence, asFarAsGiven, compareAnswers, inOwnChunks, PAPER, times } from './common.ts';
import { law } from './define.ts';

type Letter = keyof NonNullable<Abilities['limits']>;

/** Kinds of large cases. */
interface Kind {
  name: string;
  statement: string;
  sizes: Partial<Record<Size, fc.Arbitrary<number>>>;
  wish?: Wish;
  /** What its cases are larger in. */
  letters: readonly Letter[];
  /** Sizes that one of its cases has at least; an implementation whose limits end below is beyond it. */
  least: Partial<Record<Letter, number>>;
  /** Rows of the case that is asked, each by its number in the one that was drawn; left out: that one is asked. */
  rows?: (c: Case) => number[];
}

const few = oneOfSizes(1, 2, 3, 4, 5, 8);
const one = oneOfSizes(1);
/** No size that shrinks: a chunk of 33 tokens is none. */
const C = fc.noShrink(oneOfSizes(64));

/** Where a dimension of a grid of blocks ends: 65,535 in y and z. */
const GRID = 65_536;
/** Rows of a large grid repeat, after a prime, so that no wrapped index finds its own row. */
const DISTINCT = 7;

/** Row b is row b mod B of the drawn case, until there is a block more than a grid can have. */
const rowsPastGrid = (c: Case): number[] => {
  const { B, H } = sizesOf(c);
  return range(0, Math.ceil((GRID + 1) / H)).map((row) => row % B);
};

function withRows(c: Case, order: readonly number[]): Case {
  const grown = takeAlong(takeAlong(c, 'B', order), 'n', order);
  if (c.position) grown.position = order.map((row) => (c.position as number[])[row]);
  return grown;
}

function answerOfRows(c: Case, { o, position, finalState, gradients }: Answer, order: readonly number[]): Answer {
  const answer: Answer = { o: take(o, 0, order), position: order.map((row) => position[row]) };
  if (finalState) answer.finalState = take(finalState, 0, order);
  if (!gradients) return answer;
  answer.gradients = {};
  for (const name of inputNames(c)) {
    // what all rows share has the gradient of all rows: no row says it
    const value = gradients[name];
    if (value && axes(c, name) !== 'H') answer.gradients[name] = take(value, 0, order);
  }
  return answer;
}

const kinds: Kind[] = [
  {
    name: 'long-sequences',
    statement: 'At thousands of positions',
    sizes: {
      B: one,
      // most are as long as can be: what fails from some size on shrinks to that size
      T: oneOfSizes(4096, 4095, 4032, 4096, 4095, 2049),
      G: one,
      headsPerGroup: oneOfSizes(1, 2),
      K: few,
      V: few,
      chunkSize: C,
    },
    wish: { state: 'sometimes', packed: 'sometimes' },
    letters: ['T'],
    least: { T: 1024 },
  },
  {
    name: 'wide-heads',
    statement: 'At K and V of up to 256 channels',
    sizes: {
      B: one,
      T: oneOfSizes(33, 64, 65, 70, 96, 129),
      G: one,
      headsPerGroup: one,
      K: oneOfSizes(96, 128, 129, 200, 255, 256, 256, 256),
      V: oneOfSizes(96, 128, 129, 200, 255, 256, 256, 256),
      chunkSize: C,
    },
    wish: { state: 'sometimes' },
    letters: ['K', 'V'],
    least: { K: 96, V: 96 },
  },
  {
    name: 'many-heads',
    statement: 'With up to 32 heads, their groups and several rows',
    sizes: {
      B: oneOfSizes(1, 2, 3),
      T: oneOfSizes(17, 33, 64, 65, 70),
      G: oneOfSizes(1, 2, 8, 32),
      headsPerGroup: oneOfSizes(4, 8, 32),
      K: few,
      V: few,
      chunkSize: C,
    },
    wish: { state: 'sometimes', packed: 'sometimes', maxH: 32 },
    letters: ['H', 'B'],
    least: { H: 8 },
  },
  {
    name: 'large-grid',
    statement: 'With more than 65,535 pairs of a row and a head',
    sizes: {
      // what is smaller in these has no larger grid
      B: fc.constant(DISTINCT),
      T: oneOfSizes(1, 2),
      G: fc.constantFrom(1, 32),
      headsPerGroup: fc.constant(32),
      K: oneOfSizes(1, 2),
      V: oneOfSizes(1, 2),
      chunkSize: C,
    },
    wish: { state: 'sometimes', maxH: 32 },
    letters: ['B'],
    least: {},
    rows: rowsPastGrid,
  },
];

/** Multiply-adds that are still worth it where an implementation's limits make every case large. */
const MOST_OF_GRID = 2 ** 25;

/** Why no case that the implementation takes is large in this way. */
function beyond({ name, least }: Kind, { limits = {} }: Abilities): string | null {
  for (const [letter, wanted] of Object.entries(least) as [Letter, number][]) {
    if (fit(wanted, limits[letter]) < wanted) return `${letter} of ${wanted} and more`;
  }
  if (name !== 'large-grid') return null;
  const [T, K, V] = (['T', 'K', 'V'] as const).map((letter) => fit(1, limits[letter]));
  const H = fit(32, limits.H);
  if (fit(Math.ceil((GRID + 1) / H), limits.B) * H <= GRID) return `${GRID} pairs of a row and a head`;
  return GRID * T * (K + V) > MOST_OF_GRID ? `${GRID} pairs of a row and a head that are small enough` : null;
}

/** Styles whose bounds stay small at these sizes: sparse or independent numbers, and decays that forget little. */
const STYLES: Wish['styles'] = {
  q: independent.q,
  k: [...independent.k, ...styles.k.slice(5, 6)],
  v: [...independent.v, ...styles.v.slice(5, 6)],
  g: [styles.g[4], ...styles.g.slice(-1), styles.g[0], styles.g[2], styles.g[6]],
  beta: [...independent.beta.slice(0, 1), styles.beta[1]],
  lambda: [...independent.lambda, styles.lambda[1]],
  initialState: independent.initialState,
};

/**
 * How far the answer may be from that of the chunked form in float64: one bound, and the share of the form itself, which in any narrower
 * precision is below a millionth of that.
 */
function limitsOf(bounds: Bounds, subject: Implementation): Bounds {
  const factor = subject.precision === DOUBLE ? 2 : 1 + 2 ** -20;
  return mapBounds(bounds, (bound) => times(factor, bound));
}

function mapBounds({ o, finalState, gradients }: Bounds, change: (bound: Float64Array) => Float64Array): Bounds {
  const entries = Object.entries(gradients).map(([name, bound]) => [name, change(bound as Float64Array)]);
  return { o: change(o), finalState: change(finalState), gradients: Object.fromEntries(entries) };
}

/** Bounds in the shapes of an answer, and back: where rows of an answer repeat, so do theirs. */
function asAnswer(bounds: Bounds, { o, position, finalState, gradients = {} }: Answer): Answer {
  const like = (data: Float64Array, { shape }: Tensor): DenseTensor => tensor(data, [...shape]);
  const names = Object.keys(gradients) as InputName[];
  return {
    o: like(bounds.o, o),
    position,
    ...(finalState ? { finalState: like(bounds.finalState, finalState) } : {}),
    gradients: Object.fromEntries(
      names.map((name) => [name, like(bounds.gradients[name] as Float64Array, gradients[name] as Tensor)]),
    ),
  };
}

const asBounds = ({ o, finalState, gradients = {} }: Answer): Bounds => ({
  o: toDense(o),
  finalState: finalState ? toDense(finalState) : new Float64Array(0),
  gradients: Object.fromEntries(Object.entries(gradients).map(([name, value]) => [name, toDense(value as Tensor)])),
});

/** Of the numbers that are not 0, so many at least have a bound below their size: else zeros would pass. */
const USEFUL = 0.25;

const isUseful = (value: Tensor, bound: Float64Array): boolean => {
  const numbers = toDense(value);
  let [some, useful] = [0, 0];
  for (let i = 0; i < numbers.length; i++) {
    if (numbers[i] === 0) continue;
    some++;
    if (bound[i] < Math.abs(numbers[i])) useful++;
  }
  return some > 0 && useful >= USEFUL * some;
};

/** @throws OutsideAbilities where the bounds of o, or those of every gradient, say next to nothing: another case is drawn then */
function checkUseful(expected: Answer, bounds: Bounds): void {
  const gradients = Object.entries(expected.gradients ?? {}) as [InputName, Tensor][];
  const areUseful =
    gradients.length === 0 ||
    gradients.some(([name, value]) => isUseful(value, bounds.gradients[name] as Float64Array));
  if (areUseful && isUseful(expected.o, bounds.o)) return;
  throw new OutsideAbilities('no case of this size whose bounds say anything in its precision');
}

/** The answer and its bounds are worked out while the implementation works. */
async function judgeLarge(
  subject: Implementation,
  c: Case,
  rows: readonly number[] | undefined,
  oracle: Oracle,
  isProbe = false,
): Promise<Verdict> {
  const asked = rows ? withRows(c, rows) : c;
  const [actual, exact, bounds] = await Promise.all([
    subject.run(asked),
    oracle.answer(c),
    oracle.bounds(inOwnChunks(subject, c), subject.precision),
  ]);
  const grown = (answer: Answer): Answer => (rows ? answerOfRows(c, answer, rows) : answer);
  const expected = asFarAsGiven(subject, exact);
  const ofDrawn = limitsOf(bounds, subject);
  if (!isProbe) checkUseful(expected, ofDrawn);
  const limits = asBounds(grown(asAnswer(ofDrawn, expected)));
  const zero = mapBounds(limits, ({ length }) => new Float64Array(length));
  const { B, T, H, G, K, V } = sizesOf(asked);
  const note = `B = ${B}, T = ${T}, H = ${H}, G = ${G}, K = ${K}, V = ${V}`;
  return verdict(compareAnswers(actual, grown(expected), limits, zero), note);
}

/** A case that is smaller by as little as the implementation takes; null where there is none. */
function smaller(c: Case, letter: Letter, { limits = {} }: Abilities): Case | null {
  const { [letter]: from, H, G } = sizesOf(c);
  const step = letter === 'H' && G > 1 ? H / G : 1;
  for (let size = from - step; size >= 1; size -= step) {
    if (fit(size, limits[letter]) !== size) continue;
    if (letter === 'T' && c.cuSeqlens) return null;
    const kept = range(0, size);
    const cut = takeAlong(c, letter, kept);
    if (letter === 'B') return withRows(c, kept);
    return letter === 'H' && G > 1 ? takeAlong(cut, 'G', range(0, size / step)) : cut;
  }
  return null;
}

/** From which sizes on it fails: of each that the kind is about, whether a little less holds. */
const fromWhichSize =
  (kind: Kind): Law['explain'] =>
  async (subject, { c }, oracle) => {
    const rows = kind.rows?.(c);
    const found: string[] = [];
    for (const letter of kind.letters) {
      // rows that repeat are cut short, all others with the case
      const less = rows ? c : smaller(c, letter, subject.abilities);
      if (!less) continue;
      const fewer = rows?.slice(0, -1);
      try {
        if (!(await judgeLarge(subject, less, fewer, oracle, true)).holds) continue;
        const [size, holding] = rows ? [rows.length, rows.length - 1] : [sizesOf(c)[letter], sizesOf(less)[letter]];
        found.push(`${letter} = ${size} (${letter} = ${holding} holds)`);
      } catch (error) {
        // no answer to the smaller case either: it is not that size
        if (!(error instanceof OutsideAbilities || error instanceof NoAnswer)) throw error;
      }
    }
    return found.length > 0 ? found.join(', ') : null;
  };

const sizeLaw = (kind: Kind, gradients: boolean): Law => ({
  ...law({
    name: gradients ? `${kind.name}-backward` : kind.name,
    group: 'sizes',
    statement: `${kind.statement}, ${gradients ? 'gradients' : 'outputs and final states'} are those of the chunked form.`,
    citation: `${PAPER}: the chunked form`,
    prerequisites: gradients ? ['backward-within-its-bound', kind.name] : ['forward-within-its-bound'],
    needs: gradients ? ['large', 'gradients'] : ['large'],
    appliesTo: anyRecurrence,
    wish: { ...kind.wish, gradients, styles: STYLES, plainKeys: true, sizes: kind.sizes },
    check: (subject, { c }, oracle = hereOracle) => judgeLarge(subject, c, kind.rows?.(c), oracle),
  }),
  isLarge: true,
  beyond: (abilities) => beyond(kind, abilities),
  explain: fromWhichSize(kind),
});

export const sizeLaws: Law[] = kinds.flatMap((kind) => [sizeLaw(kind, false), sizeLaw(kind, true)]);
