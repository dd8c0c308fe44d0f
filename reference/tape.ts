/**
 * Reverse-mode derivatives over any arithmetic: what is computed is written down and read backwards. Knows nothing of the operator,
 * and so shares nothing with the hand-written backwards.
 */
import type { Arithmetic } from './arithmetic.ts';

/** A number on the tape. */
export interface Recorded<N> {
  value: N;
  /** Where its derivative is collected; -1 for constants. */
  id: number;
}

interface Entry<N> {
  /** What it came from, with the derivative by each. */
  from: { id: number; slope: N }[];
}

export interface Tape<N> {
  arithmetic: Arithmetic<Recorded<N>>;
  /** A number to differentiate by. */
  input(value: N): Recorded<N>;
  /** Derivatives of sum of weight * output by each recorded number: read them by its id. */
  gradients(outputs: readonly { output: Recorded<N>; weight: N }[]): N[];
}

export function createTape<N>(a: Arithmetic<N>): Tape<N> {
  const entries: Entry<N>[] = [];
  const record = (value: N, ...from: { of: Recorded<N>; slope: N }[]): Recorded<N> => {
    const variable = from.filter(({ of }) => of.id >= 0).map(({ of, slope }) => ({ id: of.id, slope }));
    if (variable.length === 0) return { value, id: -1 };
    entries.push({ from: variable });
    return { value, id: entries.length - 1 };
  };
  const zero = a.of(0);
  const one = a.of(1);
  const minusOne = a.of(-1);
  return {
    arithmetic: {
      of: (value) => ({ value: a.of(value), id: -1 }),
      valueOf: ({ value }) => a.valueOf(value),
      add: (x, y) => record(a.add(x.value, y.value), { of: x, slope: one }, { of: y, slope: one }),
      sub: (x, y) => record(a.sub(x.value, y.value), { of: x, slope: one }, { of: y, slope: minusOne }),
      mul: (x, y) => record(a.mul(x.value, y.value), { of: x, slope: y.value }, { of: y, slope: x.value }),
      exp(x) {
        const value = a.exp(x.value);
        return record(value, { of: x, slope: value });
      },
      div(x, y) {
        const value = a.div(x.value, y.value);
        const slope = a.div(one, y.value);
        return record(value, { of: x, slope }, { of: y, slope: a.mul(minusOne, a.mul(value, slope)) });
      },
    },
    input(value) {
      entries.push({ from: [] });
      return { value, id: entries.length - 1 };
    },
    gradients(outputs) {
      const collected: N[] = new Array(entries.length).fill(zero);
      for (const { output, weight } of outputs) {
        if (output.id >= 0) collected[output.id] = a.add(collected[output.id], weight);
      }
      for (let id = entries.length - 1; id >= 0; id--) {
        for (const { id: source, slope } of entries[id].from) {
          collected[source] = a.add(collected[source], a.mul(collected[id], slope));
        }
      }
      return collected;
    },
  };
}
