/** Where the time of a gate goes: laws and an implementation that are what they were, with clocks between. */
import { sizesOf } from '../../properties/edit.ts';
import { type Implementation, type Law, OutsideAbilities } from '../../properties/law.ts';

/** The goal for transport is for cases up to this length. */
export const SHORT = 256;

/** A drawn case, in seconds. */
export interface Drawn {
  T: number;
  /** From the end of the case before it: fast-check, and building the case. */
  drawing: number;
  /** All of the law's check. */
  check: number;
  /** Of that, waiting for the program: from the case to its answer as tensors. */
  asking: number;
  /** Its questions, by their numbers. */
  from: number;
  to: number;
}

export interface Watch {
  cases: Drawn[];
  questions: number;
  /** When the last case ended, or the first can begin. */
  mark: number;
}

export const createWatch = (): Watch => ({ cases: [], questions: 0, mark: performance.now() });

/** Seconds of all that went on, by part. */
export interface Stages {
  cases: number;
  questions: number;
  oracle: number;
  drawing: number;
  transport: number;
  /** The program's adapter, around the implementation. */
  adapter: number;
  implementation: number;
}

/** Seconds of one answer inside of the program: of its implementation, and of its adapter, where the program tells them apart. */
export type Call = [implementation: number, adapter?: number];

/** The implementation with a clock around each question. */
export function watched(subject: Implementation, watch: Watch, on: { asking: number }): Implementation {
  return {
    ...subject,
    async run(c) {
      const start = performance.now();
      let isAsked = true;
      try {
        return await subject.run(c);
      } catch (error) {
        // what it is not able to do it is not asked
        if (error instanceof OutsideAbilities) isAsked = false;
        throw error;
      } finally {
        if (isAsked) {
          watch.questions++;
          on.asking += performance.now() - start;
        }
      }
    },
  };
}

/** The law with clocks. `blind`: it judges as ever, and its verdict is passed over. */
export function watchedLaw(law: Law, watch: Watch, blind: boolean): Law {
  return {
    ...law,
    async check(subject, draw) {
      const start = performance.now();
      const on = { asking: 0 };
      const from = watch.questions;
      try {
        const verdict = await law.check(watched(subject, watch, on), draw);
        return blind ? { holds: true, worst: null } : verdict;
      } finally {
        const end = performance.now();
        watch.cases.push({
          T: sizesOf(draw.c).T,
          drawing: (start - watch.mark) / 1000,
          check: (end - start) / 1000,
          asking: on.asking / 1000,
          from,
          to: watch.questions,
        });
        watch.mark = performance.now();
      }
    },
  };
}

/** Adds up the cases whose T is at most `most`. `calls`: what the program says of its answers, in order. */
export function stagesOf({ cases }: Pick<Watch, 'cases'>, calls: readonly Call[], most = Infinity): Stages {
  const sum: Stages = { cases: 0, questions: 0, oracle: 0, drawing: 0, transport: 0, adapter: 0, implementation: 0 };
  for (const { T, drawing, check, asking, from, to } of cases) {
    if (T > most) continue;
    let [implementation, adapter] = [0, 0];
    for (const [inner, around = 0] of calls.slice(from, to)) {
      implementation += inner;
      adapter += around;
    }
    sum.cases++;
    sum.questions += to - from;
    sum.drawing += drawing;
    sum.oracle += check - asking;
    sum.implementation += implementation;
    sum.adapter += adapter;
    sum.transport += asking - implementation - adapter;
  }
  return sum;
}

export const totalOf = ({ oracle, drawing, transport, adapter, implementation }: Stages): number =>
  oracle + drawing + transport + adapter + implementation;
