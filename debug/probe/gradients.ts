/**
 * Whether a wrong gradient is that of the implementation's own forward or of no forward at all. The gradient of v is P^T dO by the P that
 * was read off; others are held against differences of the forward along one element, where the implementation is float64.
 */

import { unravel } from '../../properties/compare.ts';
import { inputNames, range, sizesOf, take, withInputs } from '../../properties/edit.ts';
import { differentiate } from '../../properties/finite-differences.ts';
import type { Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { expectedOf } from '../expected.ts';
import { type Failure, failureOf, type OutputErrors } from '../failure.ts';
import { brief, relationOf } from '../localise/relation.ts';
import { placeWords } from '../localise/words.ts';
import { objectiveOf } from '../objective.ts';
import { alternativesFor, factorName, heldBy } from './alternatives.ts';
import { followsFromKeys } from './hand-written.ts';
import type { Lab, Matrices } from './lab.ts';
import type { GradientFinding } from './probed.ts';

const PREFIX = 'gradients.';
/** Elements of each gradient that differences are taken at. */
const TRIED = 3;
/** Largest step of a difference, in units of the input. */
const STEP = 2 ** -4;

const finite = (values: Float64Array): boolean => values.every(Number.isFinite);

/** The derivative of the own forward along one element, and how far off it may be. */
async function ownDerivative(lab: Lab, c: Case, name: InputName, at: number, rounding: number) {
  const value = c.inputs[name] as Tensor;
  const moved = (h: number): Case => {
    const data = toDense(value);
    data[at] += h;
    return withInputs(c, { [name]: tensor(data, [...value.shape]) });
  };
  return differentiate((h) => objectiveOf(lab.ask, moved(h)), rounding, STEP);
}

/** The elements that are farthest off, one of each of a few places. */
function worstElements({ ratio, actual, expected }: OutputErrors): number[] {
  const apart = (at: number): number => Math.abs(actual[at] - expected[at]);
  return [...ratio.keys()]
    .filter((at) => !(ratio[at] <= 1))
    .sort((a, b) => apart(b) - apart(a))
    .slice(0, TRIED);
}

const indexOf = ({ axes, shape }: OutputErrors, at: number): Record<string, number> =>
  Object.fromEntries(unravel(at, shape).map((each, axis) => [axes[axis], each]));

/** What was read of the forward: P of every row and head, and the true one. */
export interface ReadMatrices {
  actual: Float64Array;
  right: Matrices;
}

/**
 * The gradient of v by the implementation's own P: dv = P^T dO, with what rounding may do to it; null where P was read of another case, or
 * more than dO goes into it.
 */
function ownGradientOfV(lab: Lab, c: Case, read: ReadMatrices | null) {
  const sizes = (of: Case): string => [...(of.inputs.v as Tensor).shape, ...(of.inputs.q as Tensor).shape].join();
  if (!read || lab.byDifferences || !c.cotangents || c.cotangents.finalState || sizes(c) !== sizes(lab.c)) return null;
  const { B, T, H, V } = sizesOf(c);
  const dO = toDense(c.cotangents.o);
  const value = new Float64Array(dO.length);
  const slack = new Float64Array(dO.length);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let t = 0; t < T; t++) {
        for (let s = 0; s < T; s++) {
          const at = ((b * H + h) * T + t) * T + s;
          for (let j = 0; j < V; j++) {
            const weight = dO[((b * T + t) * H + h) * V + j];
            value[((b * T + s) * H + h) * V + j] += read.actual[at] * weight;
            slack[((b * T + s) * H + h) * V + j] += 2 * read.right.bound[at] * Math.abs(weight);
          }
        }
      }
    }
  }
  return { value, slack };
}

/** The gradient along one element by the own forward, and how far off it may be; null where it cannot be had. */
type OwnGradient = (at: number) => Promise<{ value: number; error: number } | null>;

function ownGradient(lab: Lab, c: Case, name: InputName, read: ReadMatrices | null): { by: string; of: OwnGradient } {
  const ofV = name === 'v' ? ownGradientOfV(lab, c, read) : null;
  if (ofV) return { by: 'by P^T dO of its own P', of: async (at) => ({ value: ofV.value[at], error: ofV.slack[at] }) };
  const canDiffer = lab.precision.accumulate.bits === 53 && finite(toDense(c.inputs[name] as Tensor));
  return {
    by: 'by differences of the forward',
    async of(at) {
      if (!canDiffer) return null;
      // what rounding of the forward can do to the sum, from its own size
      const rounding = 2 ** -50 * (1 + Math.abs(await objectiveOf(lab.ask, c)));
      const { value, error } = await ownDerivative(lab, c, name, at, rounding);
      return { value, error: 4 * error + 1e-6 * Math.abs(value) };
    },
  };
}

async function findingOf(
  lab: Lab,
  { c, outputs }: Failure,
  errors: OutputErrors,
  isForwardRight: boolean,
  read: ReadMatrices | null,
): Promise<GradientFinding> {
  const name = errors.name.slice(PREFIX.length) as InputName;
  const elements = worstElements(errors);
  const simple = relationOf(errors, lab.precision.output.bits, factorName(c));
  // what is all but right may be another computation, and so may a factor that nothing explains
  const isVague = simple === null || /^nearly|^the right values to \d+ bits| times the right value$/.test(simple);
  const alternatives = [
    ...(name === 'g' ? followsFromKeys(c, outputs) : []),
    ...alternativesFor({ ...c, chunkSize: lab.chunkSize }),
  ];
  const relation = (isVague ? heldBy(errors, alternatives, lab.precision) : null) ?? simple;
  const holds = relation ? `; wrong elements hold ${relation}` : '';
  const base = { name, agreesWithTruth: false };
  const { by, of } = ownGradient(lab, c, name, read);
  let [agrees, differs] = [0, 0];
  let at: GradientFinding['at'] = null;
  for (const element of elements) {
    const { actual, expected, bound } = errors;
    const own = await of(element);
    const allowed = own ? own.error + 2 * bound[element] : Number.POSITIVE_INFINITY;
    // what cannot tell the two apart says nothing
    if (!own || !(allowed < Math.abs(actual[element] - expected[element]) / 4)) continue;
    const isOwn = Math.abs(actual[element] - own.value) <= allowed;
    if (isOwn) agrees++;
    else differs++;
    if (at === null || (!isOwn && differs === 1)) {
      at = {
        index: indexOf(errors, element),
        actual: actual[element],
        ofOwnForward: own.value,
        truth: expected[element],
      };
    }
  }
  const [first] = elements;
  at ??= {
    index: indexOf(errors, first),
    actual: errors.actual[first],
    ofOwnForward: null,
    truth: errors.expected[first],
  };
  const where = placeWords(at.index);
  const numbers = `at ${where} it is ${brief(at.actual)}${at.ofOwnForward === null ? '' : `, ${by} ${brief(at.ofOwnForward)}`}, and right is ${brief(at.truth)}`;
  if (agrees + differs === 0) {
    const sentence = isForwardRight
      ? `the gradient of ${name} is wrong, and o is right: the backward is at fault; ${numbers}${holds}`
      : `the gradient of ${name} is wrong, and so is o; ${numbers}${holds}`;
    return {
      ...base,
      kind: isForwardRight ? 'backward' : 'unknown',
      sentence,
      agreesWithOwnForward: isForwardRight ? false : null,
      at,
    };
  }
  if (differs === 0) {
    const sentence = `the gradient of ${name} agrees with its own forward, which is wrong; ${numbers}`;
    return { ...base, kind: 'forward', sentence, agreesWithOwnForward: true, at };
  }
  const both = isForwardRight ? '' : ', and the forward is wrong as well';
  const sentence = `the gradient of ${name} disagrees with its own forward${both}: the backward is at fault; ${numbers}${holds}`;
  return { ...base, kind: 'backward', sentence, agreesWithOwnForward: false, at };
}

/** Fewer tokens where differences would cost too much; cotangents go along. */
function shortened(lab: Lab, c: Case): Case {
  const { T } = sizesOf(c);
  if (T <= 128 || c.cuSeqlens || lab.subject.abilities.limits?.T) return c;
  const cut = (value: Tensor): Tensor => take(value, 1, range(0, 128));
  const inputs: Case['inputs'] = {};
  for (const name of inputNames(c)) {
    const value = c.inputs[name] as Tensor;
    inputs[name] = name === 'initialState' || value.shape.length < 3 ? value : cut(value);
  }
  return { ...c, inputs, cotangents: c.cotangents && { ...c.cotangents, o: cut(c.cotangents.o) } };
}

/** Whether all gradients that are not 0 are wrong, and are 0 or what rounding leaves of it. */
function holdNothing(wrong: readonly OutputErrors[], { outputs }: Failure): boolean {
  const isNothing = (values: Float64Array, bound: Float64Array): boolean =>
    values.every((value, at) => Math.abs(value) <= bound[at]);
  const others = outputs.filter((each) => each.name.startsWith(PREFIX) && !wrong.includes(each));
  return (
    wrong.length > 1 &&
    others.every(({ expected, bound }) => isNothing(expected, bound)) &&
    wrong.every(({ actual, bound }) => isNothing(actual, bound))
  );
}

/** Of each gradient that is wrong, whether the forward or the backward is at fault; and those that are right behind a wrong forward. */
export async function gradientsOf(
  lab: Lab,
  failure: Failure,
  read: ReadMatrices | null,
): Promise<{ c: Case; findings: GradientFinding[] } | null> {
  if (!failure.c.cotangents || !lab.subject.abilities.gradients) return null;
  const wrongIn = ({ outputs }: Failure): OutputErrors[] =>
    outputs.filter(({ name, ratio }) => name.startsWith(PREFIX) && ratio.some((each) => !(each <= 1)));
  let used = failure;
  const c = shortened(lab, failure.c);
  if (c !== failure.c) {
    const again = failureOf(c, lab.precision, await lab.ask(c), expectedOf(c, lab.precision));
    // a fault of long sequences alone is looked at where it is
    if (wrongIn(again).length > 0) used = again;
  }
  const o = used.outputs.find(({ name }) => name === 'o');
  const isForwardRight = Boolean(o?.ratio.every((each) => each <= 1));
  const findings: GradientFinding[] = [];
  for (const errors of wrongIn(used)) findings.push(await findingOf(lab, used, errors, isForwardRight, read));
  if (isForwardRight && holdNothing(wrongIn(used), used)) {
    findings.unshift({
      kind: 'cotangent-ignored',
      name: 'all',
      sentence: 'every gradient is 0: the cotangent of o is not used',
      agreesWithOwnForward: false,
      agreesWithTruth: false,
      at: null,
    });
  }
  if (!isForwardRight && findings.length === 0) {
    findings.push({
      kind: 'right-behind-a-wrong-forward',
      name: 'all',
      sentence: 'every gradient is right although the forward is wrong: the backward computes its own',
      agreesWithOwnForward: false,
      agreesWithTruth: true,
      at: null,
    });
  }
  return { c: used.c, findings };
}

/** Gradients that follow a wrong forward in one sentence, others each in its own. */
export function gradientSentences(findings: readonly GradientFinding[]): string[] {
  const following = findings.filter(({ kind }) => kind === 'forward').map(({ name }) => name);
  const others = findings.filter(({ kind }) => kind !== 'forward').map(({ sentence }) => sentence);
  if (following.length === 0) return others;
  const are = following.length > 1 ? 'gradients' : 'gradient';
  const verb = following.length > 1 ? 'agree' : 'agrees';
  return [`the ${are} of ${following.join(', ')} ${verb} with the own forward, which is wrong`, ...others];
}
