/**
 * The operator as a sequence of runs of tokens: chunks aligned to global positions, or one run of all tokens, which is the masked-matrix
 * form. States are carried from run to run, each with the level that later queries read it at; those of one level are added.
 */
import { contentLevels } from '../../../reference/levels.ts';
import type { Variant } from '../variant.ts';
import {
  gather,
  type Node,
  placed,
  rowsOf,
  stacked,
  sumOf,
  type Tape,
  type TapeHead,
  type TapeOutput,
} from './on-tape.ts';
import { carried, decayWhole, type Run, readInside, readState, runOf } from './run.ts';

/** A state [K,V] and the level at which token t of this call reads it; -1: no longer. */
interface Content {
  S: Node;
  level: (t: number) => number;
}

export const levelOfState = (m: Tape, x: TapeHead, state: Node, l: number): Node =>
  rowsOf(m, state, l * x.K, (l + 1) * x.K);

function incoming(m: Tape, x: TapeHead): Content[] {
  const { state } = x;
  if (!state) return [];
  return Array.from({ length: x.L }, (_, l) => {
    const levels = contentLevels(x.levels, x.position, l, x.T);
    return { S: levelOfState(m, x, state, l), level: (t) => levels[t] };
  });
}

/** Contents that are read at one level from token t on are one state; those that are read no longer are dropped. */
function merged(m: Tape, contents: readonly Content[], t: number): Content[] {
  const byLevel = new Map<number, Content>();
  for (const content of contents) {
    const level = content.level(t);
    if (level < 0) continue;
    const same = byLevel.get(level);
    byLevel.set(level, same ? { ...same, S: m.add(same.S, content.S) } : content);
  }
  return [...byLevel.values()];
}

function boundaries(x: TapeHead, v: Variant): { from: number; to: number }[] {
  if (v.form === 'masked') return [{ from: 0, to: x.T }];
  const runs: { from: number; to: number }[] = [];
  for (let from = 0; from < x.T; ) {
    const to = Math.min(x.T, from + x.chunkSize - ((x.position + from) % x.chunkSize));
    runs.push({ from, to });
    from = to;
  }
  return runs;
}

/** What a run writes, [K,V]; of tokens s alone where `only` names some. */
function leafOf(m: Tape, run: Run, only?: readonly number[]): Node {
  if (!only || only.length === run.keys.rows) return m.product(run.keys, run.w, 'first');
  const some = (x: Node): Node => gather(m, x, only.length, x.columns, (i, j) => only[i] * x.columns + j);
  return m.product(some(run.keys), some(run.w), 'first');
}

/** What the last run writes, by the level that its last token reads it at. */
function leavesByLevel(m: Tape, x: TapeHead, run: Run): Content[] {
  const byLevel = new Map<number, number[]>();
  for (let s = run.from; s < run.to; s++) {
    const level = x.levels.level(x.position + run.to - 1, x.position + s);
    byLevel.set(level, [...(byLevel.get(level) ?? []), s - run.from]);
  }
  return [...byLevel].map(([level, tokens]) => ({ S: leafOf(m, run, tokens), level: () => level }));
}

/** The state [L K,V] from contents after the last token. */
function packState(m: Tape, x: TapeHead, contents: readonly Content[], last: number): Node {
  const parts = contents.map(({ S, level }) => placed(m, S, x.L * x.K, x.V, level(last) * x.K));
  return m.store(sumOf(m, parts, x.L * x.K, x.V));
}

export function runs(m: Tape, x: TapeHead, v: Variant): TapeOutput {
  if (x.beta && !x.lambda && v.writeDifference) return flatDifferences(m, x, v);
  const o: Node[] = [];
  let contents = incoming(m, x);
  const all = boundaries(x, v);
  const inMemory = (S: Node, when: Variant['storeStates'][]): Node =>
    v.form === 'chunked' && when.includes(v.storeStates) ? m.store(S) : S;
  for (const { from, to } of all) {
    contents = merged(m, contents, from);
    const run = runOf(m, x, from, to, v, false);
    let rows = readInside(m, x, run);
    for (const { S, level } of contents) {
      rows = m.add(rows, readState(m, x, run, inMemory(S, ['reads', 'all']), level, v));
    }
    o.push(rows);
    contents = contents.map(({ S, level }) => ({ S: carried(m, run, S), level }));
    if (to === x.T) {
      contents = [...contents.filter(({ level }) => level(to - 1) >= 0), ...leavesByLevel(m, x, run)];
    } else {
      const source = x.position + from;
      contents.push({
        S: inMemory(leafOf(m, run), ['all']),
        level: (t) => x.levels.level(x.position + t, source),
      });
    }
  }
  return { o: stacked(m, o, x.V), state: packState(m, x, contents, x.T - 1) };
}

/** Flat delta systems: what is written is w less what the state answers, u = X w - W S; then everything is as without the rule. */
function flatDifferences(m: Tape, x: TapeHead, v: Variant): TapeOutput {
  const o: Node[] = [];
  let S = x.state;
  for (const { from, to } of boundaries(x, v)) {
    const run = runOf(m, x, from, to, v, true);
    if (!run.delta) throw new Error('not a delta system');
    const { X, W } = run.delta;
    const stored = S && v.form === 'chunked' && v.storeStates !== 'none' ? m.store(S) : S;
    let u = m.product(X, run.w);
    if (stored) u = m.sub(u, m.product(W, stored));
    const inside = m.product(run.pairs, u);
    o.push(stored ? m.add(m.product(run.queries, stored), inside) : inside);
    const leaf = m.product(run.keys, u, 'first');
    S = S ? m.add(decayWhole(m, S, run.decays), leaf) : leaf;
  }
  return { o: stacked(m, o, x.V), state: m.store(S as Node) };
}
