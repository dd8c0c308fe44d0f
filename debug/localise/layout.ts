/** How a case is laid out: what sets of its elements follow from. */
import { sizesOf, systemOf } from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import { type Structure, WEAK } from '../../reference/levels.ts';
import { DEFAULT_CHUNK_SIZE } from '../../reference/shapes.ts';
import type { TimeCell } from './hypotheses.ts';

export interface Layout {
  c: Case;
  chunkSize: number;
  hasChunks: boolean;
  hasLevels: boolean;
  /** What levels follow from; null where there are none. */
  levels: Structure | null;
  L: number;
  H: number;
  G: number;
  /** By batch row and position. */
  cells: TimeCell[][];
  /** Whether all rows have reached the same position. */
  isUniform: boolean;
}

/** Read off the case. */
export function layoutOf(c: Case): Layout {
  const { B, T, H, G, L, n } = sizesOf(c);
  const cuts = c.cuSeqlens;
  const before = (sequence: number): number => c.position?.[sequence] ?? 0;
  const cells = Array.from({ length: B }, (_, row) =>
    Array.from({ length: T }, (_, t): TimeCell => {
      if (!cuts) return { t, sequence: row, index: t, length: T, before: before(row) };
      let sequence = 0;
      while (sequence < n - 1 && cuts[sequence + 1] <= t) sequence++;
      const start = cuts[sequence];
      return { t, sequence, index: t - start, length: cuts[sequence + 1] - start, before: before(sequence) };
    }),
  );
  return {
    c,
    chunkSize: c.chunkSize ?? DEFAULT_CHUNK_SIZE,
    hasChunks: systemOf(c).recurrence !== null,
    hasLevels: systemOf(c).logLinear,
    levels: systemOf(c).logLinear ? (c.structure ?? WEAK) : null,
    L,
    H,
    G,
    cells,
    isUniform: cuts !== undefined || new Set(Array.from({ length: B }, (_, row) => before(row))).size <= 1,
  };
}
