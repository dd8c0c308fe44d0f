/**
 * What the implementation computes in place of the operator: asked by cases that are made for it. First what the answers rest on, then
 * P, the level map, decays, factors, gradients. Each comes as data and in words.
 */
import { systemOf } from '../../properties/edit.ts';
import type { InputName } from '../../reference/systems/system.ts';
import type { Failure, Subject } from '../failure.ts';
import { localise } from '../localise/localise.ts';
import { channelsOf } from './channels.ts';
import { decayOf } from './decay.ts';
import { deltaOf } from './delta.ts';
import { factorOf } from './factor.ts';
import { gradientSentences, gradientsOf } from './gradients.ts';
import { jacobiansOf } from './jacobian.ts';
import { type Lab, openLab, readMatrices, rightMatrices } from './lab.ts';
import { levelMapOf, scalesOf } from './level-map.ts';
import { matrixOf } from './matrix.ts';
import { addsSomething, maskedByZero, premisesOf } from './premises.ts';
import type { Finding, Probed } from './probed.ts';
import { stateOf } from './state.ts';

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
    faults.push({ kind: 'no-answer', sentence: `no answer when probed for ${name}: ${why.split('\n')[0]}` });
    return null;
  }
}

async function probeForward(lab: Lab, faults: Finding[], isCoarse: boolean) {
  const { hasLevels } = lab.layout;
  const read = await step('P', faults, async () => {
    const right = await rightMatrices(lab, lab.c);
    const actual = await readMatrices(lab, lab.c);
    const P = matrixOf(lab, actual, right);
    // the head that is looked at is one that is wrong
    Object.assign(lab, { row: P.row, head: P.head });
    return { P, right, actual };
  });
  const levelMap = hasLevels ? await step('its levels', faults, () => levelMapOf(lab)) : null;
  const isMapRight = levelMap === null || levelMap.sentences.length === 0;
  const scales = hasLevels && isMapRight ? await step('level scales', faults, () => scalesOf(lab)) : null;
  const delta = read ? deltaOf(lab, read.actual, read.right) : null;
  // exponents of answers that are rounded coarsely say nothing of decays
  const decay = delta || isCoarse ? null : await step('its decays', faults, () => decayOf(lab));
  // a factor of each token is what other faults look like from afar
  const isExplained = !isMapRight || Boolean(scales ?? decay ?? delta);
  const scale = read ? factorOf(lab, read.actual, read.right, isExplained) : null;
  const channels = await step('its channels', faults, () => channelsOf(lab));
  return { read, P: read?.P ?? null, levelMap, scales, decay, scale, delta, channels: channels ?? [] };
}

/** Everything that can be found out of one implementation from one failure of it. */
export async function probe(subject: NonNullable<Subject>, failure: Failure): Promise<Probed> {
  const lab = openLab(subject, failure);
  if (lab.T === 0) return nothing('a case without tokens has no P to read');
  const faults: Finding[] = [];
  const premises = (await step('what the probes rest on', faults, () => premisesOf(lab))) ?? [];
  const isReliable = premises.length > 0 && premises.every(({ holds, isRounding }) => holds !== false || isRounding);
  const added = await step('what is added', faults, () => addsSomething(lab));
  const isLinear = premises.find(({ name }) => name === 'linear in v');
  lab.byDifferences = isLinear?.holds === false && !isLinear.isRounding;
  const isCausal = premises.every(({ name, holds }) => name !== 'causal' || holds !== false);
  const isSoftmax = systemOf(lab.c).recurrence === null;
  const found = isSoftmax
    ? await probeSoftmax(lab, faults)
    : await probeForward(
        lab,
        faults,
        premises.some((each) => each.isRounding),
      );
  const { P, levelMap, scales, decay, scale, delta, channels } = found;
  const masked = isCausal ? await step('what it masks', faults, () => maskedByZero(lab)) : null;
  const state = isSoftmax ? [] : await step('what comes in', faults, () => stateOf(lab, failure));
  const backward = await step('its gradients', faults, () => gradientsOf(lab, failure, found.read));
  const gradients = backward?.findings ?? [];
  // what follows from a wrong forward is told by that
  const ownFaults = gradients
    .filter(({ kind, at }) => at !== null && kind !== 'forward')
    .map(({ name }) => name as InputName);
  const jacobians =
    (backward && (await step('its Jacobians', faults, () => jacobiansOf(lab, backward.c, ownFaults)))) ?? [];
  const overwritten = overwrites(lab);
  const isFound = [scales, decay, scale, delta, added, masked, overwritten, ...channels, ...(state ?? [])].some(
    Boolean,
  );
  const elsewhere = isFound || (levelMap?.sentences.length ?? 0) > 0 ? null : outsideOfP(lab, failure, P);
  const further = [
    scales,
    delta,
    ...channels,
    ...(state ?? []),
    added,
    masked,
    overwritten,
    elsewhere,
    ...faults,
  ].filter((each): each is Finding => Boolean(each));
  const broken = premises.filter(({ holds }) => holds === false).map(({ sentence }) => sentence);
  const unreliable = isReliable ? broken : [...broken, 'what follows rests on that, and is a hint only'];
  const sentences = [
    ...unreliable,
    ...(levelMap?.sentences ?? []),
    ...[scales, decay, delta, scale, ...channels, added].flatMap((each) => (each ? [each.sentence] : [])),
    ...(P?.sentences ?? []),
    ...(state ?? []).map(({ sentence }) => sentence),
    ...gradientSentences(gradients),
    ...jacobians.flatMap((each) => each.sentences),
    ...[overwritten, elsewhere, ...faults].flatMap((each) => (each ? [each.sentence] : [])),
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
    further,
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
  const { T, columns } = lab;
  return {
    kind: 'outside-of-P',
    sentence: `P is right where it was read, with T = ${T} and ${columns} value channels: the fault needs other sizes or other values, or is in how o is written; o is wrong${where === 'everywhere' ? '' : ' in'} ${where}`,
  };
}

/** Softmax has a P of its own, and no levels, decays or state. */
async function probeSoftmax(lab: Lab, faults: Finding[]) {
  const none = { levelMap: null, scales: null, decay: null, delta: null, channels: [] };
  const read = await step('P', faults, async () => {
    const right = await rightMatrices(lab, lab.c);
    const actual = await readMatrices(lab, lab.c);
    return { P: matrixOf(lab, actual, right), scale: factorOf(lab, actual, right, false), right, actual };
  });
  return { ...none, read, P: read?.P ?? null, scale: read?.scale ?? null };
}
