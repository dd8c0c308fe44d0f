/** The laws, in the order in which a reader should look at failures. */
import type { Law } from '../law.ts';
import { algebra } from './algebra.ts';
import { causality } from './causality.ts';
import { equivalence } from './equivalence.ts';
import { gradients } from './gradients.ts';
import { robustness } from './robustness.ts';
import { sizeLaws } from './sizes.ts';
import { state } from './state.ts';

/** Laws whose cases are small. */
export const laws: readonly Law[] = [...equivalence, ...causality, ...state, ...algebra, ...robustness, ...gradients];

/** Those laws, and the ones whose cases have the sizes of real kernels. */
export const everyLaw: readonly Law[] = [...laws, ...sizeLaws];

export const findLaw = (name: string): Law | undefined => everyLaw.find((law) => law.name === name);
