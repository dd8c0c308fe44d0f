/** Every wrong implementation. */
import { backward } from './backward.ts';
import { decay } from './decay.ts';
import { delta } from './delta.ts';
import { gradients } from './gradients.ts';
import { layout } from './layout.ts';
import { levels } from './levels.ts';
import { memory } from './memory.ts';
import type { Mutant } from './mutant.ts';
import { scaling } from './scaling.ts';
import { state } from './state.ts';

export const mutants: readonly Mutant[] = [
  ...levels,
  ...decay,
  ...delta,
  ...state,
  ...layout,
  ...memory,
  ...scaling,
  ...gradients,
  ...backward,
];
