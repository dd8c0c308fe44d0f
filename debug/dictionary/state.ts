/** Wrong states and positions. */
import { noise } from '../../properties/arbitraries/noise.ts';
import { contentLevels, FLAT, type Levels } from '../../reference/levels.ts';
import { anySystem, decaying, logLinear } from './change.ts';
import { mutant, toBits, withHead } from './mutant.ts';

const SYSTEM = 'log-linear-mamba2';

/** As near as sums in low precision are, which may cancel: in units of what is added up. */
const isNear = (value: number, right: number, share: number): boolean =>
  Math.abs(value - right) <= share * Math.max(1, Math.abs(right));

export const state = [
  mutant(
    'state-undecayed-at-split',
    SYSTEM,
    'split-through-state',
    'The incoming state misses the decay of the first token.',
    'step 2 at the first token of a call: F_t is applied to the state that came in',
    {
      on: decaying,
      head: (x) => {
        if (!x.state || x.T === 0) return x;
        const first = x.g.length > x.T ? x.g.slice(0, x.K) : x.g.slice(0, 1);
        if (!first.every((g) => g > -50)) return x;
        // [L,K,V], a decay for all channels or for each
        return withHead(x, {
          state: x.state.map((value, i) => value * Math.exp(-first[Math.floor(i / x.V) % first.length])),
        });
      },
    },
  ),
  mutant(
    'position-ignored',
    SYSTEM,
    'step-by-step',
    'The incoming position is taken to be 0.',
    'level(p + t, p + s): positions are global, p = the position that came in with the state',
    { on: logLinear, head: (x) => withHead(x, { position: 0 }) },
  ),
  mutant(
    'position-in-16-bits',
    SYSTEM,
    'step-by-step',
    'The incoming position is kept in 16 bits: 65536 is 0.',
    'level(p + t, p + s): positions need 31 bits',
    { on: logLinear, head: (x) => withHead(x, { position: x.position % 2 ** 16 }) },
  ),
  mutant(
    'initial-state-ignored',
    'gated-deltanet',
    'split-through-state',
    'The initial state is not read.',
    'step 4 before the first insert: the initial state is read (and decayed) as what came before',
    {
      head: (x) => withHead(x, { state: null }),
    },
  ),
  mutant(
    'final-state-misses-last-token',
    'mamba2',
    'split-through-state',
    'The final state is stored before the last token is inserted.',
    'the final state is what the recurrence holds after step 3 of the last token: level 0 is u_{T-1}',
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
    'the final state: level 0 is u_{T-1}; merging waits for the next step',
    {
      on: logLinear,
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
    'the layout of the final state: [n,H,L,K,V], K before V',
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
    'the final state: step 1 (merge) belongs to the next token, not to the end of this call',
    {
      on: logLinear,
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
    'step 1 for what came in: the levels of the initial state merge on as positions go on',
    {
      on: logLinear,
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
    'T = 0: the final state is the initial one',
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
    'without an initial state, S = 0 before the first token',
    {
      head: (x) => (x.state ? x : withHead(x, { state: new Float64Array(x.L * x.K * x.V).fill(1) })),
    },
  ),
  mutant(
    'short-state-shifts-levels',
    SYSTEM,
    'short-state-is-extended',
    'A state with fewer levels than lambda is aligned to the coarsest level.',
    'a state with fewer levels than lambda is extended with zeros at the coarse end',
    {
      on: logLinear,
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
    'o_t = ..., not o_t += ...: the output buffer is written, or cleared first',
    () => {
      /** Output buffers, one for each size, that nobody clears. */
      const buffers = new Map<number, Float64Array>();
      return {
        on: anySystem,
        output(_x, out) {
          const buffer = buffers.get(out.o.length);
          if (buffer) for (let i = 0; i < buffer.length; i++) out.o[i] += buffer[i];
          buffers.set(out.o.length, out.o.slice());
        },
        // one head: the second answer is the right one, and the first on top of it
        remembers: (first, second, right) => second.every((value, i) => isNear(value - first[i], right[i], 2 ** -7)),
      };
    },
  ),
  mutant(
    'sums-in-any-order',
    'linear',
    'same-answer-twice',
    'Keys are added up in bfloat16, by whoever comes first: the order changes from call to call.',
    'sums over s in low precision: accumulate wider, or in a fixed order',
    () => {
      /** How often anything was asked. */
      let calls = 0;
      return {
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
        // both are sums of the right numbers, to the bits that such sums have
        remembers: (first, second, right) =>
          [first, second].every((each) => each.every((value, i) => isNear(value, right[i], 1 / 4))),
      };
    },
  ),
  mutant(
    'state-saturates',
    'mamba2',
    'linear-in-initial-state',
    'The state is kept in a format that ends at 1.',
    'the format of the final state: values beyond 1 have to fit',
    {
      output(_x, out) {
        for (let i = 0; i < out.state.length; i++) out.state[i] = Math.min(1, Math.max(-1, out.state[i]));
      },
    },
  ),
];
