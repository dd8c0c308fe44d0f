/** Where an answer is wrong, as plain data: what the report draws and says. */

/** One element, by the letters of its axes: {B: 0, T: 12, H: 1, V: 3}. */
export interface Place {
  index: Record<string, number>;
  actual: number;
  expected: number;
  bound: number;
  /** In bounds; Infinity for NaN. */
  ratio: number;
}

/** A simple set of elements. */
export interface FoundSet {
  /** "the last partial chunk (C = 4)", one for each axis that the set cuts; none where it is everything. */
  parts: string[];
  /** The same in one line, with what it spans. */
  words: string;
  /** Other names of the very same elements. */
  also: string[];
  /** Share of the wrong elements that are in the set. */
  recall: number;
  /** Share of the elements of the set that are wrong, of those on which an error would show. */
  precision: number;
}

/** Where chunks and levels begin, of the batch rows that begin at the same position: others have them elsewhere. */
export interface Edges {
  rows: number[];
  /** Indices along T at which a chunk begins. */
  chunks: number[];
  /** Indices along T from which on a further level is read, which is this one. */
  levels: { at: number; level: number }[];
}

/** How errors spread over an output. */
export interface Profile {
  /** Largest ratio at each position; empty where the output has no T. */
  byPosition: number[];
  /** Positions at which a chunk begins, in any row. */
  chunkEdges: number[];
  /** Positions from which on a further level is read, in any row. */
  levelBoundaries: number[];
  /** The same row by row; none where the output has no T. */
  edges: Edges[];
  /**
   * Elements by the decade of their ratio: `decade` -1 is above 0.1 up to 1, which is right. Null is a ratio of 0, "over" a number whose
   * ratio is infinite, as where exactly 0 is asked, "no number" what is none.
   */
  histogram: { decade: number | null | 'over' | 'no number'; count: number }[];
  /** By level: of the output's own L, or the elements at positions that read the level, whichever level their fault is of. */
  byLevel: { level: number; wrong: number; total: number; worst: number }[];
}

/** One output. */
export interface Located {
  name: string;
  axes: string;
  shape: number[];
  wrong: number;
  total: number;
  /** Wrong elements that are no numbers. */
  nonFinite: number;
  /** The element that is farthest off, right or not; null where there is none at all. */
  worst: Place | null;
  /** Position along T of the first wrong element. */
  first: number | null;
  /** The simplest set that the wrong elements are; null where nothing is wrong, or no simple set is. */
  set: FoundSet | null;
  /** What the wrong elements hold in place of the right value: "0", "twice the right value"; null where nothing simple. */
  relation: string | null;
  profile: Profile;
  /** All of it in one sentence. */
  sentence: string;
}

export interface Localisation {
  outputs: Located[];
  /** What is missing in the answer, or misshapen. */
  faults: string[];
  /** Of each wrong output; "nothing is wrong" where there is none. */
  sentences: string[];
}
