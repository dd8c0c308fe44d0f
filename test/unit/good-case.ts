/** Small cases that are right in every field, for tests to break or to vary. */
import ndarray from 'ndarray';
import type { Case } from '../../reference/case.ts';
import { findSystem } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, elements, type Tensor } from '../../reference/tensor.ts';

/** A tensor of ordinary numbers in (-1, 1), the same for the same seed. */
export function filled(shape: number[], seed = 1): DenseTensor {
  const data = new Float64Array(elements(shape));
  for (let i = 0; i < data.length; i++) data[i] = Math.sin(seed * 12.9898 + (i + 1) * 78.233);
  return ndarray(data, shape);
}

export interface Sizes {
  B?: number;
  T?: number;
  H?: number;
  G?: number;
  K?: number;
  V?: number;
  L?: number;
  /** Number of sequences, for the initial state; default B. */
  n?: number;
  /** Levels of an initial state; left out: no initial state. */
  stateLevels?: number;
}

/** A case of that system; T = 5 needs the four levels that lambda has. */
export function goodCase(system: string, sizes: Sizes = {}, more: Partial<Case> = {}): Case {
  const { B = 1, T = 5, H = 2, G = 1, K = 3, V = 2, L = 4, n = B, stateLevels } = sizes;
  const row = findSystem(system);
  if (!row) throw new Error(`no system ${system}`);
  const decay = { head: [H], token: [B, T, H], channel: [B, T, H, K], none: [] }[row.recurrence?.decay ?? 'none'];
  const shapes: Record<InputName, number[]> = {
    q: [B, T, G, K],
    k: [B, T, G, K],
    v: [B, T, H, V],
    g: decay,
    beta: [B, T, H],
    lambda: [B, T, H, L],
    initialState: [n, H, stateLevels ?? 0, K, V],
  };
  const names: InputName[] = stateLevels === undefined ? row.required : [...row.required, 'initialState'];
  const inputs: Partial<Record<InputName, Tensor>> = {};
  names.forEach((name, i) => {
    const tensor = filled(shapes[name], i + 1);
    if (name === 'g') for (let j = 0; j < tensor.data.length; j++) tensor.data[j] = -Math.abs(tensor.data[j]);
    inputs[name] = tensor;
  });
  return { system, inputs, ...more };
}

/** The case with cotangents for every output of these sizes. */
export function withCotangents(c: Case, sizes: Sizes = {}): Case {
  const { B = 1, T = 5, H = 2, K = 3, V = 2, L = 4, n = B } = sizes;
  const levels = findSystem(c.system)?.logLinear ? L : 1;
  const cotangents: NonNullable<Case['cotangents']> = { o: filled([B, T, H, V], 21) };
  if (c.system !== 'softmax') cotangents.finalState = filled([n, H, levels, K, V], 22);
  return { ...c, cotangents };
}
