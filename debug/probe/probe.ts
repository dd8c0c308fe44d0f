/**
 * What the implementation computes in place of the operator: asked by cases that are made for it. First what the answers rest on, then
 * P, the level map, decays, factors, gradients. Each comes as data and in words.
 */
import { systemOf } from '../../properties/edit.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { reasonLine } from '../budget.ts';
import type { Failure, Subject } from '../failure.ts';
import { localise } from '../localise/localise.ts';
import { channelsOf } from './channels.ts';
import { decayOf } from './decay.ts';
import { deltaOf } from './delta.ts';
import { factorOf } from './factor.ts';
import { gradientSentences, gradientsOf, type ReadMatrices } from './gradients.ts';
import { jacobiansOf } from './jacobian.ts';
import { type Lab, openLab, readMatrices, rightMatrices } from './lab.ts';
import { lengthsOf } from './lengths.ts';
import { levelMapOf, scalesOf } from './level-map.ts';
import { matrixOf, noNumbers } from './matrix.ts';
import { normalisedOf } from './normalised.ts';
import { dividedOf } from './normalised-rows.ts';
import { otherMemoryOf } from './other-memory.ts';
import { addsSomething, maskedByZero, premisesOf, readsOtherMemory } from './premises.ts';
import type { Finding, Premise, Probed } from './probed.ts';
import { softmaxOf } from './softmax.ts';
import { stateOf } from './state.ts';
import { valuesOf } from './value-channels.ts';

const nothing = (sentence: string, calls = 0): Probed => ({
  premises: [],
  isReliable: false,
  P: null,
  levelMap: null,
  decay: null,
  scale: null,
  gradients: [],
  jacobians: [],
  further: [],
  sentences: [sentence],
  calls,
});

/** One step of the probe: what it throws is a finding, since the implementation was asked something that it takes. */
async function step<T>(name: string, faults: Finding[], run: () => Promise<T>): Promise<T | null> {
  try {
    return await run();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    faults.push({ kind: 'no-answer', sentence: `no answer when probed for ${name}: ${reasonLine(why)}` });
    return null;
  }
}

/** What was found out of the forward. */
interface Forward {
  read: ReadMatrices | null;
  P: Probed['P'];
  levelMap: Probed['levelMap'];
  decay: Finding | null;
  scale: Finding | null;
  /** Level scales, the delta rule, normalising, channels, softmax: the most telling first. */
  others: Finding[];
}

const NOTHING_READ: Forward = { read: null, P: null, levelMap: null, decay: null, scale: null, others: [] };

const isFinding = (each: Finding | null): each is Finding => each !== null;

/** P of the failing case, of a head that is wrong. */
const readP = (lab: Lab, faults: Finding[]) =>
  step('P', faults, async () => {
    const right = await rightMatrices(lab, lab.c);
    const actual = await readMatrices(lab, lab.c);
    const P = matrixOf(lab, actual, right);
    // the head that is looked at is one that is wrong
    Object.assign(lab, { row: P.row, head: P.head });
    return { P, right, actual };
  });

async function probeForward(lab: Lab, faults: Finding[], isCoarse: boolean): Promise<Forward> {
  const { hasLevels } = lab.layout;
  const read = await readP(lab, faults);
  // of numbers that are none nothing can be told
  if (!read || read.P.actual.flat().every((value) => !Number.isFinite(value)))
    return { ...NOTHING_READ, read, P: read?.P ?? null };
  const divided = await step('sums of weights', faults, () => dividedOf(lab));
  // what is divided by all of them tells nothing of one
  if (divided) return { ...NOTHING_READ, read, P: read.P, others: [divided] };
  const levelMap = hasLevels ? await step('its levels', faults, () => levelMapOf(lab)) : null;
  const isMapRight = levelMap === null || levelMap.sentences.length === 0;
  const scales = hasLevels && isMapRight ? await step('level scales', faults, () => scalesOf(lab)) : null;
  const normalised = await step('lengths of queries and keys', faults, () => normalisedOf(lab));
  const delta = normalised ? null : deltaOf(lab, read.actual, read.right);
  // the map rests on that hardly anything is erased: with a wrong erase it says what is not so
  if (delta && levelMap) levelMap.sentences = [];
  // exponents of answers that are rounded coarsely say nothing of decays
  const decay = delta || isCoarse ? null : await step('its decays', faults, () => decayOf(lab));
  // a factor of each token is what other faults look like from afar
  const isExplained = !isMapRight || Boolean(scales ?? decay ?? delta ?? normalised);
  const scale = await step('factors', faults, () => factorOf(lab, read.actual, read.right, isExplained));
  const channels = (await step('its channels', faults, () => channelsOf(lab, normalised !== null))) ?? [];
  return {
    read,
    P: read.P,
    levelMap,
    decay,
    scale,
    others: [scales, normalised, delta, ...channels].filter(isFinding),
  };
}

/** Softmax has a P of its own, and no levels, decays or state. */
async function probeSoftmax(lab: Lab, faults: Finding[]): Promise<Forward> {
  const read = await readP(lab, faults);
  if (!read) return NOTHING_READ;
  const known = await step('softmax', faults, () => softmaxOf(lab, read.actual, read.right));
  const scale = known ? null : await step('factors', faults, () => factorOf(lab, read.actual, read.right, false));
  return { ...NOTHING_READ, read, P: read.P, scale, others: [known].filter(isFinding) };
}

/** What the forward rests on, and P as far as it can be read. */
async function forwardOf(lab: Lab, faults: Finding[], premises: readonly Premise[]) {
  const isLinear = premises.find(({ name }) => name === 'linear in v');
  const isDeterministic = premises.every(({ name, holds }) => name !== 'deterministic' || holds !== false);
  const isCoarse = premises.some((each) => each.isRounding);
  lab.byDifferences = isLinear?.holds === false && !isLinear.isRounding;
  const values = isDeterministic ? ((await step('its value channels', faults, () => valuesOf(lab))) ?? []) : [];
  if (lab.channels.length === 0) return { values, forward: NOTHING_READ };
  const isSoftmax = systemOf(lab.c).recurrence === null;
  const forward = isSoftmax ? await probeSoftmax(lab, faults) : await probeForward(lab, faults, isCoarse);
  return { values, forward };
}

async function backwardOf(lab: Lab, failure: Failure, read: Forward['read'], faults: Finding[]) {
  const backward = await step('its gradients', faults, () => gradientsOf(lab, failure, read));
  const gradients = backward?.findings ?? [];
  // what follows from a wrong forward is told by that
  const ownFaults = gradients
    .filter(({ kind, at }) => at !== null && kind !== 'forward')
    .map(({ name }) => name as InputName);
  const jacobians =
    (backward && (await step('its Jacobians', faults, () => jacobiansOf(lab, backward.c, ownFaults)))) ?? [];
  return { gradients, jacobians };
}

/** Everything that can be found out of one implementation from one failure of it. */
export async function probe(subject: NonNullable<Subject>, failure: Failure): Promise<Probed> {
  const lab = openLab(subject, failure);
  if (lab.T === 0) return nothing('a case without tokens has no P to read');
  const faults: Finding[] = [];
  const premises = (await step('what the probes rest on', faults, () => premisesOf(lab))) ?? [];
  const isReliable = premises.length > 0 && premises.every(({ holds, isRounding }) => holds !== false || isRounding);
  const added = await step('what is added', faults, () => addsSomething(lab));
  const isSteady = premises.every(({ name, holds }) => name !== 'deterministic' || holds !== false);
  const strided = isSteady ? await step('other memory', faults, () => readsOtherMemory(lab)) : null;
  const moved = isSteady ? await step('the order of its memory', faults, () => otherMemoryOf(lab)) : null;
  const { values, forward } = await forwardOf(lab, faults, premises);
  const { P, levelMap, decay, scale, others } = moved ? { ...NOTHING_READ, P: forward.P } : forward;
  const isCausal = premises.every(({ name, holds }) => name !== 'causal' || holds !== false);
  const masked = isCausal ? await step('what it masks', faults, () => maskedByZero(lab)) : null;
  const isSoftmax = systemOf(lab.c).recurrence === null;
  const areLevelsWrong = levelMap?.confusion.some(({ truth, actual }) => truth >= 0 && actual >= 0 && truth !== actual);
  const state =
    (isSoftmax ? [] : await step('what comes in', faults, () => stateOf(lab, failure, areLevelsWrong))) ?? [];
  const { gradients, jacobians } = await backwardOf(lab, failure, forward.read, faults);
  const none = P && noNumbers(lab, P);
  const overwritten = overwrites(lab);
  const told = [none, moved, ...(moved ? [] : values), decay, ...others, scale, added, strided].filter(isFinding);
  const isFound = told.length + state.length > 0 || overwritten !== null || (levelMap?.sentences.length ?? 0) > 0;
  const lengths = isFound || !isSteady ? null : await step('other lengths', faults, () => lengthsOf(lab));
  const elsewhere = isFound ? null : outsideOfP(lab, failure, P);
  const broken = premises.filter(({ holds }) => holds === false).map(({ sentence }) => sentence);
  const sentences = [
    ...(none ? [none.sentence] : []),
    ...(moved ? [moved] : values).map(({ sentence }) => sentence),
    ...(isReliable ? broken : [...broken, 'what follows rests on that, and is a hint only']),
    ...(levelMap?.sentences ?? []),
    ...told.map(({ sentence }) => sentence),
    ...(lengths ? [lengths.sentence] : []),
    ...(P?.sentences ?? []),
    ...state.map(({ sentence }) => sentence),
    ...gradientSentences(gradients),
    ...jacobians.flatMap((each) => each.sentences),
    ...[overwritten, elsewhere, ...faults].filter(isFinding).map(({ sentence }) => sentence),
  ].filter((each, at, all) => all.indexOf(each) === at);
  return {
    premises,
    isReliable,
    P,
    levelMap,
    decay,
    scale,
    gradients,
    jacobians,
    further: [
      none,
      moved,
      ...values,
      ...others,
      ...state,
      added,
      strided,
      masked,
      overwritten,
      lengths,
      elsewhere,
      ...faults,
    ].filter(isFinding),
    // what a correct implementation may do as well comes after everything else
    sentences: [...(sentences.length > 0 ? sentences : ['nothing wrong']), ...(masked ? [masked.sentence] : [])],
    calls: lab.calls(),
  };
}

function overwrites({ overwritten }: Lab): Finding | null {
  if (overwritten.size === 0) return null;
  const names = [...overwritten].join(', ');
  return { kind: 'inputs-overwritten', sentence: `it writes into its inputs: ${names}` };
}

/** Where o is wrong and P is right: the fault is not in who reads whom. */
function outsideOfP(lab: Lab, failure: Failure, P: Probed['P']): Finding | null {
  const o = failure.outputs.find(({ name }) => name === 'o');
  if (!P || P.wrongHeads.length > 0 || !o?.ratio.some((each) => !(each <= 1))) return null;
  const where = localise({ ...failure, outputs: [o], faults: [] }).outputs[0].set?.words ?? 'no simple set';
  const { T, width } = lab;
  return {
    kind: 'outside-of-P',
    sentence: `P is right where it was read, with T = ${T} and ${width} value channels: the fault needs other sizes or other values, or is in how o is written; o is wrong${where === 'everywhere' ? '' : ' in'} ${where}`,
  };
}
