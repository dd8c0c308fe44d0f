/** At which level the implementation reads each pair: its P under one level scale at a time. */
import { noise } from '../../properties/arbitraries/noise.ts';
import { tensorBy } from '../../properties/edit.ts';
import { bitLength, levelsOf, type Structure, WEAK } from '../../reference/levels.ts';
import { held, type Lab, plainCase, readMatrices, readPlain, shapeFor, squareOf } from './lab.ts';
import { isPast, positionOf, trueLevel } from './pairs.ts';
import type { Finding, ProbedLevels, Square } from './probed.ts';

/** A weight of less than this share of what is right is none. */
const NOTHING = 0.02;

const NONE = -1;
const SEVERAL = -2;
const ALWAYS = -3;
/** No number comes out, whatever the level scales are. */
const UNKNOWN = -4;

/** A way to number levels that code has had, by positions t >= s. */
interface Rule {
  name: string;
  level(t: number, s: number): number;
}

function rulesFor({ layout, chunkSize, c }: Lab): Rule[] {
  const { L } = layout;
  const right = (t: number, s: number): number => bitLength(t ^ s);
  // of the hierarchy that the case has
  const own = (t: number, s: number): number => levelsOf(c.structure ?? WEAK).level(t, s);
  const top = (level: number): number => Math.min(level, L - 1);
  const structure = (words: string, kind: Structure): Rule => ({ name: words, level: levelsOf(kind).level });
  const rules: Rule[] = [
    {
      name: 'the level is the bit length of t - s (the distance) instead of t xor s',
      level: (t, s) => bitLength(t - s),
    },
    {
      name: 'every bucket but the own token is read one level too high',
      level: (t, s) => (t === s ? 0 : top(own(t, s) + 1)),
    },
    { name: 'every level is one too high', level: (t, s) => top(own(t, s) + 1) },
    {
      name: 'every level is one too low',
      level: (t, s) => Math.max(own(t, s) - 1, 0),
    },
    { name: 'levels are stored from the coarsest to the finest', level: (t, s) => L - 1 - own(t, s) },
    {
      name: `between chunks the level counts chunks, and log2 C is not added (C = ${chunkSize})`,
      level(t, s) {
        const [n, m] = [Math.floor(t / chunkSize), Math.floor(s / chunkSize)];
        return n === m ? right(t, s) : bitLength(n ^ m);
      },
    },
    {
      name: `inside a chunk every pair is read at the level of its distance (C = ${chunkSize})`,
      level: (t, s) => (Math.floor(t / chunkSize) === Math.floor(s / chunkSize) ? bitLength(t - s) : right(t, s)),
    },
    { name: 'the level is that of t xor s + 1', level: (t, s) => top(bitLength(t ^ (s + 1))) },
    {
      name: 'the level is that of t + 1 and s + 1, as with positions counted from 1',
      level: (t, s) => top(right(t + 1, s + 1)),
    },
    { name: 'the level is the number of trailing zeros of s', level: (t, s) => top(trailingZeros(t, s)) },
    structure('the hierarchy is the strong one', { kind: 'strong' }),
    structure('the hierarchy is weak of base 2', { kind: 'weak', base: 2 }),
    ...[3, 4, 8].map((base) => structure(`the hierarchy is weak of base ${base}`, { kind: 'weak', base })),
  ];
  for (let most = 0; most < L - 1; most++) {
    rules.push({
      name: `levels past ${most} are read at level ${most}: the table of levels ends there`,
      level: (t, s) => Math.min(right(t, s), most),
    });
  }
  return rules;
}

const trailingZeros = (t: number, s: number): number => (t === s ? 0 : s === 0 ? bitLength(t) : bitLength(s & -s));

/** Numbers a position by where its sequence began, the state before it, or the packed row. */
const COUNTS = [
  { words: '', of: (lab: Lab, t: number) => positionOf(lab, lab.row, t) },
  {
    words: 'of positions that are counted from the start of the call',
    of: (lab: Lab, t: number) => lab.layout.cells[lab.row][t].index,
  },
  { words: 'of positions that are counted along the packed row', of: (_lab: Lab, t: number) => t },
  {
    words: 'of positions of which the ones before the call are kept in 16 bits',
    of: (lab: Lab, t: number) => (lab.layout.cells[lab.row][t].before % 65536) + lab.layout.cells[lab.row][t].index,
  },
];

/** The rule that a whole map follows, other than the right one. */
function ruleOf(lab: Lab, actual: Int32Array): string | null {
  const { T } = lab;
  const right: Rule = {
    name: 'levels are those',
    level: (t, s) => levelsOf(lab.c.structure ?? WEAK).level(t, s),
  };
  const isRight = [...actual].every((each, at) => {
    const [t, s] = [Math.floor(at / T), at % T];
    return each === UNKNOWN || !isPast(lab, lab.row, t, s) || each === trueLevel(lab, lab.row, t, s);
  });
  // what is wrong then are pairs that no rule is about
  if (isRight) return null;
  const pairs: Pair[] = [];
  for (let t = 0; t < T; t++)
    for (let s = 0; s <= t; s++)
      if (actual[t * T + s] !== UNKNOWN && isPast(lab, lab.row, t, s)) pairs.push({ t, s, level: actual[t * T + s] });
  const wrong = pairs.filter(({ t, s, level }) => level !== trueLevel(lab, lab.row, t, s));
  const rules = COUNTS.flatMap(({ words, of }) => {
    const isOther = Array.from({ length: T }, (_, t) => t).some((t) => of(lab, t) !== positionOf(lab, lab.row, t));
    const list = words === '' ? rulesFor(lab) : isOther ? [right, ...rulesFor(lab)] : [];
    return list.map((rule) => ({ rule, words, of }));
  });
  const follows = (list: readonly Pair[], { rule, of }: (typeof rules)[number]): boolean =>
    list.length > 0 && list.every(({ t, s, level }) => level === rule.level(of(lab, t), of(lab, s)));
  // of all pairs; else of all that are wrong, where they are many: some sequences may be right
  const whole = rules.find((each) => follows(pairs, each));
  // the right levels of wrongly counted positions are one rule, and few pairs tell it; the others are many
  const part = rules.find(
    (each) => wrong.length >= (each.rule === right ? FEW_WRONG : MANY_WRONG) && follows(wrong, each),
  );
  const found = whole ?? part;
  if (!found) return null;
  const name = [found.rule.name, found.words].filter(Boolean).join(', ').replace('those, of', 'those of');
  return whole ? name : `${name} (on all ${wrong.length} pairs that are wrong)`;
}

/** A pair and the level that it is read at. */
interface Pair {
  t: number;
  s: number;
  level: number;
}

/** So many wrong pairs say which rule they follow, whatever the others do. */
const MANY_WRONG = 12;
const FEW_WRONG = 4;

/** The rule by which what came in with a state is read, by positions: of the query, and of the first token of what the state holds. */
export function stateRuleOf(lab: Lab, pairs: readonly Pair[]): string | null {
  const structure = lab.c.structure ?? WEAK;
  const isWrong = ({ t, s, level }: Pair): boolean => level !== levelsOf(structure).level(t, s);
  // a rule that few pairs follow is a coincidence
  if (pairs.filter(isWrong).length < FEW_WRONG) return null;
  const found = rulesFor(lab).filter((rule) => pairs.every(({ t, s, level }) => level === rule.level(t, s)));
  return found.length > 0 && found.length <= FEW_WRONG ? found.map(({ name }) => name).join(', or ') : null;
}

const nameOf = (level: number): string =>
  level === NONE
    ? 'not at all'
    : level === SEVERAL
      ? 'at several levels'
      : level === ALWAYS
        ? 'whatever the level scales are'
        : `at level ${level}`;

const whoOf = (level: number): string =>
  level === NONE
    ? 'pairs that no query may read'
    : level === 0
      ? 'the own token (level 0)'
      : `pairs of true level ${level}`;

/** What is read at which level, one sentence for each confusion. */
function confusionSentences(confusion: ProbedLevels['confusion']): string[] {
  // a kernel that reads nothing has no levels to tell of
  if (confusion.every(({ actual }) => actual === NONE)) return ['nothing is read at all'];
  const read = confusion.filter(({ truth }) => truth >= 0);
  const isRead = ({ actual }: (typeof read)[number]): boolean => actual === ALWAYS || actual === UNKNOWN;
  if (read.length > 1 && read.every(isRead) && read.some(({ actual }) => actual === ALWAYS))
    return ['level scales are not used: all that a query may read is read whatever they are'];
  const totals = new Map<number, number>();
  for (const { truth, pairs } of confusion) totals.set(truth, (totals.get(truth) ?? 0) + pairs);
  return confusion
    .filter(({ truth, actual }) => truth !== actual && actual !== UNKNOWN)
    .sort((a, b) => b.pairs - a.pairs)
    .map(({ truth, actual, pairs }) => {
      const all = totals.get(truth) ?? pairs;
      const verb = truth === 0 ? 'is' : 'are';
      return `${whoOf(truth)} ${verb} read ${nameOf(actual)}${pairs === all ? '' : ` (${pairs} of ${all} pairs)`}`;
    });
}

/** P under each level scale alone, over the true P under all of them: who is read at which level. */
export async function levelMapOf(lab: Lab): Promise<ProbedLevels> {
  const { T, row, head } = lab;
  const { L } = lab.layout;
  const shape = shapeFor(lab.c, 'lambda');
  const square = (values: Float64Array): Float64Array => squareOf(lab, values, row, head);
  const scaled = (level: number): Promise<Float64Array> =>
    readMatrices(lab, plainCase(lab, { lambda: tensorBy(shape, ([, , , l]) => (l === level ? 1 : 0)) }));
  const plain = await readPlain(lab);
  // without any level scale nothing may be read
  const always = square(await scaled(L));
  const actual = new Int32Array(T * T).fill(NONE);
  const levels = Array.from({ length: T * T }, (): number[] => []);
  const counts = (value: number, at: number): boolean =>
    Math.abs(value / (plain.isRead(at) ? plain.actual[at] : plain.typical)) > NOTHING || Number.isNaN(value);
  for (let level = 0; level < L; level++) {
    const own = square(await scaled(level));
    own.forEach((value, at) => {
      if (counts(value - always[at], at)) levels[at].push(level);
    });
  }
  const several: ProbedLevels['several'] = [];
  const confusions = new Map<string, ProbedLevels['confusion'][number]>();
  const truth = new Int32Array(T * T);
  for (let at = 0; at < T * T; at++) {
    const [t, s] = [Math.floor(at / T), at % T];
    truth[at] = trueLevel(lab, row, t, s);
    const read = levels[at];
    if (Number.isNaN(plain.actual[at])) {
      actual[at] = UNKNOWN;
      continue;
    }
    if (counts(always[at], at)) actual[at] = ALWAYS;
    else if (read.length > 1) actual[at] = SEVERAL;
    else if (read.length === 1) actual[at] = read[0];
    if (actual[at] === SEVERAL) several.push({ t, s, levels: read });
    const key = `${truth[at]} ${actual[at]}`;
    const entry = confusions.get(key) ?? { truth: truth[at], actual: actual[at], pairs: 0 };
    entry.pairs++;
    confusions.set(key, entry);
  }
  const confusion = [...confusions.values()];
  const isRight = confusion.every((each) => each.truth === each.actual || each.actual === UNKNOWN);
  const rule = isRight ? null : ruleOf(lab, actual);
  const sentences = isRight ? [] : [...(rule ? [rule] : []), ...confusionSentences(confusion).slice(0, rule ? 4 : 10)];
  if (several.length > 0) {
    const [{ t, s, levels: both }] = several;
    sentences.push(
      `query ${t} reads key ${s} at levels ${both.join(' and ')}, where ${s > t ? 'none' : `level ${trueLevel(lab, row, t, s)}`} is right`,
    );
  }
  const square2 = (values: Int32Array): Square =>
    Array.from({ length: T }, (_, t) => [...values.subarray(t * T, (t + 1) * T)]);
  return { row, head, truth: square2(truth), actual: square2(actual), confusion, rule, several, sentences };
}

/** Level scales that differ from token to token, the same for each level: whose are they that a pair is read with? */
export async function scalesOf(lab: Lab): Promise<Finding | null> {
  const { T, H, B, row, head } = lab;
  const value = (b: number, t: number, h: number): number => (64 + (noise(5, 'token scale', [b, t, h]) % 128)) / 128;
  const lambda = tensorBy(shapeFor(lab.c, 'lambda'), ([b, t, h]) => value(b, t, h));
  const probe = held(lab, plainCase(lab, { lambda }));
  const actual = squareOf(lab, await readMatrices(lab, probe), row, head);
  const plain = await readPlain(lab);
  const last = T - 1;
  const whose: { kind: string; words: string; of(t: number, s: number): number }[] = [
    { kind: 'right', words: '', of: (t) => value(row, t, head) },
    {
      kind: 'lambda-of-the-key',
      words: 'level scales are those of position s (the key) instead of t',
      of: (_t, s) => value(row, s, head),
    },
    {
      kind: 'lambda-of-the-position-before',
      words: 'level scales are those of position t - 1',
      of: (t) => value(row, Math.max(t - 1, 0), head),
    },
    {
      kind: 'lambda-of-the-position-after',
      words: 'level scales are those of position t + 1',
      of: (t) => value(row, Math.min(t + 1, last), head),
    },
    { kind: 'lambda-missing', words: 'level scales are not used', of: () => 1 },
    { kind: 'lambda-twice', words: 'level scales are multiplied twice', of: (t) => value(row, t, head) ** 2 },
    {
      kind: 'lambda-of-query-and-key',
      words: 'level scales of position t and of position s are both multiplied',
      of: (t, s) => value(row, t, head) * value(row, s, head),
    },
    ...Array.from({ length: B }, (_, b) => b)
      .filter((b) => b !== row)
      .map((b) => ({
        kind: 'lambda-of-another-row',
        words: `level scales of row ${row} are those of row ${b}`,
        of: (t: number) => value(b, t, head),
      })),
    ...Array.from({ length: Math.min(H, 64) }, (_, h) => h)
      .filter((h) => h !== head)
      .map((h) => ({
        kind: 'lambda-of-another-head',
        words: `level scales of head ${head} are those of head ${h}`,
        of: (t: number) => value(row, t, h),
      })),
  ];
  const share = (of: (t: number, s: number) => number): number => {
    let [pairs, hits] = [0, 0];
    for (let t = 0; t < T; t++) {
      for (let s = 0; s <= t; s++) {
        if (!isPast(lab, row, t, s) || !plain.isRead(t * T + s)) continue;
        pairs++;
        // values are 1/128 apart, and formats of 8 bits hold them
        if (Math.abs(actual[t * T + s] / plain.actual[t * T + s] - of(t, s)) <= 0.004) hits++;
      }
    }
    return pairs === 0 ? 1 : hits / pairs;
  };
  const right = share(whose[0].of);
  if (right === 1) return null;
  for (const { kind, words, of } of whose.slice(1)) {
    if (share(of) >= 0.97) return { kind, sentence: words };
  }
  return null;
}
