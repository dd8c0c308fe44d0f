/**
 * A case and its answer: the one value that crosses the house. B batch, T sequence length, H value heads, G query/key groups,
 * K key size, V value size, L levels, n sequences (B, or the number of packed ones).
 */
import type { Intermediates } from './intermediates.ts';
import type { Structure } from './levels.ts';
import type { InputName } from './systems/system.ts';
import type { DenseTensor, Tensor } from './tensor.ts';

export type FormName = 'masked' | 'recurrent' | 'chunked';

export interface Case {
  /** A name of `systems`, e.g. "log-linear-mamba2". */
  system: string;
  /**
   * q, k [B,T,G,K]; v [B,T,H,V]; g [H], [B,T,H] or [B,T,H,K] (natural log of the decay); beta [B,T,H]; lambda [B,T,H,L];
   * initialState [n,H,L,K,V].
   */
  inputs: Partial<Record<InputName, Tensor>>;
  /** Multiplies q·k; default 1. */
  scale?: number;
  /** Default: weak, base 2. */
  structure?: Structure;
  /** [n] positions that each sequence has already seen; default 0. */
  position?: readonly number[];
  /** [n+1] starts of sequences packed along T, from 0 to T; needs B = 1. */
  cuSeqlens?: readonly number[];
  /** Gradients of <o, cotangents.o> + <finalState, cotangents.finalState>; their presence asks for gradients. */
  cotangents?: { o: Tensor; finalState?: Tensor };
  /** Default: chunked; masked for softmax; recurrent where the structure is not weak base 2. */
  form?: FormName;
  /** C, a power of two; default 64. */
  chunkSize?: number;
  /** Where the case came from. */
  law?: string;
  seed?: number;
  path?: string;
}

export interface Answer {
  /** [B,T,H,V] */
  o: DenseTensor;
  /** [n,H,L,K,V]; absent for softmax */
  finalState?: DenseTensor;
  /** [n] positions seen after the call */
  position: number[];
  /** Shaped like the inputs that the case has; present when it has cotangents. */
  gradients?: Partial<Record<InputName, DenseTensor>>;
  /** Steps on the way, where an implementation shows them. */
  intermediates?: Intermediates;
}
