/** Token by token, one state a level: merge, transition, insert, read. States stay in registers between steps. */
import type { Variant } from '../variant.ts';
import {
  acrossColumns,
  eachRow,
  gather,
  type Node,
  placed,
  scaled,
  stacked,
  sumOf,
  type Tape,
  type TapeHead,
  type TapeOutput,
} from './on-tape.ts';
import { levelOfState } from './runs.ts';

type States = (Node | null)[];

/** What step t reads: rows of one token. */
interface Token {
  q: Node;
  k: Node;
  w: Node;
  /** exp(g), or null */
  alpha: Node | null;
  beta: Node | null;
  /** beta k, or null */
  betaK: Node | null;
  lambda: Node | null;
}

/** What is computed for all tokens at once, cut into tokens. */
function tokensOf(m: Tape, x: TapeHead, v: Variant): Token[] {
  const rows = (of: Node | null): (Node | null)[] => (of ? eachRow(m, of) : new Array<null>(x.T).fill(null));
  const all = {
    q: rows(v.factorsFirst ? scaled(m, x.q, x.scale) : x.q),
    k: rows(x.k),
    w: rows(x.w),
    alpha: rows(x.g ? m.exp(x.g) : null),
    beta: rows(x.beta),
    betaK: rows(x.beta ? m.mul(acrossColumns(m, x.beta, x.K), x.k) : null),
    lambda: rows(x.lambda),
  };
  return Array.from({ length: x.T }, (_, t) => ({
    q: all.q[t] as Node,
    k: all.k[t] as Node,
    w: all.w[t] as Node,
    alpha: all.alpha[t],
    beta: all.beta[t],
    betaK: all.betaK[t],
    lambda: all.lambda[t],
  }));
}

/** F_t S: the decay, then the erasing of what the key reads. */
function transition(m: Tape, { k, alpha, betaK }: Token, S: Node): Node {
  let kept = S;
  if (alpha) {
    const { columns } = alpha;
    kept = m.mul(
      S,
      gather(m, alpha, S.rows, S.columns, (i) => (columns === 1 ? 0 : i)),
    );
  }
  if (!betaK) return kept;
  const answer = m.product(k, kept);
  return m.sub(kept, m.product(betaK, answer, 'first'));
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
function writeDifference(m: Tape, token: Token, S: Node | null): Node {
  const { k, w } = token;
  if (!S) return m.product(k, w, 'first');
  const kept = transition(m, { ...token, betaK: null }, S);
  const beta = acrossColumns(m, token.beta as Node, S.columns);
  return m.add(kept, m.product(k, m.sub(w, m.mul(beta, m.product(k, kept))), 'first'));
}

function insert(m: Tape, { k, w }: Token, S: Node | null): Node {
  const written = m.product(k, w, 'first');
  return S ? m.add(S, written) : written;
}

function read(m: Tape, { q, lambda }: Token, states: States, v: Variant): Node {
  const parts = states.flatMap((S, l) => {
    if (!S) return [];
    if (!lambda) return [m.product(q, S)];
    const scale = (columns: number): Node => gather(m, lambda, 1, columns, () => l);
    return [v.factorsFirst ? m.product(m.mul(scale(q.columns), q), S) : m.mul(scale(S.columns), m.product(q, S))];
  });
  return parts.reduce((sum, part) => m.add(sum, part));
}

export function recurrent(m: Tape, x: TapeHead, v: Variant): TapeOutput {
  const { state } = x;
  let states: States = Array.from({ length: x.L }, (_, l) => (state ? levelOfState(m, x, state, l) : null));
  const o: Node[] = [];
  tokensOf(m, x, v).forEach((token, t) => {
    if (x.beta && !x.lambda && v.writeDifference) {
      states = [writeDifference(m, token, states[0])];
    } else {
      states = merge(m, x, t, states).map((S) => S && transition(m, token, S));
      states[0] = insert(m, token, states[0]);
    }
    const row = read(m, token, states, v);
    o.push(v.factorsFirst ? row : scaled(m, row, x.scale));
  });
  const parts = states.flatMap((S, l) => (S ? [placed(m, S, x.L * x.K, x.V, l * x.K)] : []));
  return { o: stacked(m, o, x.V), state: m.store(sumOf(m, parts, x.L * x.K, x.V)) };
}
