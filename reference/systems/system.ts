import type { Transition } from '../head.ts';

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

/** The axes of each input, as letters: n sequences, B batch, T time, H heads, G groups, K key, V value, L levels. */
export function axesOf(recurrence: LinearSystem | null, name: InputName): string {
  switch (name) {
    case 'q':
    case 'k':
      return 'BTGK';
    case 'v':
      return 'BTHV';
    case 'beta':
      return 'BTH';
    case 'lambda':
      return 'BTHL';
    case 'initialState':
      return 'nHLKV';
    case 'g':
      return recurrence?.decay === 'head' ? 'H' : recurrence?.decay === 'channel' ? 'BTHK' : 'BTH';
  }
}
