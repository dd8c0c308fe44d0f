/** Tensors that are read or written in another order, or half of them, and states that are left where they were. */
import type { Answer } from '../../reference/case.ts';
import type { Head } from '../../reference/head.ts';
import type { Problem } from '../../reference/shapes.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { exchanged } from '../exchanged.ts';
import { anySystem, type Change, turns } from './change.ts';
import { mutant, withHead } from './mutant.ts';

const SYSTEM = 'log-linear-mamba2';

/** Two axes of some tensors exchanged: of each which ones, and numbers in one place of them. */
type Axes = (p: Problem, name: InputName | 'o') => [a: number, b: number, width: number] | null;

/** Tensors, cotangents, outputs and gradients whose memory is taken for one in which two axes are exchanged. */
function inOtherOrder(axes: Axes): () => Change {
  return () => {
    let checked: Problem;
    return {
      on: anySystem,
      problem(p) {
        checked = p;
        for (const name of Object.keys(p.inputs) as InputName[]) {
          const order = axes(p, name);
          if (order) p.inputs[name] = exchanged(p.inputs[name] as Float64Array, ...order);
        }
        const order = axes(p, 'o');
        if (order && p.cotangents) p.cotangents.o = exchanged(p.cotangents.o, ...order);
      },
      answer(_c, { o, gradients = {} }: Answer) {
        const back = (data: Float64Array, name: InputName | 'o'): void => {
          const order = axes(checked, name);
          if (order) data.set(exchanged(data, order[1], order[0], order[2]));
        };
        back(o.data, 'o');
        for (const name of Object.keys(gradients) as InputName[]) back(gradients[name]?.data as Float64Array, name);
      },
    };
  };
}

/** Of an array of rows, the entries from half of a row on are 0. */
const firstHalf = (values: Float64Array, width: number): Float64Array =>
  values.map((value, i) => (i % width >= Math.ceil(width / 2) ? 0 : value));

/** The rows of a state [L,K,V] from half of K on are 0. */
const firstKeys = ({ K, V }: Head, state: Float64Array): Float64Array =>
  state.map((value, i) => (Math.floor(i / V) % K >= Math.ceil(K / 2) ? 0 : value));

/** Rows [T,width] in the order in which each chunk is backwards. */
function backwards({ T, position, chunkSize }: Head, rows: Float64Array): Float64Array {
  const width = T > 0 ? rows.length / T : 1;
  return rows.map((_, at) => {
    const t = Math.floor(at / width);
    const chunk = Math.floor((position + t) / chunkSize) * chunkSize - position;
    const [first, last] = [Math.max(chunk, 0), Math.min(chunk + chunkSize, T) - 1];
    return rows[(first + last - t) * width + (at % width)];
  });
}

/** A state that nobody clears: a head without an initial state goes on with what one before has left. */
const leftBy = (before: (h: number, H: number, n: number) => number) => (): Change => {
  const heads = turns();
  /** What each head has left, in turn. */
  let left: Float64Array[] = [];
  let asked = 0;
  let isGiven = false;
  return {
    firstDecay: true,
    forwardOnly: true,
    problem(p) {
      heads.start(p);
      left = [];
      asked = 0;
      isGiven = p.inputs.initialState !== undefined;
    },
    head(x) {
      const { p, n, h } = heads.next();
      const state = isGiven ? undefined : left[before(h, p.H, n)];
      asked = left.length;
      return state ? withHead(x, { state }) : x;
    },
    output(_x, out) {
      left[asked] = out.state.slice();
    },
  };
};

export const memory = [
  mutant(
    'heads-before-tokens',
    SYSTEM,
    'head-permutation',
    'Memory is taken for [B,H,T,·], heads before tokens, in every input and output.',
    'the layout of q, k, v, g, beta, lambda and o: [B,T,H,·], tokens before heads',
    inOtherOrder(({ T, G, H, K, V, L, system }, name) => {
      if (name === 'q' || name === 'k') return [T, G, K];
      if (name === 'v' || name === 'o') return [T, H, V];
      if (name === 'lambda') return [T, H, L];
      if (name === 'beta') return [T, H, 1];
      if (name !== 'g' || system.recurrence?.decay === 'head') return null;
      return [T, H, system.recurrence?.decay === 'channel' ? K : 1];
    }),
  ),
  mutant(
    'values-interleaved',
    SYSTEM,
    'head-permutation',
    'The values of a token are taken for [V,H]: heads are interleaved.',
    'the layout of v: [B,T,H,V], the channels of a head beside each other',
    inOtherOrder(({ H, V }, name) => (name === 'v' ? [H, V, 1] : null)),
  ),
  mutant(
    'outputs-interleaved',
    SYSTEM,
    'head-permutation',
    'The outputs of a token are stored as [V,H]: heads are interleaved.',
    'the layout of o: [B,T,H,V], the channels of a head beside each other',
    {
      on: anySystem,
      answer(_c, { o }) {
        const [, , H, V] = o.shape;
        o.data.set(exchanged(o.data, V, H, 1));
      },
    },
  ),
  mutant(
    'keys-interleaved',
    SYSTEM,
    'head-permutation',
    'The queries and keys of a token are taken for [K,G]: groups are interleaved.',
    'the layout of q and k: [B,T,G,K], the channels of a group beside each other',
    inOtherOrder(({ G, K }, name) => (name === 'q' || name === 'k' ? [G, K, 1] : null)),
  ),
  mutant(
    'value-halves-interleaved',
    SYSTEM,
    'forward-equals-masked',
    'The two halves of the value channels are interleaved in o: channel 2i + r is channel r V/2 + i.',
    'the layout of o: channel j of o is channel j of v, without a permutation',
    {
      on: anySystem,
      answer(_c, { o }) {
        const V = o.shape[3];
        if (V % 2 === 0) o.data.set(exchanged(o.data, V / 2, 2, 1));
      },
    },
  ),
  mutant(
    'key-half-dropped',
    SYSTEM,
    'forward-equals-masked',
    'The second half of the key channels is not loaded.',
    'q·k: the sum over K has all key channels',
    {
      head: (x) =>
        withHead(x, {
          q: firstHalf(x.q, x.K),
          k: firstHalf(x.k, x.K),
          state: x.state && firstKeys(x, x.state),
        }),
      gradients(x, grads) {
        for (const key of ['q', 'k'] as const) grads[key].set(firstHalf(grads[key], x.K));
        grads.state.set(firstKeys(x, grads.state));
      },
    },
  ),
  mutant(
    'value-half-missing',
    SYSTEM,
    'forward-equals-masked',
    'The second half of the value channels is 0, in outputs and in the final state.',
    'o [B,T,H,V]: the grid over V covers all of it',
    {
      output(x, out) {
        out.o.set(firstHalf(out.o, x.V));
        out.state.set(firstHalf(out.state, x.V));
      },
    },
  ),
  mutant(
    'values-reversed-in-a-chunk',
    SYSTEM,
    'chunk-size-invariance',
    'The values of each chunk are loaded in reversed order.',
    'chunked form, intra-chunk product: row s of v belongs to row s of k',
    { forwardOnly: true, head: (x) => withHead(x, { w: backwards(x, x.w) }) },
  ),
  mutant(
    'outputs-reversed-in-a-chunk',
    SYSTEM,
    'chunk-size-invariance',
    'The outputs of each chunk are stored in reversed order.',
    'chunked form: row t of o is stored at t',
    { output: (x, out) => void out.o.set(backwards(x, out.o)) },
  ),
  mutant(
    'state-of-the-head-before',
    SYSTEM,
    'isolated-heads',
    'The state is not cleared between heads, and between rows or sequences: each goes on with what the head before it left.',
    'without an initial state, S = 0 before the first token of every head',
    leftBy((h, H, n) => n * H + h - 1),
  ),
  mutant(
    'state-of-the-row-before',
    SYSTEM,
    'isolated-batch-rows',
    'The states of the heads are not cleared between rows or sequences: each goes on with what its head left in the one before.',
    'without an initial state, S = 0 before the first token of every batch row and sequence',
    leftBy((h, H, n) => (n - 1) * H + h),
  ),
  mutant(
    'state-of-the-head-before-in-its-row',
    SYSTEM,
    'isolated-heads',
    'The state is cleared at each row or sequence, but not at each head: a head goes on with what the one before it left.',
    'without an initial state, S = 0 before the first token of every head',
    leftBy((h, H, n) => (h === 0 ? -1 : n * H + h - 1)),
  ),
];
