import type { Transition } from '../transitions.ts';

/** Names of the tensors a case may bring, with the letters of the operator. */
export type InputName = 'q' | 'k' | 'v' | 'g' | 'beta' | 'lambda' | 'initialState';

/** A linear recurrence: one row of the table of systems. */
export interface LinearSystem {
  name: string;
  title: string;
  /** Paper that defines the recurrence. */
  citation: string;
  /** F_t in words, for listings. */
  formula: string;
  /** Shape of the log decay g: absent, [H], [B,T,H] or [B,T,H,K]. */
  decay: 'none' | 'head' | 'token' | 'channel';
  /** Whether beta [B,T,H] is an input; it then scales what is written: w_t = beta_t v_t. */
  beta: boolean;
  transition: Transition;
}
