/** The recurrence with its steps in another order: what a kernel that goes token by token then gives, outputs and states. */
import type { Head, HeadOutput } from '../../reference/head.ts';

export interface Steps {
  /** Levels from 1 on are taken through F_t before the merge: the newest token, at level 0, is not. */
  transitionBeforeMerge?: boolean;
  /** The token is inserted before F_t, which it goes through as well. */
  insertBeforeTransition?: boolean;
  /** What was merged stays at its old level too, until the next merge into that level. */
  keepsMerged?: boolean;
}

/** Step 1: the levels before token t, merged. */
function merged(x: Head, t: number, levels: readonly Float64Array[], keeps: boolean): Float64Array[] {
  const after = levels.map((level) => new Float64Array(level.length));
  levels.forEach((level, l) => {
    const to = x.levels.advance(x.position + t, l);
    if (to < 0) return;
    for (let i = 0; i < level.length; i++) after[to][i] += level[i];
    if (keeps && l > 0 && to !== l) after[l].set(level);
  });
  return after;
}

/** Step 3 */
function insert(x: Head, t: number, level: Float64Array): void {
  for (let i = 0; i < x.K; i++) for (let j = 0; j < x.V; j++) level[i * x.V + j] += x.k[t * x.K + i] * x.w[t * x.V + j];
}

/** Step 4 */
function read(x: Head, t: number, levels: readonly Float64Array[], o: Float64Array): void {
  levels.forEach((level, l) => {
    const factor = x.scale * x.lambda[t * x.L + l];
    for (let i = 0; i < x.K; i++)
      for (let j = 0; j < x.V; j++) o[t * x.V + j] += factor * x.q[t * x.K + i] * level[i * x.V + j];
  });
}

/** A change of the outputs and states. */
export const stepped =
  ({ transitionBeforeMerge = false, insertBeforeTransition = false, keepsMerged = false }: Steps) =>
  (x: Head, out: HeadOutput): void => {
    const size = x.K * x.V;
    let levels: Float64Array[] = Array.from(
      { length: x.L },
      (_, l) => x.state?.slice(l * size, (l + 1) * size) ?? new Float64Array(size),
    );
    const transition = (t: number, from: number): void => {
      for (const level of levels.slice(from)) x.transition.apply(x, t, level, x.V);
    };
    out.o.fill(0);
    for (let t = 0; t < x.T; t++) {
      if (transitionBeforeMerge) transition(t, 1);
      levels = merged(x, t, levels, keepsMerged);
      if (insertBeforeTransition) insert(x, t, levels[0]);
      if (!transitionBeforeMerge) transition(t, 0);
      if (!insertBeforeTransition) insert(x, t, levels[0]);
      read(x, t, levels, out.o);
    }
    levels.forEach((level, l) => {
      out.state.set(level, l * size);
    });
  };
