/** Every wrong implementation. */
import { decay } from './decay.ts';
import { delta } from './delta.ts';
import { gradients } from './gradients.ts';
import { layout } from './layout.ts';
import { levels } from './levels.ts';
import type { Mutant } from './mutant.ts';
import { state } from './state.ts';

export const mutants: readonly Mutant[] = [...levels, ...decay, ...delta, ...state, ...layout, ...gradients];
