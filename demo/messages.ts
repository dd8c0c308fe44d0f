/** What the page asks of its worker, and what comes back. */
import type { Backend } from '../gpu/device.ts';
import type { LawResult } from '../properties/check-law.ts';
import type { Worst } from '../properties/law.ts';

export interface Requests {
  /** Opens the first of the backends that answers a small case. */
  open: { input: { backends: readonly Backend[]; mutant: string }; output: Opened; progress: never };
  laws: { input: LawsInput; output: null; progress: LawProgress };
  mask: { input: MaskInput; output: MaskOutput; progress: never };
  times: { input: { system: string; lengths: readonly number[] }; output: null; progress: TimesRow };
}
export type RequestName = keyof Requests;

export interface Opened {
  backend: Backend;
  adapter: string;
  systems: { name: string; title: string }[];
  /** Backends that were asked for first, and why they do not run. */
  refused: { backend: Backend; reason: string }[];
}

export interface LawsInput {
  system: string;
  seed: number;
  /** Cases of each law. */
  runs: number;
  /** Names of laws, or null for every one that the device can be held to. */
  laws: readonly string[] | null;
}

export interface LawProgress {
  /** On the first report: the laws to come. */
  laws?: { name: string; statement: string }[];
  /** A case was judged. */
  law?: string;
  holds?: boolean;
  worst?: Worst | null;
  /** A law is through with all its cases, or broken. */
  result?: Omit<LawResult, 'counterexample'> & { counterexample?: string };
  /** The largest error in units of its bound, by output, against the masked form in float64. */
  outputs?: Record<string, number>;
}

export interface MaskInput {
  system: string;
  T: number;
  seed: number;
  /** Scores are all 1: P is then the mask M itself. */
  ones: boolean;
}

export interface MaskOutput {
  T: number;
  levels: number;
  /** [T][T], rows are queries; what the kernels answer, and the masked form in float64. */
  values: Float32Array;
  exact: Float64Array;
  /** [T][T], the level at which t reads s; 255 above the diagonal. */
  level: Uint8Array;
  /** [T][levels] */
  lambda: Float64Array;
  /** The largest error in units of its bound. */
  ratio: number;
}

export interface TimesRow {
  T: number;
  /** Milliseconds of one call. */
  masked: number;
  chunked: number;
  /** The largest difference between their outputs, in units of its bound. */
  ratio: number;
}

export type ToWorker = { id: number } & (
  | { name: 'stop' }
  | { [Name in RequestName]: { name: Name; input: Requests[Name]['input'] } }[RequestName]
);

export type FromWorker = { id: number } & (
  | { progress: Requests[RequestName]['progress'] }
  | { output: Requests[RequestName]['output'] }
  | { error: string }
);
