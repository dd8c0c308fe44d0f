/** A factor on P: one for all of it, one for each query, or one for each key. */
import { sizesOf } from '../../properties/edit.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { brief } from '../localise/relation.ts';
import { type Lab, type Matrices, squareOf } from './lab.ts';
import type { Finding } from './probed.ts';

interface Known {
  kind: string;
  words: string;
  value: number;
}

/** Factors that a kernel may have put on every entry. */
function knownFactors(lab: Lab): Known[] {
  const scale = lab.c.scale ?? 1;
  const { K } = sizesOf(lab.c);
  const list: Known[] = [];
  if (scale !== 1) {
    list.push(
      { kind: 'scale-twice', words: `scale (${brief(scale)}) is applied twice`, value: scale },
      { kind: 'scale-missing', words: `scale (${brief(scale)}) is missing`, value: 1 / scale },
      { kind: 'scale-three-times', words: `scale (${brief(scale)}) is applied three times`, value: scale ** 2 },
      {
        kind: 'scale-of-its-own',
        words: `scale (${brief(scale)}) is ignored, and 1 / sqrt(K) used`,
        value: 1 / (scale * Math.sqrt(K)),
      },
    );
  }
  if (K > 1) {
    list.push(
      { kind: 'scale-of-its-own', words: '1 / sqrt(K) is multiplied to scale', value: 1 / Math.sqrt(K) },
      { kind: 'scale-of-its-own', words: '1 / K is multiplied to scale', value: 1 / K },
    );
  }
  return list;
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
export function factorOf(lab: Lab, actual: Float64Array, right: Matrices, isExplained: boolean): Finding | null {
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
    const near = knownFactors(lab).find(
      ({ value }) => Math.abs(one - value) <= (4 * unsure(best) + 1e-9) * (1 + Math.abs(value)),
    );
    const words = near?.words ?? `every entry of P is ${brief(one)} times what is right`;
    return {
      kind: near?.kind ?? 'factor',
      sentence: near ? `${words}: every entry of P is ${brief(one)} times what is right` : words,
    };
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
