import { deltaRule } from '../transitions.ts';
import type { LinearSystem } from './system.ts';

export const deltanet: LinearSystem = {
  name: 'deltanet',
  title: 'DeltaNet',
  citation: 'Yang et al., arXiv 2406.06484',
  formula: '(I - beta_t k_t k_t^T) S',
  decay: 'none',
  beta: true,
  transition: deltaRule,
};
