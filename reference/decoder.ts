/**
 * Token by token: the recurrent form with its states held between calls. After token t at most popcount(t) + 1 level states
 * exist for each head (weak structure, base 2), so that memory is O(log T). Source: arXiv 2506.04761.
 */
import { InvalidInput } from './errors.ts';
import type { Head } from './head.ts';
import type { Structure } from './levels.ts';
import { headOf } from './operator.ts';
import { type LevelStates, packState, stepHead, unpackState } from './recurrent.ts';
import { checkCase, checkFields, checkShape, MOST_POSITIONS, type Problem } from './shapes.ts';
import { type System, systems } from './systems/registry.ts';
import { brief, checkTensor, type DenseTensor, elements, type Tensor, tensor, toDense } from './tensor.ts';

/** What a decoder has read so far: B batch rows, H heads, L levels, K key size, V value size. */
export interface DecoderState {
  /** [B,H,L,K,V], as `finalState` of an answer; as input, fewer than L levels are extended with empty ones */
  levels: Tensor;
  /** [B] count of positions seen */
  position: readonly number[];
}

/** A DecoderState as a decoder hands it out: dense copies. */
export interface DenseDecoderState extends DecoderState {
  levels: DenseTensor;
  position: number[];
}

export interface DecoderOptions {
  /** A name of `systems` other than softmax. */
  system: string;
  /** Batch rows, value heads, query/key groups (G divides H), key size, value size. */
  B: number;
  H: number;
  G: number;
  K: number;
  V: number;
  /** L of lambda, log-linear systems: position t reads level bitLength(t), so that T tokens need bitLength(T-1) + 1. Default: the state's. */
  levels?: number;
  /** Default: weak, base 2. */
  structure?: Structure;
  /** Multiplies q·k; default 1. */
  scale?: number;
  /** Where to go on from; default: the start of B sequences. */
  state?: DecoderState;
}

/** One token of every batch row, an ndarray for each input that the system has. */
export interface Token {
  /** [B,G,K] */
  q: Tensor;
  /** [B,G,K] */
  k: Tensor;
  /** [B,H,V] */
  v: Tensor;
  /** log decay (natural): [H] (retention), [B,H] (scalar) or [B,H,K] (diagonal) */
  g?: Tensor;
  /** [B,H] */
  beta?: Tensor;
  /** [B,H,L] */
  lambda?: Tensor;
}

export interface Decoder {
  /**
   * Reads one token.
   * @returns o [B,H,V]
   * @throws InvalidInput with nothing read
   */
  step(token: Token): DenseTensor;
  /** The state after the tokens so far, equal to `finalState` and `position` of `compute` on the same tokens. */
  state(): DenseDecoderState;
  /** [B][H] level states that are held in memory. */
  alive(): number[][];
  /** Bytes of all level states that are held in memory. */
  bytes(): number;
}

const OPTIONS = ['system', 'B', 'H', 'G', 'K', 'V', 'levels', 'structure', 'scale', 'state'];

type TokenName = keyof Token;
type DenseToken = Partial<Record<TokenName, Float64Array>>;

interface TokenTensor {
  name: TokenName;
  /** Letters: those of a case, without T. */
  axes: string;
  shape: number[];
}

function tokenTensors(system: System, sizes: Record<string, number>): TokenTensor[] {
  const decay = { none: '', head: 'H', token: 'BH', channel: 'BHK' }[system.recurrence?.decay ?? 'none'];
  const axes: Record<TokenName, string> = { q: 'BGK', k: 'BGK', v: 'BHV', g: decay, beta: 'BH', lambda: 'BHL' };
  return (system.required as TokenName[]).map((name) => {
    return { name, axes: axes[name], shape: [...axes[name]].map((axis) => sizes[axis]) };
  });
}

function checkSystem(where: string, name: unknown): System {
  const system = systems.find((candidate) => candidate.name === name);
  if (system?.recurrence) return system;
  const wanted = systems.filter(({ recurrence }) => recurrence !== null).map((candidate) => candidate.name);
  const remedy = system ? 'softmax attention has no recurrence to step through; compute answers it' : '';
  throw new InvalidInput(where, 'system', brief(name), wanted.join(', '), remedy);
}

function checkSize(where: string, argument: string, value: unknown, remedy = ''): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  throw new InvalidInput(where, argument, brief(value), 'an integer of 1 or more', remedy);
}

/** L: what the options say, or else what the state has; 1 for a flat system. */
function checkLevels(where: string, { levels, state }: DecoderOptions, system: System): number {
  if (system.logLinear) {
    return checkSize(where, 'levels', levels ?? state?.levels.shape[2], 'T tokens need bitLength(T-1) + 1');
  }
  if (levels === undefined || levels === 1) return 1;
  throw new InvalidInput(where, 'levels', brief(levels), '1', `${system.name} has no level scales`);
}

function checkState(where: string, { B, H, K, V }: DecoderOptions, state: DecoderState): void {
  if (typeof state !== 'object' || state === null) {
    throw new InvalidInput(where, 'state', brief(state), '{levels, position}', 'pass what state() returned');
  }
  checkFields(where, state, ['levels', 'position'], 'state');
  checkTensor(where, 'state.levels', state.levels);
  const given = state.levels.shape[2];
  checkShape(where, 'state.levels', state.levels, [B, H, given, K, V], 'BHLKV', 'sizes are those of the decoder');
  if (state.position === undefined) throw new InvalidInput(where, 'state.position', 'nothing', `B = ${B} integers`);
}

/** The decoder as a case without tokens: what is not refused here by its own name is left to the boundary of `compute`. */
function checkOptions(where: string, options: DecoderOptions): Problem {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidInput(where, 'options', brief(options), 'an object');
  }
  checkFields(where, options, OPTIONS);
  const { B, H, G, K, V, state } = options;
  const system = checkSystem(where, options.system);
  for (const name of ['B', 'H', 'G', 'K', 'V'] as const) checkSize(where, name, options[name]);
  if (H % G !== 0) {
    throw new InvalidInput(where, 'G', `${G} for H = ${H} heads`, 'a divisor of H', 'each group serves H / G heads');
  }
  if (state !== undefined) checkState(where, options, state);
  const L = checkLevels(where, options, system);
  const before = state?.levels.shape[2] ?? L;
  if (before < 1 || before > L) {
    throw new InvalidInput(where, 'state.levels', `L = ${before}`, `1 … ${L}`, 'raise the option levels');
  }
  const none = tokenTensors(system, { B, H, G, K, V, L }).map(({ name, axes, shape }) => {
    const withTime = axes[0] === 'B' ? [B, 0, ...shape.slice(1)] : shape;
    return [name, tensor(new Float64Array(elements(withTime)), withTime)];
  });
  return checkCase(where, {
    system: system.name,
    inputs: { ...Object.fromEntries(none), initialState: state?.levels },
    position: state?.position,
    structure: options.structure,
    scale: options.scale,
  });
}

/** Dense copies of a token's tensors, each of its wanted shape. */
function checkToken(where: string, { system }: Problem, wanted: TokenTensor[], token: Token): DenseToken {
  if (typeof token !== 'object' || token === null) throw new InvalidInput(where, 'token', brief(token), 'an object');
  checkFields(where, token, system.required, 'token');
  const dense: DenseToken = {};
  for (const { name, axes, shape } of wanted) {
    const value = token[name];
    if (value === undefined) throw new InvalidInput(where, name, 'no tensor', `one for ${system.name}`);
    checkTensor(where, name, value);
    checkShape(where, name, value, shape, axes, 'a token has the axes of a case without T');
    dense[name] = toDense(value);
  }
  return dense;
}

/** Every row can take one more position. */
function checkReach(where: string, p: Problem, position: readonly number[]): void {
  for (const seen of position) {
    if (seen >= MOST_POSITIONS) throw new InvalidInput(where, 'position', `${seen}`, 'positions below 2^31 - 1');
    const wanted = p.levels.count(seen + 1);
    if (p.L >= wanted) continue;
    const remedy = `position ${seen} reads ${wanted} levels; make the decoder with levels >= ${wanted}, from state()`;
    throw new InvalidInput(where, 'lambda', `L = ${p.L}`, `L >= ${wanted}`, remedy);
  }
}

/** Entry `row` of a matrix with as many columns as `to` has entries. */
function copyRow(to: Float64Array, from: Float64Array | undefined, row: number): void {
  if (from) to.set(from.subarray(row * to.length, (row + 1) * to.length));
}

/**
 * A decoder: give it one token after the other, read o after each.
 * @param options sizes B, H, G, K, V and L = levels; system; structure; scale; a state [B,H,L,K,V] to go on from
 * @throws InvalidInput naming the option that is off
 */
export function createDecoder(options: DecoderOptions): Decoder {
  const p = checkOptions('createDecoder', options);
  const { B, H, G, K, V, L } = p;
  const position = p.sequences.map((sequence) => sequence.position);
  const wanted = tokenTensors(p.system, { B, H, G, K, V, L });
  // head i = b H + h: one token's buffers, and the states
  const heads: Head[] = [];
  const states: LevelStates[] = [];
  for (let i = 0; i < B * H; i++) {
    const before = headOf(p, Math.floor(i / H), i % H);
    states.push(unpackState(before, before.state));
    heads.push({
      ...before,
      T: 1,
      state: null,
      q: new Float64Array(K),
      k: new Float64Array(K),
      w: new Float64Array(V),
      g: new Float64Array({ none: 0, head: 1, token: 1, channel: K }[p.system.recurrence?.decay ?? 'none']),
      beta: new Float64Array(p.system.recurrence?.beta ? 1 : 0),
      lambda: new Float64Array(L).fill(1),
    });
  }

  /** Token to head i. */
  function load(x: Head, i: number, { q, k, v, g, beta, lambda }: DenseToken): void {
    const group = Math.floor(i / H) * G + Math.floor(((i % H) * G) / H);
    copyRow(x.q, q, group);
    copyRow(x.k, k, group);
    copyRow(x.w, v, i);
    copyRow(x.g, g, p.system.recurrence?.decay === 'head' ? i % H : i);
    copyRow(x.beta, beta, i);
    copyRow(x.lambda, lambda, i);
    if (beta) for (let j = 0; j < V; j++) x.w[j] *= beta[i];
    x.position = position[Math.floor(i / H)];
  }

  const counts = (): number[] => states.map((levels) => levels.filter((level) => level !== null).length);

  return {
    step(token) {
      const inputs = checkToken('step', p, wanted, token);
      checkReach('step', p, position);
      const o = new Float64Array(B * H * V);
      heads.forEach((x, i) => {
        load(x, i, inputs);
        states[i] = stepHead(x, states[i], o.subarray(i * V, (i + 1) * V));
      });
      for (let b = 0; b < B; b++) position[b]++;
      return tensor(o, [B, H, V]);
    },
    state() {
      const levels = new Float64Array(B * H * L * K * V);
      states.forEach((levelStates, i) => {
        levels.set(packState(p, levelStates), i * L * K * V);
      });
      return { levels: tensor(levels, [B, H, L, K, V]), position: [...position] };
    },
    alive() {
      const all = counts();
      return position.map((_, b) => all.slice(b * H, (b + 1) * H));
    },
    bytes: () => counts().reduce((sum, count) => sum + count, 0) * K * V * Float64Array.BYTES_PER_ELEMENT,
  };
}
