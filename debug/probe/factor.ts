/** A factor on P: one for all of it, one for each query, or one for each key. */
import { fit } from '../../properties/arbitraries/cases.ts';
import { sizesOf, tensorBy, withInputs } from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { brief } from '../localise/relation.ts';
import { type Lab, type Matrices, readMatrices, squareOf } from './lab.ts';
import type { Finding } from './probed.ts';

interface Known {
  kind: string;
  words: string;
  value: number;
}

/** Factors that a kernel may have put on every entry, at a scale and a K. */
function knownFactors(named: number, scale: number, K: number): Known[] {
  const list: Known[] = [
    { kind: 'scale-of-its-own', words: '1 / sqrt(K) is multiplied to scale', value: 1 / Math.sqrt(K) },
    { kind: 'scale-of-its-own', words: '1 / K is multiplied to scale', value: 1 / K },
  ];
  if (named === 1) return list;
  const name = `scale (${brief(named)})`;
  return [
    { kind: 'scale-twice', words: `${name} is applied twice`, value: scale },
    { kind: 'scale-missing', words: `${name} is missing`, value: 1 / scale },
    { kind: 'scale-three-times', words: `${name} is applied three times`, value: scale ** 2 },
    { kind: 'scale-of-its-own', words: `${name} is ignored, and 1 / sqrt(K) used`, value: 1 / (scale * Math.sqrt(K)) },
    ...list,
  ];
}

/** The case with key channels of 0 behind its own: nothing that is right changes with them. */
function widened(lab: Lab, K: number): Case {
  const pad = (value: Tensor): Tensor =>
    tensorBy([...value.shape.slice(0, 3), K], ([b, t, h, i]) => (i < value.shape[3] ? value.get(b, t, h, i) : 0));
  const { q, k, g } = lab.c.inputs as Record<string, Tensor>;
  const decays = g?.shape.length > 3 ? { g: pad(g) } : {};
  return withInputs(lab.c, { q: pad(q), k: pad(k), ...decays, initialState: undefined });
}

/** A factor of all entries, read off the sharpest of them, and how unsure it is. */
interface Factor {
  value: number;
  unsure: number;
  at: number;
}

const isNear = (factor: number, unsure: number, value: number): boolean =>
  Math.abs(factor - value) <= (4 * unsure + 1e-9) * (1 + Math.abs(value));

/**
 * Which known factors it can be: what one case cannot tell apart, such as scale and 1 / sqrt(K), another scale does, and another K.
 */
async function readingsOf(lab: Lab, { value, unsure, at }: Factor, right: number): Promise<Known[]> {
  const { row, head } = lab;
  const scale = lab.c.scale ?? 1;
  const { K } = sizesOf(lab.c);
  const found = knownFactors(scale, scale, K).filter((each) => isNear(value, unsure, each.value));
  if (found.length === 0) return found;
  const asked = async (c: Case, truth: number): Promise<number> =>
    squareOf(lab, await readMatrices(lab, c), row, head)[at] / truth;
  const keep = (list: Known[], factor: number, known: Known[]): Known[] =>
    list.filter(({ words }) => known.some((each) => each.words === words && isNear(factor, unsure, each.value)));
  if (lab.c.scale === undefined && isNear(await asked({ ...lab.c, scale: 1 }, right), unsure, 1)) {
    return found.map((each) => {
      const words = `where no scale is given it is taken to be ${each.words.replace(/ is .*/, '')}`;
      return { ...each, kind: 'scale-by-default', words };
    });
  }
  const other = await asked({ ...lab.c, scale: scale * 1.5 }, right * 1.5);
  const left = keep(found, other, knownFactors(scale, scale * 1.5, K));
  const wide = fit(4 * K, lab.subject.abilities.limits?.K);
  if (left.length === 0 || wide <= K) return left;
  return keep(left, await asked(widened(lab, wide), right), knownFactors(scale, scale, wide));
}

/** Numbers of each token that may have been multiplied to it or divided out of it. */
function tokenNumbers(lab: Lab, t: number): Known[] {
  const { row, head, H } = lab;
  const { q, k, beta } = lab.c.inputs as Record<string, Tensor | undefined>;
  const { G, K } = sizesOf(lab.c);
  const group = Math.floor((head * G) / H);
  const norm = (x: Tensor): number =>
    Math.sqrt(Array.from({ length: K }, (_, i) => x.get(row, t, group, i) ** 2).reduce((sum, each) => sum + each, 0));
  const list: Known[] = [
    { kind: 'query-normalised', words: 'queries are divided by their length', value: 1 / norm(q as Tensor) },
    { kind: 'key-normalised', words: 'keys are divided by their length', value: 1 / norm(k as Tensor) },
  ];
  if (beta) {
    const value = beta.get(row, t, head);
    list.push(
      {
        kind: 'beta-missing',
        words: 'beta is missing on the value: v is written in place of beta v',
        value: 1 / value,
      },
      { kind: 'beta-twice', words: 'beta is multiplied to the value twice', value },
    );
  }
  return list;
}

/** `isExplained`: something else is known to be wrong, so that factors of tokens say nothing new. */
export async function factorOf(
  lab: Lab,
  actual: Float64Array,
  right: Matrices,
  isExplained: boolean,
): Promise<Finding | null> {
  const { T, row, head } = lab;
  const [a, e, bound] = [actual, right.values, right.bound].map((each) => squareOf(lab, each, row, head));
  /** Entries on which a factor can be read off to a part in 16. */
  const sharp = [...e.keys()].filter((at) => Math.abs(e[at]) > 16 * bound[at]);
  if (sharp.length < 2) return null;
  const unsure = (at: number): number => bound[at] / Math.abs(e[at]);
  const wrong = (at: number): boolean => !(Math.abs(a[at] - e[at]) <= bound[at]);
  if (!sharp.some(wrong)) return null;
  const fits = (factor: (at: number) => number): boolean =>
    sharp.every((at) => {
      const wanted = factor(at);
      return Math.abs(a[at] / e[at] - wanted) <= unsure(at) * (2 + 2 * Math.abs(wanted)) + 1e-5 * Math.abs(wanted);
    });
  const best = sharp.reduce((x, y) => (unsure(y) < unsure(x) ? y : x));
  const one = a[best] / e[best];
  if (Math.abs(one - 1) > 1e-3 && fits(() => one)) {
    const factor = { value: one, unsure: unsure(best), at: best };
    const near = lab.byDifferences ? [] : await readingsOf(lab, factor, e[best]);
    const all = `every entry of P is ${brief(one)} times what is right`;
    if (near.length > 0) {
      const words = [...new Set(near.map((each) => each.words))].join(', or ');
      return { kind: near[0].kind, sentence: `${words}: ${all}` };
    }
    // a factor that something else explains is no finding of its own
    if (!isExplained) return { kind: 'factor', sentence: all };
  }
  if (isExplained || lab.byDifferences) return null;
  for (const [whose, of] of [
    ['key', (at: number) => at % T],
    ['query', (at: number) => Math.floor(at / T)],
  ] as const) {
    const factors = new Map<number, number>();
    for (const at of [...sharp].sort((x, y) => unsure(x) - unsure(y))) {
      if (!factors.has(of(at))) factors.set(of(at), a[at] / e[at]);
    }
    if (!fits((at) => factors.get(of(at)) as number)) continue;
    // a factor for each token explains everything where each token has one entry
    if (factors.size > sharp.length / 2) continue;
    // and one that is 1 for most of them is a set of wrong tokens, not a factor
    if ([...factors.values()].filter((factor) => Math.abs(factor - 1) > 1e-3).length < factors.size / 2) continue;
    const count = tokenNumbers(lab, 0).length;
    for (let i = 0; i < count; i++) {
      const isThis = [...factors].every(([t, factor]) => {
        const { value } = tokenNumbers(lab, t)[i];
        return Math.abs(factor - value) <= 1e-3 * (1 + Math.abs(value));
      });
      const { kind, words } = tokenNumbers(lab, 0)[i];
      if (isThis) return { kind, sentence: words };
    }
    const shown = [...factors].slice(0, 3).map(([t, factor]) => `${brief(factor)} for ${whose} ${t}`);
    return {
      kind: `factor-of-the-${whose}`,
      sentence: `P is off by one factor for each ${whose}: ${shown.join(', ')}`,
    };
  }
  return isRounding(a, e, sharp, wrong);
}

/** Every entry right to some digits: numbers held in fewer bits, not another formula. */
function isRounding(
  a: Float64Array,
  e: Float64Array,
  sharp: readonly number[],
  wrong: (at: number) => boolean,
): Finding | null {
  const most = sharp.reduce((worst, at) => Math.max(worst, Math.abs(a[at] / e[at] - 1)), 0);
  if (!(most < 2 ** -6)) return null;
  const bits = Math.floor(-Math.log2(most));
  return {
    kind: 'rounding',
    sentence: `P is right to ${bits} bits: something is rounded to fewer than the precision has (${sharp.filter(wrong).length} of ${sharp.length} entries show it)`,
  };
}
