/** Every law, in the order in which a reader should look at failures. */
import type { Law } from '../law.ts';
import { algebra } from './algebra.ts';
import { causality } from './causality.ts';
import { equivalence } from './equivalence.ts';
import { gradients } from './gradients.ts';
import { robustness } from './robustness.ts';
import { state } from './state.ts';

export const laws: readonly Law[] = [...equivalence, ...causality, ...state, ...algebra, ...robustness, ...gradients];

export const findLaw = (name: string): Law | undefined => laws.find((law) => law.name === name);
