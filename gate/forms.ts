/** Every form that we have: those in float64, and the GPU form on each backend. */
import { gpuForms } from '../gpu/implementations.ts';
import { builtIn } from '../properties/implementations.ts';
import type { Implementation } from '../properties/law.ts';

export const allForms: readonly Implementation[] = [...builtIn, ...gpuForms];
