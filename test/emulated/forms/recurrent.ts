/** Token by token, one state a level: merge, transition, insert, read. States stay in registers between steps. */
import type { Variant } from '../variant.ts';
import {
  acrossColumns,
  gather,
  type Node,
  placed,
  rowsOf,
  scaled,
  stacked,
  sumOf,
  type Tape,
  type TapeHead,
  type TapeOutput,
} from './on-tape.ts';
import { levelOfState } from './runs.ts';

type States = (Node | null)[];

/** What the steps share: everything that is computed for all tokens at once. */
interface Tokens {
  q: Node;
  /** exp(g), or null */
  alpha: Node | null;
  /** beta k, or null */
  betaK: Node | null;
}

/** F_t S: the decay, then the erasing of what the key reads. */
function transition(m: Tape, x: TapeHead, { alpha, betaK }: Tokens, t: number, S: Node): Node {
  let kept = S;
  if (alpha) {
    const { columns } = alpha;
    kept = m.mul(
      S,
      gather(m, alpha, x.K, x.V, (i) => t * columns + (columns === 1 ? 0 : i)),
    );
  }
  if (!betaK) return kept;
  const answer = m.product(rowsOf(m, x.k, t, t + 1), kept);
  return m.sub(kept, m.product(rowsOf(m, betaK, t, t + 1), answer, 'first'));
}

function merge(m: Tape, x: TapeHead, t: number, states: States): States {
  const next: States = new Array(x.L).fill(null);
  states.forEach((S, l) => {
    const target = S ? x.levels.advance(x.position + t, l) : -1;
    if (!S || target < 0) return;
    const sum = next[target];
    next[target] = sum ? m.add(sum, S) : S;
  });
  return next;
}

/** A flat delta system writes k (w - beta (what the key reads)): one outer product instead of two. */
function writeDifference(m: Tape, x: TapeHead, tokens: Tokens, t: number, S: Node | null): Node {
  const k = rowsOf(m, x.k, t, t + 1);
  const w = rowsOf(m, x.w, t, t + 1);
  if (!S) return m.product(k, w, 'first');
  const kept = transition(m, x, { ...tokens, betaK: null }, t, S);
  const beta = gather(m, x.beta as Node, 1, x.V, () => t);
  return m.add(kept, m.product(k, m.sub(w, m.mul(beta, m.product(k, kept))), 'first'));
}

function insert(m: Tape, x: TapeHead, t: number, S: Node | null): Node {
  const written = m.product(rowsOf(m, x.k, t, t + 1), rowsOf(m, x.w, t, t + 1), 'first');
  return S ? m.add(S, written) : written;
}

function read(m: Tape, x: TapeHead, q: Node, t: number, states: States, v: Variant): Node {
  const { lambda } = x;
  const parts = states.flatMap((S, l) => {
    if (!S) return [];
    if (!lambda) return [m.product(q, S)];
    const scale = (columns: number): Node => gather(m, lambda, 1, columns, () => t * x.L + l);
    return [v.factorsFirst ? m.product(m.mul(scale(x.K), q), S) : m.mul(scale(x.V), m.product(q, S))];
  });
  return sumOf(m, parts, 1, x.V);
}

export function recurrent(m: Tape, x: TapeHead, v: Variant): TapeOutput {
  const tokens: Tokens = {
    q: v.factorsFirst ? scaled(m, x.q, x.scale) : x.q,
    alpha: x.g ? m.exp(x.g) : null,
    betaK: x.beta ? m.mul(acrossColumns(m, x.beta, x.K), x.k) : null,
  };
  const { state } = x;
  let states: States = Array.from({ length: x.L }, (_, l) => (state ? levelOfState(m, x, state, l) : null));
  const o: Node[] = [];
  for (let t = 0; t < x.T; t++) {
    if (x.beta && !x.lambda && v.writeDifference) {
      states = [writeDifference(m, x, tokens, t, states[0])];
    } else {
      states = merge(m, x, t, states).map((S) => S && transition(m, x, tokens, t, S));
      states[0] = insert(m, x, t, states[0]);
    }
    const row = read(m, x, rowsOf(m, tokens.q, t, t + 1), t, states, v);
    o.push(v.factorsFirst ? row : scaled(m, row, x.scale));
  }
  const parts = states.flatMap((S, l) => (S ? [placed(m, S, x.L * x.K, x.V, l * x.K)] : []));
  return { o: stacked(m, o, x.V), state: m.store(sumOf(m, parts, x.L * x.K, x.V)) };
}
