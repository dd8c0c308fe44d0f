/** Small cases that show every kind of message: what a conversation check asks. */
import { outsideOf } from '../../properties/abilities.ts';
import { fit } from '../../properties/arbitraries/cases.ts';
import { type Precision, roundCase } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import type { IntermediateName } from '../../reference/intermediates.ts';
import { FLAT, levelsOf, type Structure, WEAK } from '../../reference/levels.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { axesOf, type InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, elements, tensor } from '../../reference/tensor.ts';
import { abilitiesOf, type Description } from './implementation.ts';
import { byteLength, WIRE } from './wire.ts';

export interface Probe {
  /** What it shows. */
  about: string;
  c: Case;
  /** Steps that are asked for beside the answer. */
  shown?: readonly IntermediateName[];
  /** Fields that no client knows, for the message and for its case. */
  extra?: { message: object; case: object };
}

interface Wants {
  T?: number;
  gradients?: boolean;
  packed?: boolean;
  groups?: boolean;
  structure?: Structure;
  /** Positions that came before, and the levels of their state; 0 for none. */
  position?: number;
  stateLevels?: number;
  large?: boolean;
}

/** Tokens of a small case. */
const FEW = 5;
/** More than pipes hold: a program that writes before it has read all, or reads what is there only, stops here. */
const LARGE = 2 ** 18;
const WIDE = 1024;

const EXTRA = { message: { hint: { from: 'a later version' } }, case: { hint: [1, 'a later version', null] } };

/** Ordinary numbers in (-1, 1); log decays below 0, writing strengths in (0, 1). */
function ordinary(shape: number[], name: string): DenseTensor {
  const data = Float64Array.from({ length: elements(shape) }, (_, i) => {
    const value = Math.sin(12.9898 * name.length + 78.233 * (i + 1));
    return name === 'g' ? -Math.abs(value) : name === 'beta' ? Math.abs(value) : value;
  });
  return tensor(data, shape);
}

/** A case of those sizes that the program takes. */
function caseOf(system: System, described: Description, p: Precision, wants: Wants): Case {
  const { limits = {} } = described;
  const structure = wants.structure ?? WEAK;
  const position = wants.position ?? 0;
  const [K, V] = [fit(4, limits.K), fit(wants.large ? WIDE : 3, limits.V)];
  const H = fit(wants.groups ? Math.max(2, limits.H?.min ?? 2) : 1, limits.H);
  const G = wants.groups ? fit(1, limits.G) : H;
  const perToken = byteLength({ dtype: WIRE[p.name], shape: [2 * G * K + H * V] });
  const T = fit(wants.T ?? (wants.large ? Math.ceil(LARGE / perToken) : FEW), limits.T);
  const B = fit(wants.large ? Math.ceil(LARGE / Math.max(perToken * T, 1)) : 1, limits.B);
  const cuSeqlens = wants.packed ? [0, Math.floor((2 * T) / 5), Math.floor((2 * T) / 5), T] : undefined;
  const n = cuSeqlens ? cuSeqlens.length - 1 : B;
  const levels = system.logLinear ? levelsOf(structure) : FLAT;
  const L = levels.count(position + T);
  const sizes: Record<string, number> = { B, T, H, G, K, V, L, n };
  const names: InputName[] = [...system.required];
  if (wants.stateLevels) names.push('initialState');
  const inputs: Case['inputs'] = {};
  for (const name of names) {
    const shape = [...axesOf(system.recurrence, name)].map((letter) => sizes[letter]);
    if (name === 'initialState') shape[2] = Math.min(wants.stateLevels as number, L);
    inputs[name] = ordinary(shape, name);
  }
  const c: Case = { system: system.name, inputs };
  if (wants.structure) c.structure = structure;
  if (position > 0) c.position = Array<number>(n).fill(position);
  if (cuSeqlens) c.cuSeqlens = cuSeqlens;
  if (wants.gradients) {
    c.cotangents = { o: ordinary([B, T, H, V], 'cotangents.o') };
    if (wants.stateLevels) c.cotangents.finalState = ordinary([n, H, L, K, V], 'cotangents.finalState');
  }
  return roundCase(c, p);
}

/** What the program is asked in one dtype; cases that it does not take are left out. */
export function probesOf(described: Description, p: Precision): Probe[] {
  const abilities = abilitiesOf(described);
  const { gradients, state, packed, groups, structures, intermediates = [] } = described;
  const systems = described.systems.map((name) => findSystem(name) as System);
  const recurrent = systems.filter(({ recurrence }) => recurrence !== null);
  // where levels are, most can go wrong
  const rich = recurrent.find(({ logLinear }) => logLinear) ?? recurrent[0] ?? systems[0];
  const probes: Probe[] = [];
  const add = (about: string, system: System, wants: Wants, more: Pick<Probe, 'extra' | 'shown'> = {}): void => {
    const c = caseOf(system, described, p, wants);
    const isWhatItSays = wants.T === undefined || c.inputs.q?.shape[1] === wants.T;
    if (isWhatItSays && outsideOf(abilities, c) === null) probes.push({ about, c, ...more });
  };
  for (const system of systems) {
    add('plain', system, {});
    if (gradients) add('gradients', system, { gradients });
  }
  add('fields that no client knows', rich, {}, { extra: EXTRA });
  if (intermediates.length > 0 && rich.recurrence) {
    add('steps beside the answer', rich, { gradients }, { shown: intermediates });
  }
  if (state && rich.recurrence) {
    add('a state at position 5', rich, { position: 5, stateLevels: 99, gradients });
    add('a position without a state', rich, { position: 5 });
    if (rich.logLinear) add('a state of one level', rich, { position: 1, stateLevels: 1, gradients });
  }
  if (packed) add('three packed sequences, one of them empty', rich, { packed, gradients });
  if (groups) add('two heads of one group', rich, { groups, gradients });
  if (structures && rich.logLinear) {
    add('levels in base 3', rich, { structure: { kind: 'weak', base: 3 } });
    add('levels of the strong structure', rich, { structure: { kind: 'strong' } });
  }
  add('no tokens', rich, { T: 0, gradients });
  add('more than a pipe holds', rich, { large: true, gradients });
  return probes;
}
