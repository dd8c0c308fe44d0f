/** A way of making a case simpler, as a generator: it yields a candidate, is told whether the failure stayed, and goes on from there. */
import type { Case } from '../../reference/case.ts';

export interface Pass {
  /** What it makes simpler, in words: "fewer positions". */
  name: string;
  run(c: Case): Generator<Case, void, boolean>;
}

/**
 * Fewer of a list: blocks are left out, large ones first, from the end, as long as the failure stays.
 * @param unit sizes have to be multiples of it
 * @param least sizes have to be at least it
 */
export function* fewer(
  all: readonly number[],
  build: (kept: number[]) => Case,
  { unit = 1, least = 1 }: { unit?: number; least?: number } = {},
): Generator<Case, void, boolean> {
  let kept = [...all];
  const without = (start: number, block: number): number[] => [...kept.slice(0, start), ...kept.slice(start + block)];
  // all but the fewest that there can be: where that does it nothing else is asked
  const most = kept.length - Math.max(least, unit);
  if (most > 0) {
    for (const start of [kept.length - most, 0]) {
      const candidate = without(start, most);
      if (yield build(candidate)) {
        kept = candidate;
        break;
      }
    }
  }
  let block = unit;
  while (2 * block < kept.length) block *= 2;
  for (; block >= unit; block /= 2) {
    for (let start = kept.length - block; kept.length - block >= least; start -= block) {
      const candidate = without(Math.max(0, start), block);
      if (candidate.length > 0 && (yield build(candidate))) kept = candidate;
      if (start <= 0) break;
    }
  }
}
