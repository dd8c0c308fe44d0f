/** Laws as data, and what they judge. No test framework here: fast-check draws, a runner judges (check-law.ts). */
import type fc from 'fast-check';
import type { Answer, Case } from '../reference/case.ts';
import type { IntermediateName } from '../reference/intermediates.ts';
import type { System } from '../reference/systems/registry.ts';
import type { Oracle } from './oracle.ts';
import type { Precision } from './precision.ts';

/** What an implementation can do. Cases are drawn inside this; laws outside of it are not covered, never passed. */
export interface Abilities {
  systems: readonly string[];
  gradients: boolean;
  /** Initial and final state, with its position. */
  state: boolean;
  packed: boolean;
  groups: boolean;
  /** Structures other than weak base 2. */
  structures: boolean;
  /** Whether the case's chunkSize changes how it computes. */
  chunkSizes: boolean;
  /** Whether it takes ndarrays of any strides. */
  views: boolean;
  /** Log decays of -Infinity, positive ones, and beta above 1; left out: yes. */
  resets?: boolean;
  growth?: boolean;
  strongBeta?: boolean;
  /** Whether cases of the sizes of real kernels are worth asking; left out: yes. */
  large?: boolean;
  /** What sizes have to be; left out: anything. */
  limits?: Partial<Record<'B' | 'T' | 'H' | 'G' | 'K' | 'V', SizeLimit>>;
}

/** What a size has to be. */
export interface SizeLimit {
  min?: number;
  max?: number;
  multipleOf?: number;
  powerOfTwo?: boolean;
}

/** Thrown by an implementation that a case was made for which it does not take: a law then looks for another. */
export class OutsideAbilities extends Error {}

/** Thrown by an implementation that gave no answer: its message says all there is to say. */
export class NoAnswer extends Error {
  /** Whether all of a time limit went by: each further try would cost as much. */
  get isCostly(): boolean {
    return false;
  }
}

/** Where an implementation really ran. */
export interface Execution {
  backend: string;
  /** The device's own name. */
  adapter: string;
  executorKind: string;
  /** Why something else ran than was asked for; null where it did not. */
  fallbackReason: string | null;
}

/** Somebody's operator: a form of ours, a kernel, a process. */
export interface Implementation {
  name: string;
  abilities: Abilities;
  /** What it computes in: cases are drawn in its formats, and its answers judged by its bounds. */
  precision: Precision;
  /** Tokens of its chunks, a power of two, where it does not heed the case's chunkSize; default 64. */
  chunkSize?: number;
  /** Steps on the way that it can show beside its answer; left out: none. */
  intermediates?: readonly IntermediateName[];
  /** `shown`: steps that are asked for too, out of those. */
  run(c: Case, shown?: readonly IntermediateName[]): Answer | Promise<Answer>;
  /** What chooses it on the command line of the gate: options, and what stands behind `--`; default: its name as a form. */
  chosenBy?: { options: string; command: readonly string[] };
  /** Where it has run so far, for those that may run in several places. */
  execution?(): Execution | undefined;
}

export type Ability = Exclude<keyof Abilities, 'systems' | 'limits'>;

/** The element that came closest to breaking a law, or broke it most. */
export interface Worst {
  /** What was compared: "o", "gradients.lambda", … */
  name: string;
  /** Indices into that tensor. */
  index: number[];
  actual: number;
  expected: number;
  /** How far apart the two may be; 0 where they must be equal. */
  bound: number;
  /** |actual - expected| / bound; above 1 the law is broken. NaN counts as Infinity. */
  ratio: number;
}

export interface Verdict {
  holds: boolean;
  worst: Worst | null;
  /** Anything the reader of a failure should know: the step and order of a difference quotient, the split point, … */
  note?: string;
}

export const GROUPS = ['equivalence', 'causality', 'gradients', 'algebra', 'state', 'robustness', 'sizes'] as const;

/** Required: an implementation that breaks it is wrong. Recommended: it may be right, and still surprise its users. */
export type Level = 'required' | 'recommended';

/** What a law draws: a case, and whatever else the law varies. */
export interface Draw {
  c: Case;
}

export interface Law<D extends Draw = Draw> {
  name: string;
  group: (typeof GROUPS)[number];
  level: Level;
  /** One sentence that is true of every correct implementation. */
  statement: string;
  /** Where it comes from. */
  citation: string;
  /** Laws that must hold first: where one of them fails this one is blocked, not judged. */
  prerequisites: readonly string[];
  /** Abilities that the law exercises. */
  needs: readonly Ability[];
  /** Systems it speaks about. */
  appliesTo(system: System): boolean;
  draw(system: System, subject: Pick<Implementation, 'abilities' | 'precision'>): fc.Arbitrary<D>;
  check(subject: Implementation, draw: D, oracle?: Oracle): Promise<Verdict>;
  /** One case of it costs what many others do: a run judges one of them where it judges sixteen of another law. */
  isLarge?: boolean;
  /** Why an implementation that has the abilities is beyond the law all the same, by the sizes that it takes; null where it is not. */
  beyond?(abilities: Abilities): string | null;
  /** For a failure, found out by further cases: what a reader wants to know beside the shrunk case. */
  explain?(subject: Implementation, draw: D, oracle: Oracle): Promise<string | null>;
}
