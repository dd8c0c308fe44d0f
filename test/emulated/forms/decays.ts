/** What decays over a run of tokens, as exponentials of sums of log decays. */
import type { Variant } from '../variant.ts';
import { acrossColumns, eachRow, gather, type Node, rowsOf, stacked, type Tape, type TapeHead } from './on-tape.ts';

/** Decays inside a run of c tokens; all null without decay. */
export interface RunDecays {
  /** D[t,s]: [c,c] for one number a token, [c(c+1)/2, K] (rows are the pairs s <= t, t by t) for one a channel. */
  pairs: Node | null;
  byChannel: boolean;
  /** From the run's start to t, [c,1] or [c,K]. */
  fromStart: Node | null;
  /** From s to the run's end, likewise. */
  toEnd: Node | null;
  /** Over the whole run, [1,1] or [1,K]. */
  whole: Node | null;
}

type Logs = Record<'pairs' | 'fromStart' | 'toEnd' | 'whole', Node>;

/** The pairs s <= t of a run in order: row t (t + 1) / 2 + s. */
export const pairRow = (t: number, s: number): number => (t * (t + 1)) / 2 + s;

/** For each pair, t and s. */
export function pairsOf(c: number): { t: Int32Array; s: Int32Array } {
  const t = new Int32Array((c * (c + 1)) / 2);
  const s = new Int32Array(t.length);
  for (let i = 0, at = 0; i < c; i++) {
    for (let j = 0; j <= i; j++, at++) {
      t[at] = i;
      s[at] = j;
    }
  }
  return { t, s };
}

/** Running sums down the columns. */
function runningSums(m: Tape, x: Node, v: Variant): Node {
  if (v.sums === 'scan') {
    let sums = x;
    for (let shift = 1; shift < x.rows; shift *= 2) {
      const earlier = gather(m, sums, x.rows, x.columns, (t, j) => (t < shift ? -1 : (t - shift) * x.columns + j));
      sums = m.add(sums, earlier);
    }
    return sums;
  }
  const rows: Node[] = [];
  for (const row of eachRow(m, x)) rows.push(rows.length === 0 ? row : m.add(rows[rows.length - 1], row));
  return stacked(m, rows, x.columns);
}

/** The logs whose exponentials are RunDecays, each from its own segment of tokens. */
function segmentLogs(m: Tape, g: Node, v: Variant): Logs {
  const [c, width] = [g.rows, g.columns];
  const wide = (c + 1) * width;
  // column block s + 1 sums the tokens after s; block 0 all of them
  const steps = gather(m, g, c, wide, (t, at) => (t * width >= at - (at % width) ? t * width + (at % width) : -1));
  const sums = runningSums(m, steps, v);
  const at = (t: number, s: number, i: number): number => t * wide + (s + 1) * width + i;
  return {
    pairs: pairLogs(c, width, (rows, columns, from) =>
      gather(m, sums, rows, columns, (row, column) => {
        const place = from(row, column);
        return place ? at(...place) : -1;
      }),
    ),
    fromStart: gather(m, sums, c, width, (t, i) => at(t, -1, i)),
    toEnd: gather(m, sums, c, width, (s, i) => at(c - 1, s, i)),
    whole: gather(m, sums, 1, width, (_, i) => at(c - 1, -1, i)),
  };
}

type Place = [t: number, s: number, i: number];

/** One entry for each pair: [c,c], zeros above the diagonal, or [pairs,K]. */
function pairLogs(
  c: number,
  width: number,
  build: (rows: number, columns: number, from: (row: number, column: number) => Place | null) => Node,
): Node {
  if (width === 1) return build(c, c, (t, s) => (s <= t ? [t, s, 0] : null));
  const { t, s } = pairsOf(c);
  return build(t.length, width, (row, i) => [t[row], s[row], i]);
}

/** The same from sums c_t since the run's start: c_t - c_s. */
function prefixLogs(m: Tape, g: Node, v: Variant): Logs {
  const [c, width] = [g.rows, g.columns];
  const sums = runningSums(m, g, v);
  const pick = (token: 0 | 1) =>
    pairLogs(c, width, (rows, columns, from) =>
      gather(m, sums, rows, columns, (row, column) => {
        const place = from(row, column);
        return place ? place[token] * width + place[2] : -1;
      }),
    );
  const last = (rows: number): Node => gather(m, sums, rows, width, (_, i) => (c - 1) * width + i);
  return {
    pairs: m.sub(pick(0), pick(1)),
    fromStart: sums,
    toEnd: m.sub(last(c), sums),
    whole: last(1),
  };
}

/** Decays of the tokens [from, to). Resets are infinite, and their prefixes have no difference: such a run sums segments. */
export function runDecays(m: Tape, x: TapeHead, from: number, to: number, v: Variant): RunDecays {
  if (!x.g) return { pairs: null, byChannel: false, fromStart: null, toEnd: null, whole: null };
  const g = rowsOf(m, x.g, from, to);
  const hasPrefixes = g.value.data.every(Number.isFinite);
  const logs = v.decay === 'prefix' && hasPrefixes ? prefixLogs(m, g, v) : segmentLogs(m, g, v);
  return {
    pairs: m.exp(logs.pairs),
    byChannel: g.columns > 1,
    fromStart: m.exp(logs.fromStart),
    toEnd: m.exp(logs.toEnd),
    whole: m.exp(logs.whole),
  };
}

/** [rows,1] or [rows,columns] times x [rows,columns]; x where there is no decay. */
export function decayed(m: Tape, x: Node, decay: Node | null): Node {
  if (!decay) return x;
  return m.mul(x, decay.columns === x.columns ? decay : acrossColumns(m, decay, x.columns));
}
