/** The cases that a diagnosis asks: variations of the failing one, and probes of the system. */
import ndarray from 'ndarray';
import { fill, fit } from '../../properties/arbitraries/cases.ts';
import type { Style } from '../../properties/arbitraries/values.ts';
import { mapTensor, range, sizesOf, tokens, withInputs, withoutEmptyLevels } from '../../properties/edit.ts';
import type { Abilities } from '../../properties/law.ts';
import { type Precision, roundCase } from '../../properties/precision.ts';
import type { Case } from '../../reference/case.ts';
import { FLAT, levelsOf, WEAK } from '../../reference/levels.ts';
import { DEFAULT_CHUNK_SIZE } from '../../reference/shapes.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { axesOf } from '../../reference/systems/system.ts';
import type { DenseTensor, Tensor } from '../../reference/tensor.ts';
import * as draw from './draws.ts';
import { type Probe, probes } from './probes.ts';

/** A case with a name, and what is special about asking it. */
export interface Question {
  name: string;
  c: Case;
  /** Whether this is the case that failed. */
  isFailing?: boolean;
  /** The same for every diagnosis of this system, precision and chunk size. */
  key?: string;
  strided?: boolean;
  twice?: boolean;
  /** Of a case that is right everywhere, the places of v that become NaN: batch row 0, this token. */
  poisonedAt?: number;
}

/** Who is asked. */
export interface Asked {
  abilities: Abilities;
  precision: Precision;
  chunkSize?: number;
}

/** Multiply-adds of one answer by the masked form. */
export const workOf = (c: Case): number => {
  const { B, T, H, K, V } = sizesOf(c);
  return B * H * (T + 1) * (T + 4) * (K + V);
};
/** Cases that cost more are asked as they are, without variations; and beyond the second number not at all. */
export const MOST_VARIED = 2e5;
export const MOST_ASKED = 3e8;

/** C in the answers of whoever is asked: small where the case may choose. */
export const chunkOf = ({ abilities, chunkSize }: Asked, c?: Case): number => {
  if (!abilities.chunkSizes) return chunkSize ?? DEFAULT_CHUNK_SIZE;
  return c ? (c.chunkSize ?? DEFAULT_CHUNK_SIZE) : 4;
};

/** Whether bugs may show that need the sizes of real kernels. */
export function isLarge(c: Case): boolean {
  const { B, T, H, K, V } = sizesOf(c);
  return T > 1024 || K > 128 || V > 128 || H > 16 || B * H > 65_536;
}

const all = (from: Tensor, value: number): DenseTensor => mapTensor(from, () => value);

/** The failing case, and what is left of the failure where one thing after the other is made plain. */
export function variationsOf(failing: Case): Question[] {
  const { form: _form, ...c } = failing;
  if (workOf(c) > MOST_ASKED) return [];
  const questions: Question[] = [{ name: 'the failing case', c, isFailing: true }];
  if (workOf(c) > MOST_VARIED) return questions;
  const { g, lambda, beta, initialState } = c.inputs;
  const add = (name: string, changed: Case): void => {
    questions.push({ name: `the failing case ${name}`, c: changed });
  };
  if (g) add('without decay', withInputs(c, { g: all(g, 0) }));
  if (lambda) add('with all level scales 1', withInputs(c, { lambda: all(lambda, 1) }));
  if (beta) add('with all beta 1', withInputs(c, { beta: all(beta, 1) }));
  if (c.scale !== undefined && c.scale !== 1) add('with scale 1', { ...c, scale: 1 });
  if (initialState && !c.cotangents?.finalState) {
    add('without its state', withInputs({ ...c, position: undefined }, { initialState: undefined }));
  }
  const { T } = sizesOf(c);
  if (T > 2 && !c.cuSeqlens) add('without its last token', tokens(c, 0, T - 1));
  return questions;
}

/** The probes of a system as cases, as far as an implementation can answer them. `nonFinite`: those with NaN in them too. */
export function probeCases(name: string, asked: Asked, nonFinite = false): Question[] {
  const system = findSystem(name) as System;
  const { abilities } = asked;
  const fits = (probe: Probe): boolean =>
    (probe.on?.(system) ?? true) &&
    (abilities.packed || !probe.cuSeqlens) &&
    (!probe.position || (abilities.state && system.recurrence !== null)) &&
    (abilities.groups || (probe.G ?? probe.H ?? 2) === (probe.H ?? 2)) &&
    (abilities.views || !probe.strided) &&
    (nonFinite || !probe.poisoned) &&
    (probe.values === undefined || (abilities[probe.values] ?? true));
  return probes.filter(fits).flatMap((probe) => {
    const question = questionOf(probe, system, asked);
    return question ? [question] : [];
  });
}

/** Null where the sizes that an implementation takes leave nothing of the probe. */
function questionOf(probe: Probe, system: System, asked: Asked): Question | null {
  const { abilities, precision } = asked;
  const { limits = {} } = abilities;
  const C = chunkOf(asked);
  const wanted = { B: 1, H: 2, K: 2, V: 2, ...probe, T: probe.T(C) };
  const [B, T, H, K, V] = (['B', 'T', 'H', 'K', 'V'] as const).map((letter) => fit(wanted[letter], limits[letter]));
  const groups = fit(probe.G ?? H, limits.G);
  const G = abilities.groups && H % groups === 0 ? groups : H;
  const cuts = probe.cuSeqlens?.(C);
  // other sizes than the probe is about: sequences end where they did, and the rest is one more
  const cuSeqlens =
    cuts && (T > cuts[cuts.length - 1] ? [...cuts.slice(0, -1), T] : cuts.map((cut) => Math.min(cut, T)));
  if (cuSeqlens && B > 1) return null;
  const n = cuSeqlens ? cuSeqlens.length - 1 : B;
  const from = probe.position?.(C);
  const position = from && range(0, n).map((i) => from[i % from.length]);
  const ends = range(0, n).map((i) => (position?.[i] ?? 0) + (cuSeqlens ? cuSeqlens[i + 1] - cuSeqlens[i] : T));
  const levels = levelsOf(WEAK);
  const L = system.logLinear ? Math.max(1, ...ends.map((end) => levels.count(end))) + (probe.extraLevels ?? 0) : 1;
  const sizes: Record<string, number> = { B, T, G, H, K, V, L, n };
  const make = (input: string, letters: string, own: Record<string, number> = {}): DenseTensor =>
    fill(
      0,
      `${probe.name} ${input}`,
      [...letters].map((letter) => own[letter] ?? sizes[letter]),
      styleOf(probe, input, system),
    );
  const c: Case = { system: system.name, inputs: {}, chunkSize: C };
  for (const input of system.required) c.inputs[input] = make(input, axesOf(system.recurrence, input));
  if (probe.scale !== undefined) c.scale = probe.scale;
  if (cuSeqlens) c.cuSeqlens = cuSeqlens;
  if (position) {
    const own = Math.max(1, L - (probe.missingStateLevels ?? 0));
    c.position = position;
    c.inputs.initialState = withoutEmptyLevels(
      make('initialState', 'nHLKV', { L: own }),
      system.logLinear ? levelsOf(WEAK) : FLAT,
      position,
    );
  }
  if (abilities.gradients && (probe.cotangents ?? 'none') !== 'none') {
    c.cotangents = { o: make('cotangents.o', 'BTHV') };
    if (probe.cotangents === 'both' && abilities.state && system.recurrence) {
      c.cotangents.finalState = make('cotangents.finalState', 'nHLKV');
    }
  }
  const { strided, twice } = probe;
  const sized = Object.values(sizes).join();
  return {
    name: probe.name,
    c: roundCase(c, precision),
    key: `${system.name} ${precision.name} ${C} ${probe.name} ${sized} ${c.cotangents ? Object.keys(c.cotangents) : ''}`,
    ...(strided ? { strided } : {}),
    ...(twice ? { twice } : {}),
    ...(probe.poisoned && T > 0 ? { poisonedAt: (cuSeqlens?.[1] ?? T) - 1 } : {}),
  };
}

/** What an input of a probe is filled with. */
function styleOf(probe: Probe, input: string, system: System): Style {
  const special = probe.draws?.[input] ?? (input.startsWith('cotangents') ? probe.draws?.cotangents : undefined);
  if (special) return special;
  if (input === 'k') return system.recurrence?.beta ? draw.shortKeys : draw.quarters;
  if (input === 'g') return draw.decays;
  if (input === 'beta') return draw.eighths;
  return input === 'lambda' ? draw.scales : draw.quarters;
}

/** The same numbers in memory in which time is the last axis. */
export function timeLast(dense: Tensor): Tensor {
  const { shape } = dense;
  if (shape.length < 3) return dense;
  const order = [0, ...range(2, shape.length), 1];
  const stride: number[] = [];
  let step = 1;
  for (const axis of order.toReversed()) {
    stride[axis] = step;
    step *= shape[axis];
  }
  const view = ndarray(new Float64Array(step), [...shape], stride);
  mapTensor(dense, (value, index) => {
    view.set(...index, value);
    return value;
  });
  return view;
}
