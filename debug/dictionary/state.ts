/** Wrong states and positions. */
import { noise } from '../../properties/arbitraries/noise.ts';
import { contentLevels, FLAT, type Levels } from '../../reference/levels.ts';
import { mutant, toBits, withHead } from './mutant.ts';

const SYSTEM = 'log-linear-mamba2';

/** Output buffers, one for each size, that nobody clears. */
const buffers = new Map<number, Float64Array>();

/** How often anything was asked. */
let calls = 0;

export const state = [
  mutant(
    'state-undecayed-at-split',
    SYSTEM,
    'split-through-state',
    'The incoming state misses the decay of the first token.',
    {
      head: (x) =>
        x.state && x.T > 0 && x.g[0] > -50
          ? withHead(x, { state: x.state.map((value) => value * Math.exp(-x.g[0])) })
          : x,
    },
  ),
  mutant('position-ignored', SYSTEM, 'step-by-step', 'The incoming position is taken to be 0.', {
    head: (x) => withHead(x, { position: 0 }),
  }),
  mutant('position-in-16-bits', SYSTEM, 'step-by-step', 'The incoming position is kept in 16 bits: 65536 is 0.', {
    head: (x) => withHead(x, { position: x.position % 2 ** 16 }),
  }),
  mutant('initial-state-ignored', 'gated-deltanet', 'split-through-state', 'The initial state is not read.', {
    head: (x) => withHead(x, { state: null }),
  }),
  mutant(
    'final-state-misses-last-token',
    'mamba2',
    'split-through-state',
    'The final state is stored before the last token is inserted.',
    {
      output(x, out) {
        if (x.T === 0) return;
        const t = x.T - 1;
        for (let i = 0; i < x.K; i++)
          for (let j = 0; j < x.V; j++) out.state[i * x.V + j] -= x.k[t * x.K + i] * x.w[t * x.V + j];
      },
    },
  ),
  mutant(
    'last-token-at-level-one',
    SYSTEM,
    'split-through-state',
    'The last token is handed over in level 1, where it would be one step later.',
    {
      output(x, out) {
        if (x.T === 0 || x.L === 1) return;
        const size = x.K * x.V;
        for (let i = 0; i < size; i++) out.state[size + i] += out.state[i];
        out.state.fill(0, 0, size);
      },
    },
  ),
  mutant(
    'final-state-transposed',
    'gated-deltanet',
    'forward-equals-recurrent',
    'The final state is stored with V before K.',
    {
      output(x, out) {
        const right = out.state.slice();
        for (let l = 0; l < x.L; l++) {
          const at = l * x.K * x.V;
          for (let i = 0; i < x.K; i++)
            for (let j = 0; j < x.V; j++) out.state[at + j * x.K + i] = right[at + i * x.V + j];
        }
      },
    },
  ),
  mutant(
    'final-state-merged-early',
    SYSTEM,
    'states-alive',
    'The merge of the next step is done before the state is handed out.',
    {
      output(x, out) {
        if (x.T === 0 || x.levels === FLAT) return;
        const size = x.K * x.V;
        const merged = new Float64Array(out.state.length);
        for (let l = 0; l < x.L; l++) {
          const to = Math.min(Math.max(x.levels.advance(x.position + x.T, l), 0), x.L - 1);
          for (let i = 0; i < size; i++) merged[to * size + i] += out.state[l * size + i];
        }
        out.state.set(merged);
      },
    },
  ),
  mutant(
    'state-levels-never-merge',
    SYSTEM,
    'split-through-state',
    'The incoming state is read at the level it came in with, for ever.',
    {
      form: 'chunked',
      head: (x) => {
        if (!x.state) return x;
        const moved = new Float64Array(x.state.length);
        const size = x.K * x.V;
        for (let l = 0; l < x.L; l++) {
          const readBy = contentLevels(x.levels, x.position, l, 1);
          const to = readBy[0] < 0 ? l : Math.max(l, 1);
          for (let i = 0; i < size; i++) moved[to * size + i] += x.state[l * size + i];
        }
        const levels: Levels = {
          ...x.levels,
          partition: (t) => (t === x.position - 1 ? [] : x.levels.partition(t).filter(({ level }) => level === 0)),
        };
        return withHead(x, { state: moved, levels });
      },
    },
  ),
  mutant(
    'empty-call-clears-the-state',
    'log-linear-deltanet',
    'empty-call-keeps-the-state',
    'With T = 0 the final state is zero.',
    {
      output(x, out) {
        if (x.T === 0) out.state.fill(0);
      },
    },
  ),
  mutant(
    'state-buffer-not-cleared',
    'linear',
    'no-state-is-a-zero-state',
    'Without an initial state the state buffer starts with what was in memory.',
    {
      head: (x) => (x.state ? x : withHead(x, { state: new Float64Array(x.L * x.K * x.V).fill(1) })),
    },
  ),
  mutant(
    'short-state-shifts-levels',
    SYSTEM,
    'short-state-is-extended',
    'A state with fewer levels than lambda is aligned to the coarsest level.',
    {
      problem(p) {
        const { initialState } = p.inputs;
        if (!initialState || p.stateLevels === p.L) return;
        const rows = initialState.length / (p.stateLevels * p.K * p.V);
        const moved = new Float64Array(rows * p.L * p.K * p.V);
        const size = p.stateLevels * p.K * p.V;
        for (let row = 0; row < rows; row++) {
          moved.set(initialState.subarray(row * size, (row + 1) * size), (row + 1) * p.L * p.K * p.V - size);
        }
        p.inputs.initialState = moved;
        const shape = p.shapes.initialState as number[];
        p.shapes.initialState = [shape[0], shape[1], p.L, shape[3], shape[4]];
        p.stateLevels = p.L;
      },
    },
  ),
  mutant(
    'output-buffer-not-cleared',
    'gla',
    'same-answer-twice',
    'Outputs are added to a buffer that is kept for each size and never cleared.',
    {
      output(_x, out) {
        const buffer = buffers.get(out.o.length);
        if (buffer) for (let i = 0; i < buffer.length; i++) out.o[i] += buffer[i];
        buffers.set(out.o.length, out.o.slice());
      },
    },
  ),
  mutant(
    'sums-in-any-order',
    'linear',
    'same-answer-twice',
    'Keys are added up in bfloat16, by whoever comes first: the order changes from call to call.',
    {
      output(x, out) {
        calls++;
        for (let t = 0; t < x.T; t++) {
          const start = noise(calls, 'order', [t]) % (t + 1);
          for (let j = 0; j < x.V; j++) {
            let sum = 0;
            let exact = 0;
            for (let n = 0; n <= t; n++) {
              const s = (n + start) % (t + 1);
              let score = 0;
              for (let i = 0; i < x.K; i++) score += x.q[t * x.K + i] * x.k[s * x.K + i];
              exact += x.scale * score * x.w[s * x.V + j];
              sum = toBits(sum + x.scale * score * x.w[s * x.V + j], 8);
            }
            // what comes in with a state stays right
            if (Number.isFinite(exact)) out.o[t * x.V + j] += sum - exact;
          }
        }
      },
    },
  ),
  mutant('state-saturates', 'mamba2', 'linear-in-initial-state', 'The state is kept in a format that ends at 1.', {
    output(_x, out) {
      for (let i = 0; i < out.state.length; i++) out.state[i] = Math.min(1, Math.max(-1, out.state[i]));
    },
  }),
];
