/** What comes in with a state and what is handed out: the parts that P of the tokens says nothing of. */
import { sizesOf, tensorBy, withInputs, withoutCotangents, zerosLike } from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import { contentLevels, levelsOf, WEAK } from '../../reference/levels.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import { expectedOf } from '../expected.ts';
import { type Failure, failureOf, type OutputErrors } from '../failure.ts';
import { localise } from '../localise/localise.ts';
import { alternativesFor, factorName, heldBy } from './alternatives.ts';
import { held, type Lab, plainCase, shapeFor } from './lab.ts';
import { stateRuleOf } from './level-map.ts';
import type { Finding } from './probed.ts';

type OutputName = 'o' | 'finalState';

/** The failing case with its values put to 0, so that the state alone is read; and with the state put to 0. */
export async function stateOf(lab: Lab, failure: Failure, areLevelsWrong = false): Promise<Finding[]> {
  const { subject } = lab;
  if (!subject.abilities.state) return [];
  const c = withoutCotangents(failure.c);
  const state = c.inputs.initialState;
  const findings: Finding[] = [];
  const add = (kind: string, what: string, words: string | null): void => {
    if (words) findings.push({ kind, sentence: `${what}: ${words}` });
  };
  if (state) {
    const alone = withInputs(c, { v: zerosLike(c.inputs.v as Tensor) });
    const read = await wrongIn(lab, alone, 'o');
    add('state-read-wrong', 'what comes in with the state is read wrongly', read);
    if (read) findings.push(...(await stateLevels(lab, state)));
    add(
      'state-kept-wrong',
      'what comes in with the state is handed out wrongly',
      await wrongIn(lab, alone, 'finalState'),
    );
  }
  const empty = state ? withInputs(c, { initialState: zerosLike(state) }) : c;
  const written = await wrongIn(lab, empty, 'finalState');
  add('state-written-wrong', 'what the tokens leave in the final state is wrong', written);
  if (areLevelsWrong && !written && (await handsOut(lab, empty)))
    findings.push({
      kind: 'states-right',
      sentence: 'what the tokens leave in the final state is right: levels are wrong in the read alone',
    });
  return findings;
}

/** Whether a state is handed out, and there is something in it. */
async function handsOut(lab: Lab, asked: Case): Promise<boolean> {
  const { finalState } = await lab.ask(asked);
  return finalState !== undefined && toDense(finalState).some((value) => value !== 0);
}

/** Which set of an output is wrong, and what it holds, in words; null where nothing is. */
async function wrongIn(lab: Lab, asked: Case, name: OutputName): Promise<string | null> {
  const found = failureOf(asked, lab.precision, await lab.ask(asked), expectedOf(asked, lab.precision));
  const located = localise(found).outputs.find((each) => each.name === name && each.wrong > 0);
  if (!located) return null;
  const errors = found.outputs.find((each) => each.name === name) as OutputErrors;
  const holds = heldWords(asked, located.relation) ?? heldBy(errors, alternativesFor(asked), lab.precision);
  return [located.set?.words ?? 'no simple set', holds ? `it holds ${holds}` : ''].filter(Boolean).join('; ');
}

/** What a factor may come from; and 0 where that is what scale is. */
function heldWords(asked: Case, relation: string | null): string | null {
  if (relation === '0' && asked.scale === 0) return '0, which scale is: it may be multiplied to the state';
  const factor = /^(\S+) times the right value$/.exec(relation ?? '');
  const name = factor && factorName(asked)(Number(factor[1]));
  return name ? `${relation} (${name})` : relation;
}

/** Levels of a state that are looked at, and of lambda. */
const MOST_LEVELS = 6;
const MOST_SCALES = 40;

/** Levels of a sequence's state that hold something, in any head. */
function filledLevels(state: Tensor): number[][] {
  const [n, H, L, K, V] = state.shape;
  const data = toDense(state);
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: L }, (__, l) => l).filter((l) =>
      Array.from({ length: H }, (___, h) => ((i * H + h) * L + l) * K * V).some((at) =>
        data.subarray(at, at + K * V).some((value) => value !== 0),
      ),
    ),
  );
}

/** With a state that holds one level, and one level scale at a time: at which level it is read, position by position. */
async function stateLevels(lab: Lab, state: Tensor): Promise<Finding[]> {
  const { layout, c, row, head } = lab;
  const own = c.inputs.initialState;
  const { L } = layout;
  if (!layout.hasLevels || !own || L > MOST_SCALES || lab.byDifferences) return [];
  const each = filledLevels(state);
  // one row of several, where P costs too much to be read of all
  const filled = own.shape[0] === state.shape[0] ? each : [each.flat()];
  const all = [...new Set(filled.flat())].slice(0, MOST_LEVELS);
  const levels = levelsOf(c.structure ?? WEAK);
  const [, , , V] = (c.inputs.v as Tensor).shape;
  const sentences = new Set<string>();
  const pairs: { t: number; s: number; level: number }[] = [];
  for (const level of all) {
    const initialState = tensorBy(own.shape, ([, , l, i]) => (l === level && i === 0 ? 1 : 0));
    const v = zerosLike(c.inputs.v as Tensor);
    const readAt: Float64Array[] = [];
    for (let l = 0; l < L; l++) {
      const lambda = tensorBy(shapeFor(c, 'lambda'), ([, , , each]) => (each === l ? 1 : 0));
      readAt.push(toDense((await lab.ask(held(lab, plainCase(lab, { v, initialState, lambda })))).o));
    }
    layout.cells.forEach((cells, b) => {
      for (const { t, index, before, sequence } of cells) {
        if (!filled[Math.min(sequence, filled.length - 1)].includes(level)) continue;
        const right = contentLevels(levels, before, level, index + 1)[index];
        const at = ((b * lab.T + t) * lab.H + (b === row ? head : 0)) * V;
        const read = readAt.flatMap((o, l) => (Math.abs(o[at]) > 0.02 ? [l] : []));
        const source = before > 0 && levels.partition(before - 1).find((bucket) => bucket.level === level);
        if (source && b === row)
          pairs.push({ t: before + index, s: source.start, level: read.length === 1 ? read[0] : -1 });
        if (read.join() === (right < 0 ? '' : String(right))) continue;
        const where = read.length === 0 ? 'not at all' : `at level${read.length > 1 ? 's' : ''} ${read.join(' and ')}`;
        sentences.add(
          `what comes in at level ${level} is read ${where} by position ${before + index}, where ${right < 0 ? 'none' : `level ${right}`} is right`,
        );
      }
    });
  }
  const rule = stateRuleOf(lab, pairs);
  const said = [...(rule ? [`of what comes in, ${rule}`] : []), ...sentences].slice(0, 3);
  return said.map((sentence) => ({ kind: 'state-at-other-level', sentence }));
}

/** Whether what is added to o comes of a state that nobody gave. */
export async function startsDirty(lab: Lab): Promise<boolean> {
  const { c } = lab;
  if (c.inputs.initialState || !lab.subject.abilities.state) return false;
  const { n, H, L, K, V } = sizesOf(c) as Record<string, number>;
  const zero = tensorBy([n, H, L, K, V], () => 0);
  const o = toDense((await lab.ask(withInputs(c, { v: zerosLike(c.inputs.v as Tensor), initialState: zero }))).o);
  return o.every((value) => value === 0);
}
