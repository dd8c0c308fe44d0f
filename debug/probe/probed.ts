/** What an implementation was found out to compute, as plain data. */

import type { InputName } from '../../reference/systems/system.ts';

/** Something that the probes rest on. */
export interface Premise {
  name: 'deterministic' | 'linear in v' | 'linear in lambda' | 'causal';
  /** Null where it could not be tried. */
  holds: boolean | null;
  /** How far off, in bounds. */
  worst: number;
  /** It fails by rounding alone: what rests on it still stands. */
  isRounding?: boolean;
  sentence: string;
}

/** Numbers [T][T]: a query's row, a key's column. */
export type Square = number[][];

/** The implementation's own P of one head, without the level scales or decays taken out. */
export interface ProbedMatrix {
  row: number;
  head: number;
  truth: Square;
  actual: Square;
  bound: Square;
  /** The true level of each pair; 0 for all in a system without levels, -1 where nothing is to be read. */
  levels: Square;
  /** Entries that are wrong, query and key, the worst first; at most 1,000 of them. */
  wrongPairs: { t: number; s: number; ratio: number }[];
  wrong: number;
  /** Heads of any row whose P is wrong. */
  wrongHeads: { row: number; head: number; wrong: number }[];
  /** Which simple set the wrong pairs are. */
  set: string | null;
  sentences: string[];
}

/** At which level each pair is read: -1 not at all, -2 at several, -3 whatever the level scales are, -4 that is no number. */
export interface ProbedLevels {
  row: number;
  head: number;
  truth: Square;
  actual: Square;
  /** How many pairs of a true level are read at which. */
  confusion: { truth: number; actual: number; pairs: number }[];
  /** Name of the rule that all of it follows, where one was recognised. */
  rule: string | null;
  /** Pairs that are read at several levels. */
  several: { t: number; s: number; levels: number[] }[];
  sentences: string[];
}

export interface Finding {
  /** A short name: "key-included", "scale-twice". */
  kind: string;
  sentence: string;
}

/** One gradient against the implementation's own forward and against the truth. */
export interface GradientFinding extends Finding {
  name: string;
  /** Whether it is the gradient of the forward that the implementation has; null where that cannot be told. */
  agreesWithOwnForward: boolean | null;
  agreesWithTruth: boolean;
  /** The element that it was tried on, and the three values there. */
  at: { index: Record<string, number>; actual: number; ofOwnForward: number | null; truth: number } | null;
}

/** What each query adds to one gradient, of the row and head, or group, with the most wrong entries. */
export interface ProbedJacobian {
  name: InputName;
  row: number;
  head: number;
  /** The queries of the rows below. */
  queries: number[];
  /** [query][position], each the channel that is farthest off; one column for a gradient without positions. */
  truth: Square;
  actual: Square;
  bound: Square;
  wrong: number;
  /** Which simple set the wrong pairs are, and what wrong entries hold. */
  set: string | null;
  relation: string | null;
  sentences: string[];
}

export interface Probed {
  premises: Premise[];
  /** False where a premise does not hold: then P and what follows from it is no more than a hint. */
  isReliable: boolean;
  P: ProbedMatrix | null;
  levelMap: ProbedLevels | null;
  decay: Finding | null;
  scale: Finding | null;
  gradients: GradientFinding[];
  jacobians: ProbedJacobian[];
  /** Findings beyond these, such as what comes in with a state. */
  further: Finding[];
  /** All there is to say, the most telling first; "nothing wrong" where all is right. */
  sentences: string[];
  /** How often the implementation was asked. */
  calls: number;
}
